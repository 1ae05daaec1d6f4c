"""The counts in the database, added up."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SQLColumnExpression,
    Text,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session

from ..problems import Problem
from ..tables import MeasureCount, MeasureKey, Review, Screening
from .durations import seconds_between
from .grains import Grain, month_from, week_from, week_of
from .models import MOST_DAYS, MOST_WEEK_DAYS, MeasuresQuery

#: Group, training, emulated → metric → how many.
Sums = dict[tuple[str, bool, bool], Counter[str]]

_GROUPS: Mapping[str, SQLColumnExpression[str]] = {
    "site": MeasureKey.site,
    "operation": MeasureKey.operation_id,
    "bench": MeasureKey.bench,
    # PostgreSQL takes two expressions for one only where no parameter is in them.
    "month": func.substr(MeasureKey.period, literal_column("1"), literal_column("7")),
    "day": MeasureKey.period,
    "week": MeasureKey.period,
}

#: What makes one object of names and numbers in each database
#: (https://www.sqlite.org/json1.html, https://www.postgresql.org/docs/current/functions-aggregate.html).
_AS_OBJECT = {"sqlite": func.json_group_object, "postgresql": func.json_object_agg}

#: Days told where nobody says since when (chosen: a month; twelve weeks).
_USUAL_DAYS = {"day": 31, "week": 84}


@dataclass(frozen=True, slots=True)
class Period:
    """Days, from one to before another; empty for no end."""

    since: str
    until: str


def period_of(query: MeasuresQuery) -> Period:
    """Return the days a question is about.

    Raises
    ------
    Problem
        It asks for more days one by one than one answer has.
    """
    if query.by not in _USUAL_DAYS:
        return Period(query.since, query.until)
    until = date.fromisoformat(query.until) if query.until else datetime.now(UTC).date() + timedelta(days=1)
    most = MOST_DAYS if query.by == "day" else MOST_WEEK_DAYS
    usual = (until - timedelta(days=_USUAL_DAYS[query.by])).isoformat()
    # The first week as a whole: fewer days of it would read like a week in which less was done.
    since = date.fromisoformat(query.since or (week_of(usual) if query.by == "week" else usual))
    if (until - since).days > most:
        raise Problem("invalid", f"query/since: by {query.by} at most {most} days are told; ask by month")
    return Period(since.isoformat(), until.isoformat())


def sums_of(session: Session, query: MeasuresQuery, period: Period) -> Sums:
    """Return the counts that a question is about, by group and kind of work."""
    group = _GROUPS.get(query.by)
    named: SQLColumnExpression[str] = literal_column("'all'") if group is None else group
    # Sorting is what takes the time: by few columns, and each kind of work by itself.
    columns = (*(() if group is None else (group,)), MeasureCount.metric)
    # Databases add integers up to decimals: PostgreSQL's sum of them is numeric.
    total = cast(func.sum(MeasureCount.n), BigInteger)
    wanted: Select[str, str, int] = (
        select(named.label("place"), MeasureCount.metric, total.label("n"))
        .select_from(MeasureKey)
        .join(MeasureCount, MeasureCount.key_row == MeasureKey.row)
        .where(*_chosen(query), _covering(query, period))
        .group_by(*columns)
    )
    found: Sums = defaultdict(Counter)
    connection = session.connection()
    as_object = _AS_OBJECT[connection.dialect.name]
    for training, emulated in query.classes():
        mine = wanted.where(MeasureKey.training.is_(training), MeasureKey.emulated.is_(emulated)).subquery()
        # One row a group: thousands of rows of numbers take longer to fetch than to add up.
        told = cast(as_object(mine.c.metric, mine.c.n), Text)
        for place, counts in connection.execute(select(mine.c.place, told).group_by(mine.c.place)):
            key = _place(query, place), training, emulated
            if key in found:
                found[key].update(json.loads(counts))
            else:
                found[key] = Counter(json.loads(counts))
    return found


def open_reviews(session: Session, query: MeasuresQuery, now: str) -> tuple[int, float | None, float | None]:
    """Return how many reviews wait, and the median and the greatest age among them, s."""
    either = [and_(Review.training.is_(one), Review.emulated.is_(other)) for one, other in query.classes()]
    waiting = select(Review.asked_at).where(Review.closed_at.is_(None), or_(*either))
    if query.site:
        waiting = waiting.where(Review.site == query.site)
    if query.bench or query.operation_id is not None:
        waiting = waiting.join(Screening, Screening.screening_id == Review.screening_id)
        if query.bench:
            waiting = waiting.where(Screening.bench == query.bench)
        if query.operation_id is not None:
            waiting = waiting.where(Screening.operation_id == str(query.operation_id))
    count = session.scalar(select(func.count()).select_from(waiting.subquery())) or 0
    if not count:
        return 0, None, None
    oldest = waiting.order_by(Review.row)
    ages = [
        seconds_between(asked, now)
        for place in ((count - 1) // 2, 0)
        for asked in session.scalars(oldest.offset(place).limit(1))
    ]
    return count, max(0.0, ages[0]), max(0.0, ages[1])


def _place(query: MeasuresQuery, found: str) -> str:
    return week_of(found) if query.by == "week" else found


def _chosen(query: MeasuresQuery) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if query.operation_id is not None:
        chosen.append(MeasureKey.operation_id == str(query.operation_id))
    if query.site:
        chosen.append(MeasureKey.site == query.site)
    if query.bench:
        chosen.append(MeasureKey.bench == query.bench)
    return chosen


def _covering(query: MeasuresQuery, period: Period) -> ColumnElement[bool]:
    """Return what chooses weeks or months that lie within a period, and days at its ends."""
    one_by_one = bool(query.bench) or query.by == "bench"
    days = MeasureKey.grain == (Grain.DAY if one_by_one else Grain.ALL_DAY).value
    within = (
        MeasureKey.period >= period.since,
        *([MeasureKey.period < period.until] if period.until else []),
    )
    if query.by == "day" or (query.by == "week" and one_by_one):
        return and_(days, *within)
    if query.by == "week":
        coarse, begin, length = Grain.ALL_WEEK, week_from, 10
    else:
        coarse, begin, length = (Grain.MONTH if one_by_one else Grain.ALL_MONTH), month_from, 7
    first = begin(period.since) if period.since else ""
    # The last whole one ends where another begins on the first day that does not count, or before.
    last = period.until
    if period.until and begin(period.until) != period.until:
        last = week_of(period.until) if query.by == "week" else f"{period.until[:7]}-01"
    if first and last and first >= last:
        return and_(days, *within)
    whole = [MeasureKey.grain == coarse.value, MeasureKey.period >= first[:length]]
    edges = [and_(days, MeasureKey.period >= period.since, MeasureKey.period < first)] if first else []
    if last:
        whole.append(MeasureKey.period < last[:length])
        edges.append(and_(days, MeasureKey.period >= last, MeasureKey.period < period.until))
    return or_(and_(*whole), *edges)
