"""``opioscan library edit``, ``remove`` and ``export``: changes by hand, recorded; files that read back."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from library.assignments import FIELDS, parse_assignment
from library.editing import edit_entry, remove_entry
from library.exporting import export_facts, export_folder

from ..errors import UsageError
from .library_words import MOST_NAMED, Json, entry_json, library_json, opened
from .output import emit_json, progress, say, warn
from .papers import (
    AuthenticatedAt,
    AuthenticatedBy,
    Basis,
    Certificate,
    Expires,
    Lot,
    SampleName,
    Supplier,
    now_utc,
    one_line,
    papers_asked,
)

if TYPE_CHECKING:
    from library.documenting import Papers

LibraryPath = Annotated[Path, typer.Argument(metavar="LIB.h5", help="The library.")]
Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="Its identifier, or a name that only it has.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who changes it. Default: who is logged in.")]


def edit(
    path: LibraryPath,
    entry: Annotated[
        str,
        typer.Argument(
            metavar="[ENTRY]", help="Its identifier, or a name that only it has.", show_default=False
        ),
    ] = "",
    assign: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help=f"May be repeated; synonyms += and -= too. {', '.join(FIELDS)}",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Document every measured entry that nobody vouches for yet.")
    ] = False,
    authenticated_by: AuthenticatedBy = "",
    basis: Basis = "",
    authenticated_at: AuthenticatedAt = "",
    certificate: Certificate = "",
    lot: Lot = "",
    expires: Expires = "",
    supplier: Supplier = "",
    sample: SampleName = "",
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; needed for controlled=no, and to document anew.")
    ] = "",
    by: By = "",
    json: Json = False,
) -> None:
    """Change facts of an entry, or document who vouches for it; who, when and why are kept in its history.

    Its numbers never change.
    """
    more = {"lot": lot, "expires": expires, "supplier": supplier, "sample": sample}
    papers = papers_asked(authenticated_by, authenticated_at, basis, certificate, **more)
    if bool(entry) == every:
        raise UsageError(
            f"say which entry (see: opioscan library list {path}), or --all to document them all"
        )
    if papers is None and (every or not assign):
        raise UsageError("say what to change: --set FIELD=VALUE, or --authenticated-by NAME --basis TEXT")
    if every and assign:
        raise UsageError("--all documents who vouches; --set changes one entry")
    if every and papers is not None:
        _document_all(path, papers, by=person(by), reason=one_line(reason), json=json)
        return
    done = edit_entry(
        path,
        entry,
        [parse_assignment(one) for one in assign or ()],
        by=person(by),
        at=now_utc(),
        reason=one_line(reason),
        papers=papers,
    )
    if json:
        changes = [{"field": field, "old": was, "new": now} for field, was, now in done.changes]
        said = {"entry": entry_json(done.entry), "changes": changes, "warnings": list(done.warnings)}
        emit_json({**library_json(done.library), **said})
        return
    for field, was, now in done.changes:
        say(f"{done.entry.reference_id}: {field}: {was or 'empty'} → {now or 'empty'}")
    for warning in done.warnings:
        warn(f"{done.entry.reference_id}: {warning}")


def _document_all(path: Path, papers: "Papers", *, by: str, reason: str, json: bool) -> None:
    from library.vouching import document_all

    done = document_all(path, papers, by=by, at=now_utc(), reason=reason)
    if json:
        left_out = [{"entry": key, "reason": why} for key, why in done.left_out]
        documented = [entry.reference_id for entry in done.entries]
        emit_json({**library_json(done.library), "documented": documented, "left_out": left_out})
        return
    for key, why in done.left_out[:MOST_NAMED]:
        warn(f"not documented: {key}: {why}")
    for entry in done.entries[:MOST_NAMED]:
        say(f"{entry.reference_id}: {papers.authenticated_by} vouches for it: {papers.basis}")
    say(f"{path}: {len(done.entries)} entries documented; {len(done.library.entries)} in all")


def remove(
    path: LibraryPath,
    entry: Entry,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    by: By = "",
    json: Json = False,
) -> None:
    """Remove an entry; the journal beside the library keeps who, when and why."""
    done = remove_entry(path, entry, by=person(by), at=now_utc(), reason=one_line(reason))
    if json:
        emit_json({**library_json(done.library), "removed": entry_json(done.entry)})
    else:
        left = len(done.library.entries)
        say(f"{path}: {done.entry.substance.name} ({done.entry.reference_id}) removed; {left} entries left")


def export(
    path: Annotated[
        Path, typer.Argument(metavar="LIB.h5", help="The library; 'starter' for the one that ships.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder, or OUT.json for the facts alone.")],
    form: Annotated[
        Literal["jdx", "csv", "json"] | None,
        typer.Option("--as", help="Default: what OUT ends in, else jdx."),
    ] = None,
    json: Json = False,
) -> None:
    """Export as JCAMP-DX or CSV files that import again to the same entries, or the facts alone as JSON."""
    ending = out.suffix.lower().removeprefix(".")
    chosen = form or (ending if ending in {"jdx", "csv", "json"} else "jdx")
    library = opened(None if path == Path("starter") and not path.exists() else path)
    if chosen == "json":
        export_facts(library, out)
        files = 1
    else:
        with progress(f"writing {out.name}", total=len(library.entries)) as bar:
            files = export_folder(library, out, form=chosen, progress=bar)
    if json:
        emit_json({**library_json(library), "out": str(out), "as": chosen, "files": files})
    else:
        say(f"{out}: {len(library.entries)} entries as {chosen}")


def person(by: str) -> str:
    """Return who does it: a name that was given, else who is logged in."""
    if by:
        return one_line(by)
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise UsageError("nobody is logged in: say --by NAME") from error
