"""What each screening adds to the counts, made from the records alone.

A visit counts under the day (UTC) on which it was opened, with everything that became of it later: rates are
shares of the same visits. A parcel counts once, at the visit that decides its finding: the gravest of those
that stand, the latest among equals. Training, emulated instruments and real work are decided and counted
apart; the sandbox is left out.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..flags.standing import Standing
from ..tables import Disposition, Flag, FlaggedResult, Parcel, Result, Review, Screening
from .durations import bin_of, seconds_between

#: How grave an outward word is, as findings weigh it.
_GRAVITY = {"hold": 3, "refer": 2, "no_hold_requested": 1, None: 0}

#: Records that are asked for at a time: every database takes so many names in one question.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Key:
    """What a screening is counted under."""

    day: str
    """Day on which it was opened, UTC."""
    site: str
    operation_id: str
    """Empty for none."""
    bench: str
    training: bool
    emulated: bool


@dataclass(slots=True)
class Fact:
    """A screening, counted."""

    screening_id: str
    parcel_id: str
    key: Key
    opened_at: str
    counts: Counter[str] = field(default_factory=Counter)
    """Metric → how many, none of them 0."""

    @property
    def hour(self) -> int:
        """Hour of the day in which it was opened, UTC."""
        return int(self.opened_at[11:13])


@dataclass(slots=True)
class _Visit:
    row: int
    state: str
    finding: dict[str, Any] | None
    fact: Fact


def facts_of(session: Session, parcel_ids: Iterable[str]) -> dict[str, Fact]:
    """Return what the screenings of some parcels add to the counts; `BATCH` parcels at most."""
    visits = _visits(session, sorted(set(parcel_ids)))
    if not visits:
        return {}
    names = list(visits)
    _add_results(session, visits, names)
    _add_flags(session, visits, names)
    laboratory = _add_reviews(session, visits, names)
    _add_findings(session, visits, laboratory)
    return {name: visit.fact for name, visit in visits.items()}


def _visits(session: Session, parcel_ids: Sequence[str]) -> dict[str, _Visit]:
    wanted = (
        select(
            *(Screening.screening_id, Screening.parcel_id, Screening.row, Screening.state, Screening.bench),
            *(Screening.site, Screening.operation_id, Screening.opened_at, Screening.completed_at),
            Screening.finding,
        )
        .join(Parcel, Parcel.parcel_id == Screening.parcel_id)
        .where(Screening.parcel_id.in_(parcel_ids), Parcel.sandbox.is_(False))
        .order_by(Screening.row)
    )
    found = {}
    for one in session.execute(wanted):
        key = Key(one.opened_at[:10], one.site, one.operation_id or "", one.bench, False, False)
        fact = Fact(one.screening_id, one.parcel_id, key, one.opened_at, Counter(opened=1))
        if one.completed_at is not None:
            fact.counts["completed"] = 1
            _time(fact, "complete", one.opened_at, one.completed_at)
        if one.state == "superseded":
            fact.counts["superseded"] = 1
        finding = None if one.finding is None else json.loads(one.finding)
        found[one.screening_id] = _Visit(one.row, one.state, finding, fact)
    return found


def _add_results(session: Session, visits: dict[str, _Visit], names: list[str]) -> None:
    rows = session.execute(
        select(Result.screening_id, Result.training, Result.emulated, Result.received_at)
        .where(Result.screening_id.in_(names))
        .order_by(Result.row)
    )
    for screening_id, training, emulated, received_at in rows:
        add_result(visits[screening_id].fact, received_at, training=training, emulated=emulated)


def add_result(fact: Fact, received_at: str, *, training: bool, emulated: bool) -> None:
    """Count a further result of a screening; the first one tells the time to a result."""
    if not fact.counts["results"]:
        _time(fact, "first", fact.opened_at, received_at)
    fact.counts["results"] += 1
    key = fact.key
    fact.key = Key(
        *(key.day, key.site, key.operation_id, key.bench), key.training or training, key.emulated or emulated
    )


def _add_flags(session: Session, visits: dict[str, _Visit], names: list[str]) -> None:
    rows = session.execute(
        select(Result.screening_id, Flag.reviewed_at)
        .join(FlaggedResult, FlaggedResult.result_id == Result.result_id)
        .join(Flag, Flag.row == FlaggedResult.flag_row)
        .where(Result.screening_id.in_(names), FlaggedResult.state == Standing.FLAGGED.value)
    )
    for screening_id, reviewed_at in rows:
        visits[screening_id].fact.counts["flagged"] += 1
        if reviewed_at is not None:
            visits[screening_id].fact.counts["flags_closed"] += 1


def _add_reviews(session: Session, visits: dict[str, _Visit], names: list[str]) -> dict[str, bool]:
    """Count the reviews, and return what laboratories say of screenings: the latest word of each."""
    rows = session.execute(
        select(Review.screening_id, Review.kind, Review.asked_at, Review.closed_at, Review.confirmed)
        .where(Review.screening_id.in_(names))
        .order_by(Review.row)
    )
    laboratory: dict[str, bool] = {}
    for screening_id, kind, asked_at, closed_at, confirmed in rows:
        fact = visits[screening_id].fact
        fact.counts[f"review.{kind}"] += 1
        if closed_at is not None:
            fact.counts[f"review_closed.{kind}"] += 1
            _time(fact, "review", asked_at, closed_at)
        if kind == "negative_check" and confirmed is not None:
            fact.counts["checks_known"] += 1
            if confirmed:
                fact.counts["misses"] += 1
        elif confirmed is not None:
            laboratory[screening_id] = confirmed
    return laboratory


def _add_findings(session: Session, visits: dict[str, _Visit], laboratory: dict[str, bool]) -> None:
    dispositions = _dispositions(session, {visit.fact.parcel_id for visit in visits.values()})
    for visit in _deciding(visits.values()):
        counts, finding = visit.fact.counts, visit.finding
        assert finding is not None, "only visits with a finding decide"
        counts["parcels"] = 1
        counts[f"verdict.{finding['verdict']}"] = 1
        if finding["outward"] == "refer":
            for reason in set(finding["reasons"]):
                counts[f"reason.{reason}"] = 1
        if finding["outward"] == "hold" and (said := laboratory.get(visit.fact.screening_id)) is not None:
            counts["alarms_confirmed" if said else "alarms_refuted"] = 1
        if (disposition := dispositions.get(visit.fact.parcel_id)) is not None:
            decision, compliant = disposition
            counts[f"disposition.{decision}"] = 1
            if compliant is not None:
                counts["compliant" if compliant else "non_compliant"] = 1


def _deciding(visits: Iterable[_Visit]) -> Iterable[_Visit]:
    best: dict[tuple[str, bool, bool], _Visit] = {}
    for visit in sorted(visits, key=lambda one: one.row):
        if visit.state != "complete" or visit.finding is None:
            continue
        apart = (visit.fact.parcel_id, visit.fact.key.training, visit.fact.key.emulated)
        before = best.get(apart)
        if before is None or _gravity(visit) >= _gravity(before):
            best[apart] = visit
    return best.values()


def _gravity(visit: _Visit) -> int:
    return _GRAVITY[(visit.finding or {}).get("outward")]


def _dispositions(session: Session, parcel_ids: set[str]) -> dict[str, tuple[str, bool | None]]:
    """Return the latest word of the parcel system about each parcel."""
    rows = session.execute(
        select(Disposition.parcel_id, Disposition.decision, Disposition.compliant)
        .where(Disposition.parcel_id.in_(sorted(parcel_ids)))
        .order_by(Disposition.row)
    )
    return {parcel_id: (decision, compliant) for parcel_id, decision, compliant in rows}


def _time(fact: Fact, what: str, begin: str, end: str) -> None:
    fact.counts[f"{what}_s.{bin_of(seconds_between(begin, end))}"] += 1
