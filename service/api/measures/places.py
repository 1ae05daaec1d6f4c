"""Where screenings are counted: the rows of keys, made where they are missing."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from ..events.chain import canonical
from ..tables import MeasureKey, table_of
from .facts import Key
from .grains import Slot, slots_of

_KEYS = table_of(MeasureKey)
#: What all keys of a thing have in common.
_SHARED = ("site", "operation_id", "training", "emulated")
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
