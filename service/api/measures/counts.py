"""Adding to the counts in the database, whatever was there before."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ..tables import MeasureCount, MeasureHour, table_of

_COUNTED = table_of(MeasureHour)
_HOURS = select(_COUNTED.c.key_row, _COUNTED.c.hour, _COUNTED.c.n).where(
    _COUNTED.c.key_row.in_(bindparam("keys", expanding=True))
)


def add_counts(session: Session, more: Mapping[tuple[int, str], int]) -> None:
    """Add to the counts: row of a key and metric → how many more."""
    rows = [{"key_row": key, "metric": metric, "n": n} for (key, metric), n in sorted(more.items()) if n]
    if rows:
        connection = session.connection()
        connection.execute(_adding(connection.dialect.name, MeasureCount, "metric"), rows)


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
    rows = [{"key_row": key, "hour": hour, "n": n} for (key, hour), n in sorted(more.items())]
    connection = session.connection()
    connection.execute(_adding(connection.dialect.name, MeasureHour, "hour"), rows)
    for key_row, hour, n in connection.execute(_HOURS, {"keys": sorted({key for key, _ in more})}):
        added = more.get((key_row, hour), 0)
        active[key_row] += int(n > 0) - int(n - added > 0)
    return active


@cache
def _adding(database: str, table: type[MeasureCount | MeasureHour], part: str) -> Any:
    """Return the statement that adds to a count, and makes it where there is none."""
    # Both databases know this form, each by a construct of its own: https://www.sqlite.org/lang_upsert.html
    dialect = postgresql if database == "postgresql" else sqlite
    counted = table_of(table)
    inserting = dialect.insert(counted)
    return inserting.on_conflict_do_update(
        index_elements=["key_row", part], set_={"n": counted.c.n + inserting.excluded.n}
    )
