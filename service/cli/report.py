"""``opioscan report``: a result on one page."""

from pathlib import Path
from typing import Annotated

import typer

from .evidence_source import asks_server, checked_id, fetch, found_in, opened_store, require_free, written
from .output import say
from .server_place import Db, Scans

app = typer.Typer(add_completion=False)

ResultId = Annotated[str, typer.Argument(metavar="RESULT", help="Identifier of the result, a UUID.")]
Server = Annotated[
    str, typer.Option(metavar="URL", help="Ask this server.", show_default="the configured one, if any")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


@app.command()
def report(
    result: ResultId,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.pdf", help="Where to write it.")],
    server: Server = "",
    db: Db = None,
    scans: Scans = None,
    without_people: Annotated[
        bool, typer.Option("--without-people", help="Leave out who made the result.")
    ] = False,
    force: Force = False,
) -> None:
    """Write the report of a result: one A4 page with spectrum, verdict, limits, versions and digests."""
    result_id = checked_id(result)
    require_free(out, force=force)
    if asks_server(server, db):
        query = "?people=false" if without_people else ""
        fetch(server, f"/api/v1/results/{result_id}/report.pdf{query}", out)
    else:
        _from_database(result_id, db, scans, out, people=not without_people)
    say(f"written: {out}")


def _from_database(result_id: str, db: str | None, scans: Path | None, out: Path, *, people: bool) -> None:
    from ..api.evidence.reports import facts_of, report_of

    with opened_store(db, scans) as store:
        made = report_of(store, facts_of(store, found_in(store, result_id), people=people))
    with written(out) as part:
        part.write_bytes(made)
