"""Tables read in pages by primary key, as they are stored: no page holds more than a few megabytes."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, tuple_, type_coerce
from sqlalchemy.types import NullType

#: Rows read at a time (chosen: identifications have some kilobytes).
PAGE = 500


def pages(
    connection: Connection, table: Table, columns: Sequence[str] | None = None, *, size: int = PAGE
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table by column, in the order of its primary key.

    No type of the tables reads the values: what stands in the file is what is judged. A page is read by where
    the last one ended, because the driver of PostgreSQL keeps whole answers in memory.

    Parameters
    ----------
    connection
        In a transaction that sees one state.
    columns
        Names; None for all. The primary key has to be among them.
    """
    names = list(table.columns.keys() if columns is None else columns)
    keys = [type_coerce(one, NullType()) for one in table.primary_key.columns]
    key_names = [one.name for one in table.primary_key.columns]
    wanted = select(*(type_coerce(table.columns[name], NullType()).label(name) for name in names))
    wanted = wanted.order_by(*keys).limit(size)
    last: tuple[Any, ...] | None = None
    while True:
        here = wanted if last is None else wanted.where(_after(table, last))
        rows = [dict(row) for row in connection.execute(here).mappings()]
        if rows:
            yield rows
            last = tuple(rows[-1][name] for name in key_names)
        if len(rows) < size:
            return


def _after(table: Table, last: tuple[Any, ...]) -> Any:
    keys = list(table.primary_key.columns)
    return keys[0] > last[0] if len(keys) == 1 else tuple_(*keys) > last
