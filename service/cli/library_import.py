"""``opioscan library import``: a folder of spectra, through quality control, into a library."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from library.documenting import undocumented
from library.errors import ImportRefused
from library.importing import ImportReport, import_folder
from library.merging import Merge, merge_into
from library.quality_codes import REFUSING
from library.store import read_library
from spectra.values import Technique

from ..errors import UsageError
from .library_words import MOST_NAMED, Json, ReportFile, library_json, undocumented_words
from .output import emit_json, progress, say, warn
from .papers import AuthenticatedAt, AuthenticatedBy, Basis, papers_asked

if TYPE_CHECKING:
    from library.admission import Admission


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
    authenticated_by: AuthenticatedBy = "",
    basis: Basis = "",
    authenticated_at: AuthenticatedAt = "",
    report: ReportFile = None,
    json: Json = False,
) -> None:
    """Import a folder of spectra (JCAMP-DX, SPC, OPUS, SPA, WDF, HDF5 of 'convert', CSV and text).

    Every spectrum goes through quality control first; what it finds is told, and nothing is repaired.
    """
    from library.admission import admit

    from ..quality.page import write_page

    papers = papers_asked(authenticated_by, authenticated_at, basis)
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
            papers=papers,
            now=datetime.now(UTC),
            progress=lambda _done, total, _file: bar(1.0 / total),
        )
    before = read_library(into) if into.exists() else None
    examined = before.digest if before else ""
    with progress("quality control", total=len(found.entries)) as bar:
        held = before.entries if before else ()
        admission = admit(found, held=held, accepted=accept or (), progress=bar)
    del before, held
    if report is not None:
        write_page(report, _import_page(folder, into, found, admission))
    refused = [*found.refused, *((one.file, one.reason) for one in admission.refused)]
    if not admission.entries:
        file, why = refused[0]
        raise ImportRefused(f"{folder}: none of {len(refused)} files imported; the first, {file}: {why}")
    merge = merge_into(into, admission.entries, examined=examined)
    if json:
        emit_json({**library_json(merge.library), **_report_json(found, admission, merge)})
    else:
        _tell_import(found, admission, merge)


def _report_json(report: ImportReport, admission: "Admission", merge: Merge) -> dict[str, Any]:
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
        "controlled_undocumented": [one.reference_id for one in undocumented(admission.entries)],
        "quality": _quality_json(report, admission),
    }


def _quality_json(report: ImportReport, admission: "Admission") -> dict[str, Any]:
    """Return what quality control found, each entry with its file."""
    found = admission.quality.to_json()
    entries = [{**one, "file": report.files.get(one["reference_id"], "")} for one in found["entries"]]
    return {**found, "entries": entries}


def _import_page(folder: Path, into: Path, report: ImportReport, admission: "Admission") -> str:
    from ..quality.page import quality_page

    refused = [*report.refused, *((one.file, one.reason) for one in admission.refused)]
    facts = {
        "files read": str(len(set(report.files.values())) + len(report.refused)),
        "may enter": str(len(admission.entries)),
        "not imported": str(len(refused)),
        "not in the manifest": ", ".join(report.unlisted) or "none",
        "one compound under several names": "; ".join(" = ".join(names) for names in report.duplicates)
        or "none",
        "notes": " ".join(f"{note}." for note in report.notes) or "none",
        "controlled, not documented": undocumented_words(undocumented(admission.entries), into) or "none",
    }
    return quality_page(
        f"Import of {folder.name}",
        admission.quality,
        report.entries,
        facts=facts,
        refused=refused,
        files=report.files,
    )


def _tell_import(report: ImportReport, admission: "Admission", merge: Merge) -> None:
    from ..quality.words import quality_lines

    refused = [*report.refused, *((one.file, one.reason) for one in admission.refused)]
    if merge.created:
        warn(f"{merge.library.path} did not exist; it was made")
    for file, why in refused[:MOST_NAMED]:
        warn(f"not imported: {file}: {why}")
    if (more := len(refused) - MOST_NAMED) > 0:
        warn(f"not imported: {more} more files; --json names all")
    if report.unlisted:
        names = ", ".join(report.unlisted[:MOST_NAMED])
        warn(f"not imported: {len(report.unlisted)} files that manifest.csv does not list: {names}")
    for note in report.notes[:MOST_NAMED]:
        warn(note)
    for group in report.duplicates:
        say(f"one compound under several names: {', '.join(group)}")
    for line in quality_lines(admission.quality):
        say(line)
    if words := undocumented_words(undocumented(admission.entries), merge.library.path):
        warn(words)
    counts = f"{len(admission.entries)} imported ({merge.added} new, {merge.replaced} replaced)"
    total = len(merge.library.entries)
    say(f"{merge.library.path}: {counts}, {len(refused)} refused; {total} entries in all")
