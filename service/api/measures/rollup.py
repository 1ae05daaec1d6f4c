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
from .grains import Slot, slots_of

#: Hours in which a bench opened screenings: hour by hour for each day, added up in the counts.
ACTIVE = "active_hours"

_MEASURED, _KEYS = table_of(MeasuredScreening), table_of(MeasureKey)
_KEY_NAMES = ("site", "operation_id", "bench", "training", "emulated")
#: What all keys of a thing have in common.
_SHARED = ("site", "operation_id", "training", "emulated")

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
_FIND_KEY = select(_KEYS.c.row, _KEYS.c.others).where(
    *(_KEYS.c[name] == bindparam(name) for name in ("grain", "period", "bench", *_SHARED))
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is counted."""

    day: int
    """Row of the key of the bench's day."""
    others: tuple[int, ...]
    """Rows of the other keys it is counted under."""


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


def recount(session: Session, parcel_ids: Iterable[str]) -> None:
    """Bring the counts of some parcels up to their records."""
    wanted = sorted(set(parcel_ids))
    moves = Moves()
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        _settle(session, batch, facts_of(session, batch), moves)
    moves.make(session)


def recount_result(session: Session, data: Mapping[str, Any], at: str) -> bool:
    """Count a result of an open screening from its event; False where the records have to be read.

    Results come by the hundred in a second. One that is no correction changes its own screening alone: how
    many results it has, when the first one came, and whether it is training or emulated.
    """
    found = _counted(session, _COUNTED_ONE, {"screening": data["screening_id"]})
    if data["late"] or not found:
        return False
    ((before, place),) = found.values()
    after = replace(before, counts=Counter(before.counts))
    add_result(after, at, training=data["training"], emulated=data["emulated"])
    moves = Moves()
    _replace(session, moves, (before, place), after)
    moves.make(session)
    return True


def place_of(session: Session, key: Key) -> Place:
    """Return where a key is counted; what is missing of its keys is made."""
    day, *others = slots_of(key.day, key.bench)
    connection = session.connection()
    found = connection.execute(_FIND_KEY, _named(day, key)).one_or_none()
    if found is not None:
        return Place(found.row, tuple(json.loads(found.others)))
    rows = []
    for slot in others:
        row = connection.execute(_FIND_KEY, _named(slot, key)).scalar_one_or_none()
        rows.append(_make(session, slot, key, []) if row is None else row)
    return Place(_make(session, day, key, rows), tuple(rows))


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
    told = {f"new_{name}": value for name, value in _row(fact, place).items()}
    session.connection().execute(_COUNT_AGAIN, {"mine": fact.screening_id, **told})


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


def _named(slot: Slot, key: Key) -> dict[str, Any]:
    return {
        "grain": slot.grain.value,
        "period": slot.period,
        "bench": slot.bench,
        **{name: getattr(key, name) for name in _SHARED},
    }


def _make(session: Session, slot: Slot, key: Key, others: list[int]) -> int:
    made = insert(_KEYS).values(others=canonical(others), **_named(slot, key))
    row: int = session.execute(made.returning(_KEYS.c.row)).scalar_one()
    return row
