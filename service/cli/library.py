"""``opioscan library``: make, fill and inspect reference libraries."""

from pathlib import Path
from typing import Annotated, Any

import typer

from library.admission import Admission, admit
from library.errors import ImportRefused
from library.importing import ImportReport, import_folder
from library.merging import Merge, merge_into
from library.quality_codes import REFUSING
from library.starter import ensure_starter
from library.store import Library, read_library, write_library
from spectra.references import ReferenceEntry
from spectra.values import Technique

from ..errors import UsageError
from ..quality.page import quality_page, write_page
from ..quality.words import quality_lines
from ..settings import load_settings
from .output import emit_json, progress, say, warn

app = typer.Typer(
    help="Make, fill and inspect reference libraries.", no_args_is_help=True, add_completion=False
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
LibraryFile = Annotated[Path | None, typer.Argument(metavar="[LIB.h5]", help="Default: the starter library.")]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write what was found as one page.")
]

#: Files named one by one on the terminal; the JSON names all.
_MOST_NAMED = 20


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="LIB.h5", help="Library to make.")],
    name: Annotated[str, typer.Option(help="Name; default: the file's.")] = "",
    json: Json = False,
) -> None:
    """Make an empty library; a file that is there already is left alone."""
    library = write_library(path, (), name=name or path.stem, replace=False)
    if json:
        emit_json(_library_json(library))
    else:
        say(f"{path}: empty library {library.name!r}")
        say(f"Fill it with: opioscan library import FOLDER --into {path}")


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder with spectra, and perhaps a manifest.csv.")],
    into: Annotated[
        Path, typer.Option("--into", metavar="LIB.h5", help="Library to add to; made if missing.")
    ],
    technique: Annotated[
        Technique | None, typer.Option(help="How files were measured that do not say so.")
    ] = None,
    laser: Annotated[
        float | None, typer.Option(metavar="NM", help="Excitation, nm, of files that do not say so.")
    ] = None,
    include_vapour: Annotated[
        bool, typer.Option("--include-vapour", help="Import spectra of vapours (GC-IR) too.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="Import in spite of this finding; may be repeated."),
    ] = None,
    report: ReportFile = None,
    json: Json = False,
) -> None:
    """Import a folder of spectra (ENLIGHTEN CSV, JCAMP-DX, BWSpec, Bruker OPUS, two-column text).

    Every spectrum goes through quality control first; what it finds is told, and nothing is repaired.
    """
    if unknown := sorted(set(accept or ()) - REFUSING):
        raise UsageError(
            f"--accept {unknown[0]}: no finding keeps a file out by that name; there are "
            f"{', '.join(sorted(REFUSING))}"
        )
    with progress(f"reading {folder.name}", total=1.0) as bar:
        found = import_folder(
            folder,
            technique=technique,
            laser_nm=laser,
            include_vapour=include_vapour,
            progress=lambda _done, total, _file: bar(1.0 / total),
        )
    held = read_library(into).entries if into.exists() else ()
    with progress("quality control", total=len(found.entries)) as bar:
        admission = admit(found, held=held, accepted=accept or (), progress=bar)
    del held
    if report is not None:
        write_page(report, _import_page(folder, found, admission))
    refused = [*found.refused, *((one.file, one.reason) for one in admission.refused)]
    if not admission.entries:
        file, why = refused[0]
        raise ImportRefused(f"{folder}: none of {len(refused)} files imported; the first, {file}: {why}")
    merge = merge_into(into, admission.entries)
    if json:
        emit_json({**_library_json(merge.library), **_report_json(found, admission, merge)})
    else:
        _tell_import(found, admission, merge)


