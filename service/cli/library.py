"""``opioscan library``: make, fill and inspect reference libraries."""

from pathlib import Path
from typing import Annotated

import typer

from library.documenting import undocumented
from library.store import write_library

from ..errors import UsageError
from .library_check import check, compare
from .library_edit import edit, export, remove
from .library_import import import_
from .library_measure import authenticate, measure
from .library_words import Json, LibraryFile, authentication_words, entry_json, library_json, opened
from .output import emit_json, say

app = typer.Typer(
    help="Make, fill and inspect reference libraries.", no_args_is_help=True, add_completion=False
)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="LIB.h5", help="Library to make.")],
    name: Annotated[str, typer.Option(help="Name; default: the file's.")] = "",
    json: Json = False,
) -> None:
    """Make an empty library; a file that is there already is left alone."""
    library = write_library(path, (), name=name or path.stem, replace=False)
    if json:
        emit_json(library_json(library))
    else:
        say(f"{path}: empty library {library.name!r}")
        say(f"Fill it with: opioscan library import FOLDER --into {path}")


@app.command("list")
def list_(path: LibraryFile = None, json: Json = False) -> None:
    """List the entries of a library."""
    library = opened(path)
    if json:
        for entry in library.entries:
            emit_json(entry_json(entry))
        return
    say(f"{library.name}: {len(library.entries)} entries, digest {library.digest[:16]}…")
    bare = {entry.reference_id for entry in undocumented(library.entries)}
    rows = [
        (
            entry.reference_id,
            entry.substance.name,
            entry.substance.substance_class,
            str(entry.grade),
            ("controlled" if entry.substance.controlled else "")
            + (", not documented" if entry.reference_id in bare else "")
            + (" SERS: kept apart" if entry.enhanced else ""),
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
    library = opened(None if entry is None else path)
    found = library.entry(str(path) if entry is None else entry)
    if json:
        emit_json(entry_json(found))
        return
    facts = entry_json(found)
    width = max(map(len, facts))
    for key, value in facts.items():
        if isinstance(value, dict):
            say(f"{key.ljust(width)}  {authentication_words(value)}")
        elif value not in ("", None, []):
            words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            say(f"{key.ljust(width)}  {words}")


for _name, _command in (
    ("import", import_),
    ("measure", measure),
    ("authenticate", authenticate),
    ("check", check),
    ("compare", compare),
    ("edit", edit),
    ("remove", remove),
    ("export", export),
):
    app.command(_name)(_command)
