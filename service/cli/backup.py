"""``opioscan backup``: everything a server keeps, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from .output import emit_json, progress, say, warn
from .server_place import Db, Scans, server_settings

app = typer.Typer(add_completion=False)


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(help="File to write, OUT.tar; it must not be there yet.")],
    db: Db = None,
    scans: Scans = None,
    without_scans: Annotated[
        bool, typer.Option("--without-scans", help="Leave scans and method files out: records only.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write records, scans, method files and signed heads of a server into one file, also while it runs.

    The file holds personal data and secrets of webhooks: keep it as you keep the database. It is for
    SQLite and PostgreSQL alike, see `opioscan restore`. The key that signs heads stays behind (audit.key).
    """
    from ..api.errors import StoreUnreadable
    from ..backup.writing import write_backup

    settings = server_settings(db, scans)
    if isinstance(settings.place, Path) and not settings.place.is_file():
        # Opening it would make it, and the backup of nothing would look like one.
        raise StoreUnreadable(f"{settings.place} is not there: give --db, or set OPIOSCAN_HOME")
    with progress(f"backing up {settings.shown}") as step:
        made = write_backup(settings, out, files=not without_scans, progress=lambda _total: step)
    for one in made.lacking[:20]:
        warn(f"not in the backup: {one}")
    if as_json:
        emit_json(
            {
                "file": str(out),
                "rows": made.rows,
                "files": made.files,
                "heads": made.heads,
                "lacking": made.lacking,
            }
        )
        return
    say(f"{out}: {made.rows} rows, {made.files} files, {made.heads} signed heads, {out.stat().st_size} bytes")
    if made.lacking:
        warn(f"{len(made.lacking)} things that the records or heads name are missing or damaged, see above")
