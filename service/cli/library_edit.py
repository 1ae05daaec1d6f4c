"""``opioscan library edit``, ``remove`` and ``export``: changes by hand, recorded; files that read back."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from library.assignments import FIELDS, parse_assignment
from library.editing import edit_entry, remove_entry
from library.exporting import export_facts, export_folder
from library.store import read_library

from ..errors import UsageError
from .library_words import Json, entry_json, library_json
from .output import emit_json, progress, say, warn

LibraryPath = Annotated[Path, typer.Argument(metavar="LIB.h5", help="The library.")]
Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="Its identifier, or a name that only it has.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who changes it. Default: who is logged in.")]


def edit(
    path: LibraryPath,
    entry: Entry,
    assign: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help=f"May be repeated; synonyms += and -= too. {', '.join(FIELDS)}",
        ),
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; needed for controlled=no.")] = "",
    by: By = "",
    json: Json = False,
) -> None:
    """Change facts of an entry, never its numbers; who, when and why are kept in its history."""
    done = edit_entry(
        path,
        entry,
        [parse_assignment(one) for one in assign],
        by=person(by),
        at=now_utc(),
        reason=one_line(reason),
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
    path: LibraryPath,
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
    library = read_library(path)
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


def one_line(text: str) -> str:
    """Return a text of one line without blanks around it; raises `UsageError` for another."""
    if len(text) > 500 or not text.isprintable():
        raise UsageError("names, reasons and the like are one line of at most 500 printable characters")
    return text.strip()


def now_utc() -> str:
    """Return the time now as RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