@app.command("list")
def list_(path: LibraryFile = None, json: Json = False) -> None:
    """List the entries of a library."""
    library = _opened(path)
    if json:
        for entry in library.entries:
            emit_json(_entry_json(entry))
        return
    say(f"{library.name}: {len(library.entries)} entries, digest {library.digest[:16]}…")
    rows = [
        (
            entry.reference_id,
            entry.substance.name,
            entry.substance.substance_class,
            str(entry.grade),
            "controlled" if entry.substance.controlled else "",
        )
        for entry in library.entries
    ]
    widths = [min(40, max(map(len, column))) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command()
def show(
    path: Annotated[Path, typer.Argument(metavar="LIB.h5|ENTRY", help="Library; left out: the starter.")],
    entry: Annotated[
        str | None, typer.Argument(metavar="ENTRY", help="Its identifier, or a substance's name.")
    ] = None,
    json: Json = False,
) -> None:
    """Show one entry of a library: by its identifier, or by a name that only one entry has."""
    if entry is None and path.suffix.lower() in {".h5", ".hdf5"}:
        raise UsageError(f"which entry of {path}? See: opioscan library list {path}")
    library = _opened(None if entry is None else path)
    found = library.entry(str(path) if entry is None else entry)
    if json:
        emit_json(_entry_json(found))
        return
    facts = _entry_json(found)
    width = max(map(len, facts))
    for key, value in facts.items():
        if value not in ("", None, []):
            words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            say(f"{key.ljust(width)}  {words}")


def _opened(path: Path | None) -> Library:
    return read_library(path or ensure_starter(load_settings().libraries_dir))


def _library_json(library: Library) -> dict[str, Any]:
    return {
        "library": str(library.path),
        "name": library.name,
        "digest": library.digest,
        "format_version": library.format_version,
        "entries": len(library.entries),
    }


def _report_json(report: ImportReport, admission: Admission, merge: Merge) -> dict[str, Any]:
    refused: list[dict[str, Any]] = [{"file": file, "reason": why} for file, why in report.refused]
    refused += [
        {"file": one.file, "reason": one.reason, "codes": list(one.codes)} for one in admission.refused
    ]
    return {
        "imported": len(admission.entries),
        "added": merge.added,
        "replaced": merge.replaced,
        "created": merge.created,
        "refused": refused,
        "unlisted": list(report.unlisted),
        "duplicates": [list(names) for names in report.duplicates],
        "notes": list(report.notes),
        "quality": admission.quality.to_json(),
    }


def _import_page(folder: Path, report: ImportReport, admission: Admission) -> str:
    refused = [*report.refused, *((one.file, one.reason) for one in admission.refused)]
    facts = {
        "files read": str(len(set(report.files.values())) + len(report.refused)),
        "may enter": str(len(admission.entries)),
        "not imported": str(len(refused)),
        "not in the manifest": ", ".join(report.unlisted) or "none",
        "one compound under several names": "; ".join(" = ".join(names) for names in report.duplicates)
        or "none",
        "notes": " ".join(f"{note}." for note in report.notes) or "none",
    }
    return quality_page(
        f"Import of {folder.name}",
        admission.quality,
        report.entries,
        facts=facts,
        refused=refused,
        files=report.files,
    )


def _entry_json(entry: ReferenceEntry) -> dict[str, Any]:
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
    }


def _tell_import(report: ImportReport, admission: Admission, merge: Merge) -> None:
    refused = [*report.refused, *((one.file, one.reason) for one in admission.refused)]
    if merge.created:
        warn(f"{merge.library.path} did not exist; it was made")
    for file, why in refused[:_MOST_NAMED]:
        warn(f"not imported: {file}: {why}")
    if (more := len(refused) - _MOST_NAMED) > 0:
        warn(f"not imported: {more} more files; --json names all")
    if report.unlisted:
        names = ", ".join(report.unlisted[:_MOST_NAMED])
        warn(f"not imported: {len(report.unlisted)} files that manifest.csv does not list: {names}")
    for note in report.notes[:_MOST_NAMED]:
        warn(note)
    for group in report.duplicates:
        say(f"one compound under several names: {', '.join(group)}")
    for line in quality_lines(admission.quality):
        say(line)
    counts = f"{len(admission.entries)} imported ({merge.added} new, {merge.replaced} replaced)"
    total = len(merge.library.entries)
    say(f"{merge.library.path}: {counts}, {len(refused)} refused; {total} entries in all")
