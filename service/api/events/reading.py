"""Events out of the database, in order, also out of a million and of few kinds."""

from collections.abc import Sequence

from sqlalchemy import Select, select, union_all
from sqlalchemy.orm import Session

from ..tables import Event


def events_after(
    session: Session, after: int, limit: int, *, kinds: Sequence[str] | None = None, subject: str = ""
) -> Sequence[Event]:
    """Return the next events after a number, oldest first.

    Parameters
    ----------
    session
        Where to read.
    after
        Number of the last event known.
    limit
        How many at most.
    kinds
        Only these; None for all.
    subject
        Only those about this; empty for all.
    """
    if kinds is not None and not kinds:
        return []
    wanted = select(Event).order_by(Event.seq).limit(limit)
    if subject:
        wanted = wanted.where(Event.seq > after, Event.subject == subject)
        return session.scalars(wanted if kinds is None else wanted.where(Event.type.in_(kinds))).all()
    if kinds is None:
        return session.scalars(wanted.where(Event.seq > after)).all()
    if len(kinds) == 1:
        return session.scalars(wanted.where(Event.type == kinds[0], Event.seq > after)).all()
    numbers = list(session.scalars(_numbers(after, limit, kinds)))
    return session.scalars(wanted.where(Event.seq.in_(numbers))).all()


def _numbers(after: int, limit: int, kinds: Sequence[str]) -> Select[tuple[int]]:
    """Look each kind up in its index, and take the first of all.

    One look for all kinds at once would walk the chain, or sort all that there ever was of these kinds.
    """
    each = [
        select(Event.seq)
        .where(Event.type == kind, Event.seq > after)
        .order_by(Event.seq)
        .limit(limit)
        .subquery()
        for kind in kinds
    ]
    found = union_all(*(select(one.c.seq) for one in each)).subquery()
    return select(found.c.seq).order_by(found.c.seq).limit(limit)
