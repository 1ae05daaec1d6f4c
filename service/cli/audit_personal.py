"""``opioscan audit purge|hold|unhold``: personal data are erased when their time is over, or kept."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..settings import load_settings
from .audit_options import Db, Json, actor, server_database
from .output import emit_json, progress, say

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from ..api.tables import Parcel

app = typer.Typer()

ParcelName = Annotated[
    str, typer.Argument(metavar="PARCEL", help="Id of the parcel, or its item identifier.")
]


@app.command()
def purge(
    before: Annotated[
        str, typer.Option(help="Erase what was done with before this day or moment (UTC).", metavar="DATE")
    ] = "",
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=36500.0,
            metavar="DAYS",
            help="The same in days.",
            show_default="retention_days of config.toml",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Erase personal data of parcels that are done with and under no legal hold.

    Results and verdicts stay, and the chain stays sound. It cannot be undone; backups are yours to erase.
    """
    from ..api.purging import count_purgeable
    from ..api.purging import purge as erase

    moment = _moment(before, older_than)
    with closing(server_database(db)) as database:
        with database.read() as session:
            found = count_purgeable(session, moment)
        if not dry_run:
            with progress("erasing", float(sum(found.rows.values()))) as told:
                found = erase(database, actor(), moment, told=told)
    if as_json:
        emit_json({**asdict(found), "dry_run": dry_run})
        return
    _tell(found.rows, moment, "would be erased" if dry_run else "erased")
    if found.holds_kept:
        say(f"legal holds in force: {found.holds_kept}")


@app.command()
def hold(
    parcel: ParcelName,
    why: Annotated[str, typer.Option("--why", help="Case number or request.")],
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Put a parcel under a legal hold: its personal data are kept in spite of retention."""
    from ..api.holds.repository import place_hold
    from ..api.holds.views import view_hold

    if not why.strip() or len(why) > 1000 or "\0" in why:
        raise UsageError("--why takes 1 to 1000 characters")
    with closing(server_database(db)) as database, _as_usage(), database.write(actor()) as change:
        found, created = place_hold(change, _parcel(change.session, parcel), why)
        shown = view_hold(found).model_dump()
    if as_json:
        emit_json(shown)
    else:
        say(f"legal hold {'placed' if created else 'was there'}: parcel {shown['parcel_id']}")


@app.command()
def unhold(parcel: ParcelName, db: Db = None, as_json: Json = False) -> None:
    """Lift the legal hold of a parcel."""
    from ..api.holds.repository import lift_hold
    from ..api.holds.views import view_hold

    with closing(server_database(db)) as database, _as_usage(), database.write(actor()) as change:
        shown = view_hold(lift_hold(change, _parcel(change.session, parcel))).model_dump()
    if as_json:
        emit_json(shown)
    else:
        say(f"legal hold lifted: parcel {shown['parcel_id']}")


@contextmanager
def _as_usage() -> Iterator[None]:
    """Say what the server would answer with a problem as a command does."""
    from ..api.problems import Problem

    try:
        yield
    except Problem as problem:
        raise UsageError(str(problem.detail)) from problem


def _parcel(session: "Session", name: str) -> "Parcel":
    """Return a parcel by its id, or the one that carries an item identifier now."""
    from ..api.parcels.models import ParcelQuery
    from ..api.parcels.repository import find_parcel, list_parcels

    found = find_parcel(session, name)
    if found is None:
        rows, _ = list_parcels(session, ParcelQuery(item_id=name))
        if len(rows) > 1:
            raise UsageError(f"{name!r} was carried by {len(rows)} parcels: give the id of one")
        found = rows[0] if rows else None
    if found is None:
        raise UsageError(f"no parcel {name!r}")
    return found


def _moment(before: str, older_than: float | None) -> str:
    from ..api.clock import utc_text

    if before and older_than is not None:
        raise UsageError("give --before or --older-than, not both")
    if before:
        try:
            moment = datetime.fromisoformat(before)
        except ValueError as error:
            raise UsageError(f"{before!r} is no date: write for example 2026-01-31") from error
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        if moment > datetime.now(UTC):
            raise UsageError("--before lies in the future")
        try:
            return utc_text(moment)
        except OverflowError as error:
            raise UsageError(f"{before!r} is no date that can be") from error
    days = older_than if older_than is not None else load_settings().retention_days
    if older_than is None and not days:
        raise UsageError(
            "give --before or --older-than, or set retention_days in config.toml (default: keep)"
        )
    return utc_text(datetime.now(UTC) - timedelta(days=days))


def _tell(rows: Mapping[str, int], moment: str, verb: str) -> None:
    from ..api.personal import PERSONAL

    say(f"personal data of parcels that were done with before {moment}:")
    for name, many in rows.items():
        say(f"  {many:>7} {verb}: {PERSONAL[name].what} ({name})")
    if not rows:
        say("  nothing")
