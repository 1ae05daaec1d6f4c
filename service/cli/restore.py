"""``opioscan restore``: a backup back into an empty database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import emit_json, progress, say, warn
from .server_place import Db, Scans, server_settings

if TYPE_CHECKING:
    from ..backup.taking import Restored

app = typer.Typer(add_completion=False)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="File that `opioscan backup` wrote.")],
    db: Db = None,
    scans: Scans = None,
    despite_heads: Annotated[
        bool, typer.Option("--despite-heads", help="Restore records that the backup's signed heads deny too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Restore a backup into an empty database of either kind; every digest and the chain are checked.

    Where anything is wrong nothing is restored, except that scans may have been put into their folder.
    """
    from ..backup.restoring import restore_backup

    settings = server_settings(db, scans)
    size = source.stat().st_size if source.is_file() else None
    with progress(f"restoring {source}", size) as step:
        done = restore_backup(settings, source, progress=lambda _total: step, despite_heads=despite_heads)
    if as_json:
        emit_json(_shown(done))
    else:
        told = f"{done.rows} rows, {done.files} files and {done.heads} signed heads restored"
        chain = f"{done.events} events, chain unbroken, signed to event {done.signed_to}"
        say(f"{settings.shown}: {told}; {chain}")
    if done.aside is not None:
        warn(f"signed heads of another chain were there: keep them as witnesses, in {done.aside}")
    if done.new_key:
        warn("the server will sign with a new key: after its start hand out what opioscan audit key shows")
    if done.lacking:
        warn(f"{done.lacking} scans that the records name are not in {settings.scans_path}")


def _shown(done: "Restored") -> dict[str, Any]:
    return {
        "rows": done.rows,
        "files": done.files,
        "events": done.events,
        "lacking_scans": done.lacking,
        "heads": done.heads,
        "signed_to": done.signed_to,
        "heads_aside": None if done.aside is None else str(done.aside),
        "new_key": done.new_key,
    }
