"""Proof that the records are what they were: the chain walked, and the tables held against it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..results.record import record_digest
from ..tables import Bench, Event, Result, Screening
from . import chain


@dataclass(frozen=True, slots=True)
class ChainFault:
    """A place at which the records are not what they were."""

    where: str
    """Event number, result or screening."""
    what: str
    """What is wrong, in a sentence."""


def verify_chain(session: Session) -> list[ChainFault]:
    """Find events, results, findings and facts of benches that were altered, removed or slipped in.

    Returns
    -------
    list of ChainFault
        Empty where everything is as it was written.
    """
    return [*_events(session), *_results(session), *_findings(session), *_benches(session)]


def _events(session: Session) -> Iterator[ChainFault]:
    seq, previous = 0, chain.FIRST
    for event in session.scalars(select(Event).order_by(Event.seq).execution_options(yield_per=500)):
        seq += 1
        if event.seq != seq:
            yield ChainFault(f"event {seq}", f"is missing; the next one present is {event.seq}")
            seq = event.seq
        elif event.prev_hash != previous:
            yield ChainFault(f"event {seq}", "does not follow the event before it")
        if not _intact(event):
            yield ChainFault(f"event {seq}", "was altered: its hash does not fit its content")
        previous = event.hash
    end = chain.head(session)
    if end != (seq, previous):
        yield ChainFault("head", f"says {end[0]} events, the chain ends at {seq}")


def _intact(event: Event) -> bool:
    try:
        return event.hash == chain.event_hash(event, json.loads(event.data))
    except ValueError:
        return False


def _told(session: Session, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    wanted = select(Event.subject, Event.data).where(Event.type.in_(kinds)).order_by(Event.seq)
    for subject, data in session.execute(wanted.execution_options(yield_per=500)):
        try:
            told = json.loads(data)
        except ValueError:
            continue
        if isinstance(told, dict):
            yield subject.partition("/")[2], told


def _results(session: Session) -> Iterator[ChainFault]:
    promised = {name: told.get("record_digest") for name, told in _told(session, "result.accepted")}
    for result in session.scalars(select(Result).execution_options(yield_per=100)):
        due = promised.pop(result.result_id, None)
        if due is None:
            yield ChainFault(f"result {result.result_id}", "has no event that tells of it")
        elif not _result_intact(result, due):
            yield ChainFault(f"result {result.result_id}", "was altered: its digest does not fit its event")
    for missing in promised:
        yield ChainFault(f"result {missing}", "was removed")


def _result_intact(result: Result, due: Any) -> bool:
    try:
        return bool(record_digest(result) == due == result.record_digest)
    except ValueError:
        return False


def _findings(session: Session) -> Iterator[ChainFault]:
    told = _told(session, "screening.completed", "screening.amended")
    promised = {name: chain.canonical(data.get("finding")) for name, data in told}
    for screening in session.scalars(select(Screening).execution_options(yield_per=500)):
        if screening.finding != promised.pop(screening.screening_id, None):
            yield ChainFault(f"screening {screening.screening_id}", "has another finding than its event")
    for missing in promised:
        yield ChainFault(f"screening {missing}", "was removed")


def _benches(session: Session) -> Iterator[ChainFault]:
    promised = {name: chain.canonical(data.get("facts")) for name, data in _told(session, "bench.changed")}
    for bench in session.scalars(select(Bench).execution_options(yield_per=500)):
        if bench.facts != promised.pop(bench.bench, None):
            yield ChainFault(f"bench {bench.bench}", "works with something else than its event says")
    for missing in promised:
        yield ChainFault(f"bench {missing}", "was removed")
