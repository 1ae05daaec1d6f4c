"""What flags mean for what is shown of results, screenings and parcels."""

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.orm import Session

from ..tables import Flag, FlaggedResult, Result
from .models import FlagMark
from .standing import Standing

_MARKS = (
    select(FlaggedResult.result_id, Flag)
    .join(Flag, Flag.row == FlaggedResult.flag_row)
    .where(
        FlaggedResult.result_id.in_(bindparam("results", expanding=True)),
        FlaggedResult.state == Standing.FLAGGED.value,
    )
    .order_by(Flag.row)
)


def marks_of(session: Session, result_ids: Sequence[str]) -> dict[str, list[FlagMark]]:
    """Return the flags of results, the oldest first; nothing for a result without one."""
    found: dict[str, list[FlagMark]] = {}
    for result_id, flag in session.execute(_MARKS, {"results": result_ids}):
        found.setdefault(result_id, []).append(_mark(flag))
    return found


def is_open(marks: Iterable[FlagMark]) -> bool:
    """Return whether one of some flags waits for a review."""
    return any(one.reviewed_at is None for one in marks)


def under_review(session: Session, results: ColumnElement[bool]) -> bool:
    """Return whether a result that fits a condition is under review."""
    wanted = (
        select(Flag.row)
        .join(FlaggedResult, FlaggedResult.flag_row == Flag.row)
        .join(Result, Result.result_id == FlaggedResult.result_id)
        .where(results, FlaggedResult.state == Standing.FLAGGED.value, Flag.reviewed_at.is_(None))
    )
    return session.scalar(wanted.limit(1)) is not None


def _mark(flag: Flag) -> FlagMark:
    body = json.loads(flag.body)
    return FlagMark(
        flag_id=flag.flag_id,
        reason=body["reason"],
        verification=body["verification"],
        at=flag.raised_at,
        reviewed_at=flag.reviewed_at,
    )
