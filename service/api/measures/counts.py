"""Adding to the counts in the database, whatever was there before."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ..tables import MeasureCount, MeasureHour, table_of

#: A key's row, the metric or hour, and how many more.
_Row = tuple[int, str | int, int]
_NAMES = ("keys", "parts", "more")

_COUNTED = table_of(MeasureHour)
_HOURS = select(_COUNTED.c.key_row, _COUNTED.c.hour, _COUNTED.c.n).where(
    _COUNTED.c.key_row.in_(bindparam("keys", expanding=True))
)


def add_counts(session: Session, more: Mapping[tuple[int, str], int]) -> None:
    """Add to the counts: row of a key and metric → how many more."""
    rows = [(key, metric, n) for (key, metric), n in sorted(more.items()) if n]
    if rows:
        _add(session.connection(), MeasureCount, rows)


def add_hours(session: Session, more: Mapping[tuple[int, int], int]) -> Counter[int]:
    """Add openings to hours, and return by key how many more hours have any now.

    Parameters
    ----------
    session
        Where to write.
    more
        Row of a key and hour of the day → how many openings more.
    """
    active: Counter[int] = Counter()
    if not more:
        return active
    connection = session.connection()
    _add(connection, MeasureHour, [(key, hour, n) for (key, hour), n in sorted(more.items())])
    for key_row, hour, n in connection.execute(_HOURS, {"keys": sorted({key for key, _ in more})}):
        added = more.get((key_row, hour), 0)
        active[key_row] += int(n > 0) - int(n - added > 0)
    return active


def _add(connection: Connection, table: type[MeasureCount | MeasureHour], rows: Sequence[_Row]) -> None:
    """Add to counts, and make those that are not there."""
    if connection.dialect.name == "postgresql":
        told = {name: list(values) for name, values in zip(_NAMES, zip(*rows, strict=True), strict=True)}
        connection.execute(_adding_all(table), told)
        return
    connection.execute(_adding_each(table), [dict(zip(_NAMES, row, strict=True)) for row in rows])


@cache
def _adding_each(table: type[MeasureCount | MeasureHour]) -> Any:
    counted = table_of(table)
    values: dict[str, Any] = {
        column: bindparam(name) for column, name in zip(_columns(table), _NAMES, strict=True)
    }
    # https://www.sqlite.org/lang_upsert.html; PostgreSQL has a construct of its own of the same form.
    inserting = sqlite.insert(counted).values(values)
    return inserting.on_conflict_do_update(
        index_elements=_columns(table)[:2], set_={"n": counted.c.n + inserting.excluded.n}
    )


@cache
def _adding_all(table: type[MeasureCount | MeasureHour]) -> Any:
    # Rows as arrays, because each row by itself would be two answers to wait for, a hundred times a change
    # (https://www.postgresql.org/docs/current/functions-array.html, unnest).
    counted = table_of(table)
    columns = [counted.c[name] for name in _columns(table)]
    arrays = [
        func.unnest(bindparam(name, type_=postgresql.ARRAY(column.type)))
        for name, column in zip(_NAMES, columns, strict=True)
    ]
    inserting = postgresql.insert(counted).from_select(list(_columns(table)), select(*arrays))
    return inserting.on_conflict_do_update(
        index_elements=_columns(table)[:2], set_={"n": counted.c.n + inserting.excluded.n}
    )


def _columns(table: type[MeasureCount | MeasureHour]) -> tuple[str, str, str]:
    return "key_row", "metric" if table is MeasureCount else "hour", "n"
