"""Pages of a list, followed by opaque cursors."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, Select, literal
from sqlalchemy.orm import Session

from spectra.digest import json_digest

from .problems import Problem
from .tables.base import Listed

MOST = 200
USUAL = 50
_LONGEST_NUMBER = 18

Limit = Annotated[int, Field(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[str, Field(max_length=128, description="`next_cursor` of the page before.")]

Row = TypeVar("Row", bound=Listed)


class PageQuery(BaseModel):
    """What every list takes; unknown parameters are refused, so that no filter is lost to a typing error."""

    model_config = ConfigDict(extra="forbid")

    cursor: Cursor = ""
    limit: Limit = USUAL

    def filters(self) -> dict[str, Any]:
        """Return everything that chooses rows; a cursor is good for the same choice only."""
        return self.model_dump(mode="json", exclude={"cursor", "limit"})


def take_page(
    session: Session,
    table: type[Row],
    wanted: Select[Any],
    query: PageQuery,
) -> tuple[Sequence[Row], str | None]:
    """Return the rows of a page, oldest first, and the cursor of the next page (None at the end).

    Parameters
    ----------
    session
        Where to read.
    table
        The table whose rows are listed.
    wanted
        The filtered rows.
    query
        Cursor, limit and filters.

    Raises
    ------
    Problem
        The cursor belongs to another list, or to none.
    """
    stamp = stamp_of(table.__tablename__, query)
    after = read_cursor(query.cursor, stamp) or "0"
    if not after.isdecimal() or len(after) > _LONGEST_NUMBER:
        raise _foreign()
    chosen = (
        wanted.where(table.row > literal(int(after), BigInteger)).order_by(table.row).limit(query.limit + 1)
    )
    rows: Sequence[Row] = session.scalars(chosen).all()
    page = rows[: query.limit]
    if len(rows) <= query.limit:
        return page, None
    return page, write_cursor(stamp, str(page[-1].row))


def stamp_of(name: str, query: PageQuery) -> str:
    """Return what ties a cursor to a list and its filters."""
    return json_digest([name, query.filters()])[:12]


def write_cursor(stamp: str, place: str) -> str:
    """Return a cursor for what comes after a place in a list."""
    return base64.urlsafe_b64encode(f"{stamp}.{place}".encode()).decode().rstrip("=")


def read_cursor(cursor: str, stamp: str) -> str:
    """Return the place a cursor stands for; empty for no cursor.

    Raises
    ------
    Problem
        It belongs to another list, or to none.
    """
    if not cursor:
        return ""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    found, _, place = text.partition(".")
    if found != stamp or not place:
        raise _foreign()
    return place


def _foreign() -> Problem:
    return Problem("bad_cursor", "begin again without a cursor; keep the filters while following one")
