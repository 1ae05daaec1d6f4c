"""Seals of rows: the digest of every row that a transaction changed stands in the event that tells of it.

The digest of a row is the SHA-256 of the RFC 8785 form of its columns, bytes as hexadecimal digits. Columns
that are NULL, or hold the value that the database gives to older rows when a column is added (the server
default), are left out: a step that adds a column leaves all digests as they are. A step that changes a
server default, a type or a name has to seal its table again.

Rows of personal data are sealed too. Their salt is a part of them, so that the digest tells nothing to
whoever tries names.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import rfc8785
from sqlalchemy import Boolean, Column, Double, Float, LargeBinary, Table, inspect

from spectra.digest import bytes_digest

from ..tables import Base

#: Tables whose rows are not sealed → why not. Every other table is.
EXEMPT: Mapping[str, str] = {
    "events": "the chain itself",
    "chain_head": "the end of the chain; signed heads outside the database stand for it",
    "idempotency_keys": "answers kept for repeats, thrown away after a time",
    "bench_contacts": "last reports, which come and go without events",
    "sessions": "who is signed in",
    "result_uses": "follows from results and scans; audit verify makes it again",
    "parcel_queue": "the order of open parcels, follows from them",
    "measure_keys": "rollups, follow from results and screenings",
    "measure_counts": "rollups, follow from results and screenings",
    "measure_hours": "rollups, follow from results and screenings",
    "measured_screenings": "what a rollup counted of a screening",
    "measured_verifications": "what a rollup counted of a verification",
    "webhook_lines": "the state of deliveries, which stands outside the chain",
    "webhook_deliveries": "the state of deliveries, which stands outside the chain",
}

_DIGITS = 64


@dataclass(frozen=True, slots=True)
class _Part:
    """One column, as it goes into a digest."""

    attribute: str
    column: str
    default: Any
    read: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class Sealer:
    """Makes keys and digests of the rows of one table."""

    table: str
    """Name of the table."""
    keys: tuple[str, ...]
    """Columns of its primary key."""
    parts: tuple[_Part, ...]
    """Its columns, sorted by name."""
    floats: frozenset[str]
    """Columns that hold floating point numbers."""

    def key(self, row: Mapping[str, Any]) -> str:
        """Return ``table/primary key`` of a row, given by column."""
        return "/".join((self.table, *(_word(row[name]) for name in self.keys)))

    def digest(self, row: Mapping[str, Any]) -> str:
        """Return the digest of a row, given by column; columns that are missing count as NULL.

        Raises
        ------
        ValueError
            A value has no JSON form; no row that was written by this software has one.
        TypeError
            The same.
        """
        said = {}
        for part in self.parts:
            value = row.get(part.column)
            if value is None:
                continue
            if part.read is not None:
                value = part.read(value)
            if value != part.default:
                said[part.column] = value
        if self.floats and not self.floats.isdisjoint(said):
            return bytes_digest(rfc8785.dumps(said))
        return bytes_digest(_ENCODE(said).encode())


#: For strings, whole numbers, booleans and NULL this is RFC 8785: keys are sorted when a sealer is made, and
#: Python escapes what section 3.2.2.2 of the RFC escapes, in the same way. A test holds both together.
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


@cache
def sealer_of(table: str) -> Sealer | None:
    """Return what seals the rows of a table; None for a table that is exempt."""
    if table in EXEMPT:
        return None
    return make_sealer(Base.metadata.tables[table])


@cache
def attributes_of(kind: type[Base]) -> tuple[tuple[str, str, bool], ...]:
    """Return attribute, column and whether the database can fill it by itself, for each column of a class."""
    columns = inspect(kind).columns
    return tuple((name, one.name, one.server_default is not None) for name, one in columns.items())


def sealed_tables() -> list[Table]:
    """Return the tables whose rows are sealed, in the order in which they depend on each other."""
    return [table for table in Base.metadata.sorted_tables if table.name not in EXEMPT]


def make_sealer(table: Table) -> Sealer:
    """Return what seals the rows of a table."""
    columns = sorted(table.columns, key=lambda one: one.name)
    return Sealer(
        table=table.name,
        keys=tuple(one.name for one in table.primary_key.columns),
        parts=tuple(_Part(one.key, one.name, _default(one), _reader(one)) for one in columns),
        floats=frozenset(one.name for one in columns if isinstance(one.type, Float | Double)),
    )


def is_digest(value: object) -> bool:
    """Return whether a value of an event's ``rows`` is a digest, or says that the row is gone."""
    return value is None or (isinstance(value, str) and len(value) == _DIGITS)


def rows_told(data: object) -> Iterable[tuple[str, str | None]]:
    """Yield the rows that an event's data seal; nothing for an event of before there were seals."""
    rows = data.get("rows") if isinstance(data, dict) else None
    if isinstance(rows, dict):
        yield from ((key, value) for key, value in rows.items() if is_digest(value))


def _word(value: object) -> str:
    # Two parts of a key must never read like two others.
    return str(value).replace("%", "%25").replace("/", "%2F")


def _reader(column: Column[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, Boolean):
        return _truth
    if isinstance(column.type, LargeBinary):
        return bytes.hex
    return None


def _truth(value: object) -> object:
    # SQLite keeps 0 and 1; any other number in such a column is not what was written.
    return bool(value) if value in (0, 1) else value


def _default(column: Column[Any]) -> Any:
    """Return the value that older rows got when a column was added; `_NOTHING` for a column without."""
    given = column.server_default
    if given is None:
        return _NOTHING
    text = str(getattr(given, "arg", "")).strip("'")
    if isinstance(column.type, Boolean):
        return text.lower() in {"true", "1"}
    return int(text) if text.lstrip("-").isdigit() and column.type.python_type is int else text


_NOTHING = object()
