"""The answer to a question about measures."""

import json
from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..clock import utc_now
from ..operations.repository import find_operation
from ..problems import Problem
from ..tables import Operation
from .models import MeasureRow, Measures, MeasuresQuery, OpenReviews
from .progress import progress_of
from .repository import Sums, open_reviews, period_of, sums_of
from .rows import row_of


def view_measures(session: Session, query: MeasuresQuery) -> Measures:
    """Return what screening achieved.

    Raises
    ------
    Problem
        The operation is not known, or the question is about too many days.
    """
    now, period = utc_now(), period_of(query)
    operation = None
    if query.operation_id is not None:
        operation = find_operation(session, str(query.operation_id))
        if operation is None:
            raise Problem("not_found", f"no operation {query.operation_id}")
    sums = sums_of(session, query, period)
    totals = [_total(sums, training, emulated) for training, emulated in query.classes()]
    count, median, oldest = open_reviews(session, query, now)
    return Measures(
        as_of=now,
        since=period.since,
        until=period.until,
        by=query.by,
        include=query.include,
        rows=[] if query.by == "all" else _rows(session, query, sums),
        totals=totals,
        operation=None if operation is None else progress_of(operation, totals[0], period, now),
        reviews=OpenReviews(open=count, median_age_s=median, oldest_age_s=oldest),
    )


def _total(sums: Sums, training: bool, emulated: bool) -> MeasureRow:
    total: dict[str, int] = {}
    for (_, is_training, is_emulated), found in sums.items():
        if (is_training, is_emulated) == (training, emulated):
            for metric, n in found.items():
                total[metric] = total.get(metric, 0) + n
    counts = Counter(total)
    label = " and ".join(
        word for word, stands in (("training", training), ("emulated instruments", emulated)) if stands
    )
    return row_of(counts, "all", label or "all", training=training, emulated=emulated)


def _rows(session: Session, query: MeasuresQuery, sums: Sums) -> list[MeasureRow]:
    names = _operations(session) if query.by == "operation" else {}
    return [
        row_of(counts, group, _label(query, group, names), training=training, emulated=emulated)
        for (group, training, emulated), counts in sorted(sums.items(), key=lambda one: one[0])
        if any(counts.values())
    ]


def _operations(session: Session) -> dict[str, str]:
    rows = session.execute(select(Operation.operation_id, Operation.body))
    return {operation_id: str(json.loads(body)["name"]) for operation_id, body in rows}


def _label(query: MeasuresQuery, group: str, names: dict[str, str]) -> str:
    if query.by == "week":
        return f"week of {group}"
    if query.by == "operation":
        return names.get(group, group) or "no operation"
    return group or f"no {query.by} told"
