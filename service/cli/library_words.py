"""What the commands of ``opioscan library`` share: options, and entries as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from library.entry_json import authentication_json
from library.starter import ensure_starter
from library.store import Library, read_library
from spectra.references import ReferenceEntry

from ..settings import load_settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
LibraryFile = Annotated[Path | None, typer.Argument(metavar="[LIB.h5]", help="Default: the starter library.")]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write what was found as one page.")
]

#: Lines of one kind on the terminal; the JSON names all.
MOST_NAMED = 20


def opened(path: Path | None) -> Library:
    """Return the library at a path; the starter library where none is named."""
    return read_library(path or ensure_starter(load_settings().libraries_dir))


def library_json(library: Library) -> dict[str, Any]:
    """Return what identifies a library."""
    return {
        "library": str(library.path),
        "name": library.name,
        "digest": library.digest,
        "format_version": library.format_version,
        "entries": len(library.entries),
    }


def entry_json(entry: ReferenceEntry) -> dict[str, Any]:
    """Return the facts of an entry."""
    substance, spectrum = entry.substance, entry.spectrum
    return {
        "reference_id": entry.reference_id,
        "substance": substance.name,
        "synonyms": list(substance.synonyms),
        "class": substance.substance_class,
        "controlled": substance.controlled,
        "schedule": substance.schedule,
        "jurisdiction": substance.jurisdiction,
        "cas": substance.cas,
        "inchikey": substance.inchikey,
        "technique": str(spectrum.technique),
        "grade": str(entry.grade),
        "form": entry.form,
        "packaging": entry.packaging,
        "enhanced": entry.enhanced,
        "laser_nm": spectrum.laser_nm,
        "resolution_cm1": spectrum.resolution_cm1,
        "coverage_cm1": [float(spectrum.axis[0]), float(spectrum.axis[-1])],
        "channels": int(spectrum.axis.size),
        "instrument": entry.instrument,
        "equivalents": list(entry.equivalents),
        "source": entry.source,
        "licence": entry.licence,
        "substance_source": substance.source,
        "history": list(spectrum.history),
        "authentication": None if entry.authentication is None else authentication_json(entry.authentication),
    }


def authentication_words(vouched: Mapping[str, Any]) -> str:
    """Return an authentication (JSON form) in one line: the person first, what is empty left out."""
    person = f"{vouched['authenticated_by']} on {vouched['authenticated_at']}: {vouched['basis']}"
    told = ("authenticated_by", "authenticated_at", "basis", "scans")
    rest = [
        f"{key.replace('_', ' ')} {', '.join(value) if isinstance(value, list) else value}"
        for key, value in vouched.items()
        if key not in told and value not in ("", None, [], 0, False)
    ]
    scans = [f"scans {', '.join(one[:12] for one in vouched['scans'])}"] if vouched["scans"] else []
    return "; ".join([f"by {person}", *rest, *scans])


def undocumented_words(entries: Sequence[ReferenceEntry], path: Path | None) -> str:
    """Return what follows from controlled references that nobody is on record for; empty without any."""
    if not entries:
        return ""
    names = ", ".join(entry.substance.name for entry in entries[:MOST_NAMED])
    more = "" if len(entries) <= MOST_NAMED else f" and {len(entries) - MOST_NAMED} more"
    has = (
        "entry of a controlled substance has"
        if len(entries) == 1
        else "entries of controlled substances have"
    )
    command = f"opioscan library edit {quote(str(path))} ENTRY --authenticated-by NAME --basis TEXT"
    return (
        f"{len(entries)} {has} no documented authentication and will raise an alarm that names no substance: "
        f"{names}{more}; to document one: {command} (--all instead of ENTRY for all)"
    )
