"""Proof that the records are what they were: the chain walked, and the tables held against it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..flags.standing import Standing
from ..results.record import record_digest
from ..tables import Bench, Calibration, Event, Flag, FlaggedResult, Result, Screening, Verification
from . import chain


@dataclass(frozen=True, slots=True)
class ChainFault:
    """A place at which the records are not what they were."""

    where: str
    """Event number, result or screening."""
    what: str
    """What is wrong, in a sentence."""


def verify_chain(session: Session) -> list[ChainFault]:
    """Find events and records that were altered, removed or slipped in.

    Returns
    -------
    list of ChainFault
        Empty where everything is as it was written.
    """
    parts = (_events, _results, _findings, _benches, _calibrations, _verifications, _flags)
    return [fault for part in parts for fault in part(session)]


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
        return event.hash == chain.event_hash(event)
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


def _calibrations(session: Session) -> Iterator[ChainFault]:
    promised = {name: name for name, _ in _told(session, "calibration.stored")}
    rows = session.execute(select(Calibration.record_id, Calibration.record))
    yield from _compared("calibration", {name: bytes_digest(text.encode()) for name, text in rows}, promised)


def _verifications(session: Session) -> Iterator[ChainFault]:
    promised = {name: told.get("body_digest") for name, told in _told(session, "verification.recorded")}
    rows = session.execute(select(Verification.scan_id, Verification.body))
    yield from _compared("verification", {name: bytes_digest(text.encode()) for name, text in rows}, promised)


def _flags(session: Session) -> Iterator[ChainFault]:
    """Hold flags against what was told: their text, the results under them, and what came of a review."""
    promised: dict[str, Any] = {}
    for name, told in _told(session, "result.flagged"):
        before = promised.get(name, ("", frozenset(), None))[1]
        promised[name] = (told.get("body_digest"), before | frozenset(told.get("result_ids", ())), None)
    for name, told in _told(session, "flag.reviewed"):
        if name in promised:
            promised[name] = (*promised[name][:2], (told.get("token_id"), told.get("note_digest")))
    named: dict[int, set[str]] = {}
    standing: dict[int, set[str]] = {}
    for one in session.scalars(select(FlaggedResult).execution_options(yield_per=500)):
        named.setdefault(one.flag_row, set()).add(one.result_id)
        if one.state == Standing.FLAGGED:
            standing.setdefault(one.flag_row, set()).add(one.result_id)
    found = {}
    for flag in session.scalars(select(Flag)):
        flagged = frozenset(standing.get(flag.row, ()))
        found[flag.flag_id] = (bytes_digest(flag.body.encode()), flagged, _review(flag))
        if named.get(flag.row, set()) != _named_in(flag):
            yield ChainFault(f"flag {flag.flag_id}", "lost or got results after it was raised")
    yield from _compared("flag", found, promised)


def _named_in(flag: Flag) -> set[str]:
    try:
        return set(json.loads(flag.body)["result_ids"])
    except (ValueError, LookupError, TypeError):
        return set()


def _review(flag: Flag) -> tuple[str | None, str] | None:
    if flag.reviewed_at is None:
        return None
    return flag.reviewed_by, bytes_digest(flag.salt + (flag.note or "").encode())


def _compared(kind: str, found: Mapping[str, Any], promised: Mapping[str, Any]) -> Iterator[ChainFault]:
    for name, value in found.items():
        if name not in promised:
            yield ChainFault(f"{kind} {name}", "has no event that tells of it")
        elif promised[name] != value:
            yield ChainFault(f"{kind} {name}", "was altered: it does not fit its event")
    for name in promised.keys() - found.keys():
        yield ChainFault(f"{kind} {name}", "was removed")
