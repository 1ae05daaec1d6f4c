"""The base of all tables."""

from sqlalchemy import BigInteger, Integer, Table
from sqlalchemy.orm import DeclarativeBase

#: Numbers of rows and events. SQLite numbers rows by itself in an INTEGER alone, which has 64 bits there.
BIG = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Base of all tables."""


def table_of(kind: type[Base]) -> Table:
    """Return the table of a class, for plain statements past the session."""
    return Base.metadata.tables[kind.__tablename__]
