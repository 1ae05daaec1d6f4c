"""Pages of a list, followed by opaque cursors."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select
from sqlalchemy.orm import Session

from spectra.digest import json_digest

from .problems import Problem
from .tables import Bench, Parcel, Result

MOST = 200
USUAL = 50

Limit = Annotated[int, Field(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[str, Field(max_length=128, description="`next_cursor` of the page before.")]

Row = TypeVar("Row", Parcel, Result, Bench)


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
    stamp = json_digest([table.__tablename__, query.filters()])[:12]
    after = _read_cursor(query.cursor, stamp) if query.cursor else 0
    chosen = wanted.where(table.row > after).order_by(table.row).limit(query.limit + 1)
    rows: Sequence[Row] = session.scalars(chosen).all()
    page = rows[: query.limit]
    if len(rows) <= query.limit:
        return page, None
    return page, _write_cursor(stamp, page[-1].row)


def _write_cursor(stamp: str, last: int) -> str:
    return base64.urlsafe_b64encode(f"{stamp}.{last}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str, stamp: str) -> int:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    found, _, last = text.partition(".")
    if found != stamp or not last.isdecimal() or len(last) > 18:
        raise Problem("bad_cursor", "begin again without a cursor; keep the filters while following one")
    return int(last)
