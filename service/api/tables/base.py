"""The base of all tables."""

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Integer, Table
from sqlalchemy.orm import DeclarativeBase, Mapped

#: Numbers of rows and events. SQLite numbers rows by itself in an INTEGER alone, which has 64 bits there.
BIG = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Base of all tables."""


class Listed(Base):
    """A table that is listed page by page, in the order of its rows (`paging.take_page`)."""

    __abstract__ = True

    if TYPE_CHECKING:
        #: Number of a row, as its table declares it.
        row: Mapped[int]


def table_of(kind: type[Base]) -> Table:
    """Return the table of a class, for plain statements past the session."""
    return Base.metadata.tables[kind.__tablename__]
