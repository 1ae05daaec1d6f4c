"""The index behind impact: filled in the transaction of a result, asked by name and time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, tuple_
from sqlalchemy.orm import Session

from ...uses import KINDS, is_prefix, moment_text, uses_of
from ..gathering import gathered
from ..paging import read_cursor, stamp_of, write_cursor
from ..problems import Problem
from ..tables import Calibration, Parcel, Result, ResultUse, ScanFile, table_of
from .models import Candidate, ImpactQuery

#: Things of a kind listed for a name that is not a whole one.
MOST_CANDIDATES = 20

_LIST = "impact"
#: These rows follow from results: a plain statement for all of a result's, past the session.
_NOTE = insert(table_of(ResultUse))
Row = tuple[ResultUse, Result, str]


@dataclass(slots=True)
class _Uses:
    """Rows to be written; nothing asks for them in the transaction that makes them."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def finish(self, session: Session) -> None:
        if self.rows:
            session.connection().execute(_NOTE, self.rows)


def note_uses(
    session: Session,
    result: Result,
    identification: Mapping[str, Any],
    device: Mapping[str, Any],
    *,
    taken_at: str,
    blank_id: str,
) -> None:
    """Note everything a new result depends on; it must have its row."""
    at = _measured_at(taken_at, result.received_at)
    rows = [
        {"kind": use.kind, "value": use.value, "at": at, "result_row": result.row, "part": use.part}
        for use in uses_of(identification, device, blank_id=blank_id)
    ]
    shared = gathered(session, _Uses)
    uses = shared or _Uses()
    uses.rows += rows
    if shared is None:
        uses.finish(session)


def candidates(session: Session, value: str, kind: str | None = None) -> list[Candidate]:
    """Return everything a name can stand for; where it is a whole one, nothing that only begins with it."""
    kinds = KINDS if kind is None else (kind,)
    found = [(one, value) for one in kinds if _is_known(session, one, value)]
    if not found and is_prefix(value):
        found = [(one, name) for one in kinds for name in _beginning(session, one, value)]
    return [
        Candidate.model_validate({"kind": one, "value": name, "results": _count(session, one, name)})
        for one, name in found
    ]


def whole_name(session: Session, kind: str, value: str) -> str:
    """Return the name that a beginning stands for, or the value itself where nothing is known of it.

    Raises
    ------
    Problem
        It begins more than one.
    """
    if _is_known(session, kind, value) or not is_prefix(value):
        return value
    found = list(_beginning(session, kind, value))
    if len(found) > 1:
        raise Problem(
            "ambiguous", f"{value} begins {', '.join(one[:16] for one in found[:5])}: give more digits"
        )
    return found[0] if found else value


def depending(session: Session, query: ImpactQuery, value: str) -> tuple[list[Row], int, str | None]:
    """Return a page of the results that depend on a thing, how many there are, and the next cursor.

    Raises
    ------
    Problem
        The cursor belongs to another question.
    """
    chosen = _chosen(query, value)
    total = session.scalar(select(func.count()).select_from(ResultUse).where(*chosen)) or 0
    stamp = stamp_of(_LIST, query)
    place = _place(read_cursor(query.cursor, stamp))
    here = tuple_(ResultUse.at, ResultUse.result_row)
    wanted = (
        select(ResultUse, Result, Parcel.item_id)
        .join(Result, Result.row == ResultUse.result_row)
        .join(Parcel, Parcel.parcel_id == Result.parcel_id)
        .where(*chosen, *([here > place] if place else []))
        .order_by(ResultUse.at, ResultUse.result_row)
        .limit(query.limit + 1)
    )
    rows = [(use, result, item) for use, result, item in session.execute(wanted)]
    if len(rows) <= query.limit:
        return rows, total, None
    last = rows[query.limit - 1][0]
    return rows[: query.limit], total, write_cursor(stamp, f"{last.at}~{last.result_row}")


def not_indexed(session: Session, kind: str) -> int:
    """Return of how many results it is not known whether they depend on things of a kind."""
    if kind != "blank":
        return 0
    wanted = select(func.count()).select_from(Result).join(ScanFile, ScanFile.scan_id == Result.scan_id)
    return session.scalar(wanted.where(ScanFile.blank_id.is_(None))) or 0


def _chosen(query: ImpactQuery, value: str) -> Sequence[ColumnElement[bool]]:
    chosen = [ResultUse.kind == query.kind, ResultUse.value == value]
    if query.since:
        chosen.append(ResultUse.at >= moment_text(query.since))
    if query.until:
        chosen.append(ResultUse.at < moment_text(query.until))
    return chosen


def _place(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    at, _, row = text.partition("~")
    if not row.isdecimal() or len(row) > 18:
        raise Problem("bad_cursor", "begin again without a cursor; keep the filters while following one")
    return at, int(row)


def _measured_at(taken_at: str, received_at: str) -> str:
    """Return when a scan was made, in the form that sorts; when it came where the bench said no time."""
    try:
        return moment_text(taken_at)
    except ValueError:
        return received_at


def _is_known(session: Session, kind: str, value: str) -> bool:
    """Return whether a whole name is known, by a result or as a record nothing depends on yet."""
    used = select(ResultUse.value).where(ResultUse.kind == kind, ResultUse.value == value).limit(1)
    if session.scalar(used) is not None:
        return True
    kept = select(Calibration.row).where(Calibration.record_id == value)
    return kind == "calibration" and session.scalar(kept) is not None


def _beginning(session: Session, kind: str, start: str) -> Iterator[str]:
    """Yield the names of a kind that begin with some digits; the serial numbers of devices are no digests."""
    if kind == "device":
        return
    names = set[str]()
    # One look into the index for each name, however many results stand under it.
    last, step = start, func.min(ResultUse.value)
    for _ in range(MOST_CANDIDATES):
        after = ResultUse.value >= last if last == start else ResultUse.value > last
        name = session.scalar(
            select(step).where(ResultUse.kind == kind, after, ResultUse.value < f"{start}g")
        )
        if name is None:
            break
        last = name
        names.add(name)
    if kind == "calibration":
        kept = select(Calibration.record_id).where(
            Calibration.record_id >= start, Calibration.record_id < f"{start}g"
        )
        names |= set(session.scalars(kept.limit(MOST_CANDIDATES)))
    yield from sorted(names)[:MOST_CANDIDATES]


def _count(session: Session, kind: str, value: str) -> int:
    wanted = select(func.count()).select_from(ResultUse)
    return session.scalar(wanted.where(ResultUse.kind == kind, ResultUse.value == value)) or 0
