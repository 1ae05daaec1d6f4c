"""``opioscan restore``: a backup back into an empty database."""

from pathlib import Path
from typing import Annotated

import typer

from .output import emit_json, progress, say, warn
from .server_place import Db, Scans, server_settings

app = typer.Typer(add_completion=False)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="File that `opioscan backup` wrote.")],
    db: Db = None,
    scans: Scans = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Restore a backup into an empty database of either kind; every digest and the chain are checked.

    Where anything is wrong nothing is restored, except that scans may have been put into their folder.
    """
    from ..backup.restoring import restore_backup

    settings = server_settings(db, scans)
    size = source.stat().st_size if source.is_file() else None
    with progress(f"restoring {source}", size) as step:
        done = restore_backup(settings, source, progress=lambda _total: step)
    if as_json:
        emit_json(
            {"rows": done.rows, "files": done.files, "events": done.events, "lacking_scans": done.lacking}
        )
    else:
        told = f"{done.rows} rows and {done.files} files restored"
        say(f"{settings.shown}: {told}; {done.events} events, chain unbroken")
    if done.lacking:
        warn(f"{done.lacking} scans that the records name are not in {settings.scans_path}")
