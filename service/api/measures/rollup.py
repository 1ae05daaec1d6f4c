"""The counts: what screenings add, kept in the transaction in which it changes.

`MeasuredScreening` says what of a screening is counted and where, so that every correction takes out what was
and puts in what is. Rows are written past the ORM: they are sums over records, and no records.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from ..events.chain import canonical
from ..gathering import gathered
from ..tables import MeasuredScreening, MeasureKey, table_of
from .counts import add_counts, add_hours
from .facts import BATCH, Fact, Key, add_result, facts_of
from .places import Place, place_of

#: Hours in which a bench opened screenings: hour by hour for each day, added up in the counts.
ACTIVE = "active_hours"

_MEASURED, _KEYS = table_of(MeasuredScreening), table_of(MeasureKey)
_KEY_NAMES = ("site", "operation_id", "bench", "training", "emulated")

# Statements are put together once: a result asks three of them, and making one costs more than its answer.
_COUNTED = select(
    *(_MEASURED.c[name] for name in ("screening_id", "parcel_id", "key_row", "opened_at", "counted")),
    *(_KEYS.c[name] for name in ("others", "period", *_KEY_NAMES)),
).join(_KEYS, _KEYS.c.row == _MEASURED.c.key_row)
_COUNTED_ONE = _COUNTED.where(_MEASURED.c.screening_id == bindparam("screening"))
_COUNTED_OF = _COUNTED.where(_MEASURED.c.parcel_id.in_(bindparam("names", expanding=True)))
_COUNTED_THESE = _COUNTED.where(_MEASURED.c.screening_id.in_(bindparam("names", expanding=True)))
_COUNT_AGAIN = (
    update(_MEASURED)
    .where(_MEASURED.c.screening_id == bindparam("mine"))
    .values({name: bindparam(f"new_{name}") for name in ("parcel_id", "key_row", "opened_at", "counted")})
)


@dataclass(slots=True)
class Moves:
    """What is to be added to the counts, and taken out of them."""

    counts: Counter[tuple[Place, str]] = field(default_factory=Counter)
    """Place and metric → how many more."""
    hours: Counter[tuple[Place, int]] = field(default_factory=Counter)
    """Place and hour of the day → how many openings more."""

    def add(self, place: Place, fact: Fact, sign: int) -> None:
        """Put a screening in, or take it out."""
        for metric, n in fact.counts.items():
            self.counts[place, metric] += sign * n
        self.hours[place, fact.hour] += sign

    def make(self, session: Session) -> None:
        """Write them, or leave them to the end of a transaction that several changes share."""
        together = gathered(session, Moves)
        if together is None:
            self.finish(session)
            return
        together.counts.update(self.counts)
        together.hours.update(self.hours)

    def finish(self, session: Session) -> None:
        """Write them."""
        opened = Counter({(place.day, hour): n for (place, hour), n in self.hours.items() if n})
        places = {place.day: place for place, _ in self.hours}
        for day, n in add_hours(session, opened).items():
            self.counts[places[day], ACTIVE] += n
        total: Counter[tuple[int, str]] = Counter()
        for (place, metric), n in self.counts.items():
            for row in (place.day, *place.others):
                total[row, metric] += n
        add_counts(session, total)


@dataclass(slots=True)
class _Kept:
    """What is counted of the screenings whose results share a transaction: read once, and written once."""

    facts: dict[str, tuple[Fact, Place]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    places: dict[Key, Place] = field(default_factory=dict)

    def known(self, session: Session, name: str) -> tuple[Fact, Place] | None:
        """Return what is counted of a screening, and where; None where nothing is."""
        if name not in self.facts:
            self.facts |= _counted(session, _COUNTED_ONE, {"screening": name})
        return self.facts.get(name)

    def place(self, session: Session, key: Key) -> Place:
        """Return where a key is counted."""
        if key not in self.places:
            self.places[key] = place_of(session, key)
        return self.places[key]

    def note(self, fact: Fact, place: Place) -> None:
        """Note what is counted of a screening from now on."""
        self.facts[fact.screening_id] = fact, place
        self.changed.add(fact.screening_id)

    def finish(self, session: Session) -> None:
        """Write what changed, and forget all: others may change it next."""
        rows = [_again(*self.facts[name]) for name in sorted(self.changed)]
        self.facts.clear()
        self.changed.clear()
        if rows:
            session.connection().execute(_COUNT_AGAIN, rows)


def recount(session: Session, parcel_ids: Iterable[str]) -> None:
    """Bring the counts of some parcels up to their records."""
    wanted = sorted(set(parcel_ids))
    moves = Moves()
    if (kept := gathered(session, _Kept)) is not None:
        kept.finish(session)
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        _settle(session, batch, facts_of(session, batch), moves)
    moves.make(session)


def recount_result(session: Session, data: Mapping[str, Any], at: str) -> bool:
    """Count a result of an open screening from its event; False where the records have to be read.

    Results come by the hundred in a second. One that is no correction changes its own screening alone: how
    many results it has, when the first one came, and whether it is training or emulated.
    """
    if data["late"]:
        return False
    shared = gathered(session, _Kept)
    kept, name = shared or _Kept(), str(data["screening_id"])
    known = kept.known(session, name)
    if known is None:
        return False
    before, place = known
    after = replace(before, counts=Counter(before.counts))
    add_result(after, at, training=data["training"], emulated=data["emulated"])
    moves = Moves()
    moves.add(place, before, -1)
    if after.key != before.key:
        place = kept.place(session, after.key)
    moves.add(place, after, 1)
    moves.make(session)
    kept.note(after, place)
    if shared is None:
        kept.finish(session)
    return True


def _settle(session: Session, parcel_ids: Sequence[str], facts: Mapping[str, Fact], moves: Moves) -> None:
    before = _counted(session, _COUNTED_OF, {"names": list(parcel_ids)})
    if strangers := sorted(facts.keys() - before.keys()):
        before |= _counted(session, _COUNTED_THESE, {"names": strangers})
    for name, fact in facts.items():
        was = before.pop(name, None)
        if was is None:
            place = place_of(session, fact.key)
            moves.add(place, fact, 1)
            session.execute(insert(_MEASURED).values(screening_id=name, **_row(fact, place)))
        elif was[0] != fact:
            _replace(session, moves, was, fact)
    for name, (fact, place) in before.items():
        moves.add(place, fact, -1)
        session.execute(delete(_MEASURED).where(_MEASURED.c.screening_id == name))


def _replace(session: Session, moves: Moves, was: tuple[Fact, Place], fact: Fact) -> None:
    before, place = was
    moves.add(place, before, -1)
    if fact.key != before.key:
        place = place_of(session, fact.key)
    moves.add(place, fact, 1)
    session.connection().execute(_COUNT_AGAIN, _again(fact, place))


def _counted(
    session: Session, wanted: Select[Any], asked: Mapping[str, Any]
) -> dict[str, tuple[Fact, Place]]:
    """Return what is counted of screenings at present, and where."""
    names = ("period", *_KEY_NAMES)
    rows = session.connection().execute(wanted, asked)
    return {
        one.screening_id: (
            Fact(
                one.screening_id,
                one.parcel_id,
                Key(*(getattr(one, name) for name in names)),
                one.opened_at,
                Counter(json.loads(one.counted)),
            ),
            Place(one.key_row, tuple(json.loads(one.others))),
        )
        for one in rows
    }


def _row(fact: Fact, place: Place) -> dict[str, Any]:
    counted = canonical(fact.counts)
    return {
        "parcel_id": fact.parcel_id,
        "key_row": place.day,
        "opened_at": fact.opened_at,
        "counted": counted,
    }


def _again(fact: Fact, place: Place) -> dict[str, Any]:
    told = {f"new_{name}": value for name, value in _row(fact, place).items()}
    return {"mine": fact.screening_id, **told}
