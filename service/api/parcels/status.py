"""How far a parcel is: not screened, being screened, still to be told by a bench, or complete."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..clock import utc_in
from ..screenings.models import State
from ..tables import BenchContact, Parcel
from .models import Status

#: Bench of simulated screenings whose results are still to come.
SANDBOX_OFFLINE = "sandbox-offline"
_DAY_S = 86400.0


class Visit(NamedTuple):
    """What a parcel's status and finding need of a screening."""

    screening_id: str
    """Its id."""
    parcel_id: str
    """The parcel it belongs to now."""
    bench: str
    """Where it was opened."""
    state: str
    """Its state."""
    finding: str | None
    """Finding as recorded, JSON; None for one that is not completed."""


def status_of(parcel: Parcel, standing: Sequence[Visit], waiting: frozenset[str]) -> Status:
    """Return how far a parcel is.

    Parameters
    ----------
    parcel
        The parcel.
    standing
        Its screenings that are not superseded.
    waiting
        Benches that have not told everything (`benches_behind`).
    """
    if parcel.merged_into is not None:
        return "merged"
    if not standing:
        return "not_screened"
    under_way = [one for one in standing if one.state == State.OPEN]
    if any(one.bench in waiting for one in under_way):
        return "queued_offline"
    return "open" if under_way else "complete"


def benches_behind(
    session: Session, screenings: Mapping[str, Sequence[Visit]], silent_s: float
) -> frozenset[str]:
    """Return which benches of open screenings have not told everything, or cannot be heard.

    A bench without a report (a program of somebody else's) is taken to tell all at once.
    """
    asked = {one.bench for of_one in screenings.values() for one in of_one if one.state == State.OPEN}
    behind = asked & {SANDBOX_OFFLINE}
    if asked - behind:
        oldest = utc_in(-silent_s / _DAY_S)
        wanted = select(BenchContact).where(BenchContact.bench.in_(asked))
        behind |= {one.bench for one in session.scalars(wanted) if _is_behind(one, oldest)}
    return frozenset(behind)


def _is_behind(contact: BenchContact, oldest: str) -> bool:
    box = json.loads(contact.report)["outbox"]
    return bool(contact.received_at < oldest or box["pending"] or box["refused"])
