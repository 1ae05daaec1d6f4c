"""Parcels that wait for their first screening, the riskiest first.

Order: highest risk first; a parcel of unknown risk stands between known high and known low
(`UNKNOWN_RISK`), so that silence of the targeting system neither hides a parcel nor puts it before those it
named; among equals those of known shippers come last, and then the one that came first.

The queue is a table of its own, because "not screened" asked of a million parcels has to be one look into an
index. It follows from the other tables, so that it stands outside the chain.
"""

import json
from collections.abc import Sequence

from sqlalchemy import delete, exists, insert, literal, select, tuple_
from sqlalchemy.orm import Session

from ..clock import utc_in
from ..paging import read_cursor, stamp_of, write_cursor
from ..problems import Problem
from ..screenings.models import State
from ..tables import Parcel, ParcelDeclaration, ParcelQueue, Screening
from .models import QueueQuery

#: Risk that a parcel counts with when nobody told it (chosen: the middle).
UNKNOWN_RISK = 0.5
#: Steps of risk that make a difference in the order (chosen: finer than any score means).
_STEPS = 1_000_000
_LONGEST_NUMBER = 18


def rank_of(risk: float | None, known_shipper: bool | None) -> int:
    """Return a parcel's place in the queue; less is more urgent."""
    counted = UNKNOWN_RISK if risk is None else risk
    return 2 * round((1.0 - counted) * _STEPS) + (known_shipper is True)


def take_place(session: Session, parcel: Parcel) -> None:
    """Put a parcel where it belongs in the queue, or out of it; its row has to be written."""
    leave(session, parcel)
    if parcel.sandbox or parcel.merged_into is not None or _screened(session, parcel):
        return
    declared = session.get(ParcelDeclaration, parcel.parcel_id)
    enqueue_new(session, [(parcel, "" if declared is None else json.loads(declared.body).get("site") or "")])


def enqueue_new(session: Session, parcels: Sequence[tuple[Parcel, str]]) -> None:
    """Put parcels that are known to wait into the queue, each with the site it is due at."""
    places = [
        {
            "parcel_row": parcel.row,
            "rank": rank_of(parcel.risk_score, parcel.known_shipper),
            "site": site,
            "created_at": parcel.created_at,
        }
        for parcel, site in parcels
    ]
    if places:
        session.execute(insert(ParcelQueue), places)


def leave(session: Session, parcel: Parcel) -> None:
    """Take a parcel out of the queue."""
    session.execute(delete(ParcelQueue).where(ParcelQueue.parcel_row == parcel.row))


def forget_old(session: Session, days: float) -> None:
    """Take those out that waited for too long: they would bury the others."""
    session.execute(delete(ParcelQueue).where(ParcelQueue.created_at < utc_in(-days)))


def list_queue(session: Session, query: QueueQuery, days: float) -> tuple[Sequence[Parcel], str | None]:
    """Return a page of the queue and the next cursor.

    Parameters
    ----------
    session
        Where to read.
    query
        Site, limit and cursor.
    days
        How old a parcel may be.
    """
    stamp = stamp_of("parcel_queue", query)
    after = _place(read_cursor(query.cursor, stamp))
    # Two looks into one index each; one look for both sites would have to sort them all.
    sites = (None,) if query.site is None else (query.site, "")
    found = sorted(one for site in sites for one in _waiting(session, site, after, query.limit + 1, days))
    page, more = found[: query.limit], len(found) > query.limit
    rows = [row for _, row in page]
    parcels = {one.row: one for one in session.scalars(select(Parcel).where(Parcel.row.in_(rows)))}
    cursor = write_cursor(stamp, f"{page[-1][0]}-{page[-1][1]}") if more else None
    return [parcels[row] for row in rows], cursor


def _waiting(
    session: Session, site: str | None, after: tuple[int, int] | None, limit: int, days: float
) -> list[tuple[int, int]]:
    wanted = select(ParcelQueue.rank, ParcelQueue.parcel_row).where(ParcelQueue.created_at >= utc_in(-days))
    if site is not None:
        wanted = wanted.where(ParcelQueue.site == site)
    if after is not None:
        place = tuple_(ParcelQueue.rank, ParcelQueue.parcel_row)
        wanted = wanted.where(place > tuple_(literal(after[0]), literal(after[1])))
    chosen = wanted.order_by(ParcelQueue.rank, ParcelQueue.parcel_row).limit(limit)
    return [(one.rank, one.parcel_row) for one in session.execute(chosen)]


def _place(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    rank, _, row = text.partition("-")
    if not all(one.isdecimal() and len(one) <= _LONGEST_NUMBER for one in (rank, row)):
        raise Problem("bad_cursor", "begin again without a cursor; keep the filters while following one")
    return int(rank), int(row)


def _screened(session: Session, parcel: Parcel) -> bool:
    # One that was superseded answers nothing where a link took away the one that stood in its place.
    stands = Screening.state != State.SUPERSEDED.value
    return bool(session.scalar(select(exists().where(Screening.parcel_id == parcel.parcel_id, stands))))
