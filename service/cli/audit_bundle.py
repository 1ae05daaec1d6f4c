"""``opioscan audit bundle``: all that a result was made from, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from .evidence_source import asks_server, checked_id, fetch, found_in, opened_store, require_free, written
from .output import emit_json, say
from .report import Force, ResultId, Server
from .server_place import Db, Scans

app = typer.Typer(add_completion=False)


@app.command()
def bundle(
    result: ResultId,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.zip", help="Where to write it.")],
    server: Server = "",
    db: Db = None,
    scans: Scans = None,
    with_people: Annotated[bool, typer.Option("--with-people", help="Name the operator in it.")] = False,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write the evidence bundle of a result: raw scan, references, method, record, chain, report.

    Hand its SHA-256 over apart from it. `opioscan audit recompute` computes the result again from it.
    """
    result_id = checked_id(result)
    require_free(out, force=force)
    if asks_server(server, db):
        people = "true" if with_people else "false"
        fetch(server, f"/api/v1/results/{result_id}/bundle?people={people}", out)
    else:
        _from_database(result_id, db, scans, out, people=with_people)
    size, digest = out.stat().st_size, _digest(out)
    if as_json:
        emit_json({"result_id": result_id, "file": str(out), "bytes": size, "sha256": digest})
    else:
        say(f"written: {out}, {size} bytes, SHA-256 {digest}")


def _from_database(result_id: str, db: str | None, scans: Path | None, out: Path, *, people: bool) -> None:
    import shutil

    from ..api.evidence.bundles import bundle_file

    with opened_store(db, scans) as store:
        made = bundle_file(store, found_in(store, result_id), people=people)
    try:
        with written(out) as part:
            shutil.copyfile(made, part)
    finally:
        made.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
