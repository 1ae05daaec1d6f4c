"""Step 0006: the counts of what was there before there were any.

There were no operations and no reviews yet: the tables of both were made by the same step.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

_BATCH = 500
_GRAVITY = {"hold": 3, "refer": 2, "no_hold_requested": 1, None: 0}
#: Site, operation, bench, training, emulated.
_Key = tuple[str, str, str, bool, bool]

_MINE = "FROM screenings s JOIN parcels p ON p.parcel_id = s.parcel_id WHERE p.row > :low AND p.row <= :high"
_SCREENINGS = f"""SELECT s.screening_id, s.parcel_id, s.row, s.state, s.bench, s.site, s.operation_id,
    s.opened_at, s.completed_at, s.finding {_MINE} AND NOT p.sandbox ORDER BY s.row"""
_NAMES = f"SELECT s.screening_id {_MINE}"
_RESULTS = f"""SELECT screening_id, training, emulated, received_at FROM results
    WHERE screening_id IN ({_NAMES}) ORDER BY row"""  # noqa: S608
_FLAGS = f"""SELECT r.screening_id, f.reviewed_at FROM flagged_results x
    JOIN results r ON r.result_id = x.result_id JOIN flags f ON f.row = x.flag_row
    WHERE x.state = 'flagged' AND r.screening_id IN ({_NAMES})"""  # noqa: S608
_DISPOSITIONS = """SELECT d.parcel_id, d.decision, d.compliant FROM dispositions d
    JOIN parcels p ON p.parcel_id = d.parcel_id WHERE p.row > :low AND p.row <= :high ORDER BY d.row"""
_CHECKS = """SELECT v.scan_id, v.passed, v.body, v.received_at, s.emulated FROM verifications v
    LEFT JOIN scans s ON s.scan_id = v.scan_id ORDER BY v.row"""

_KEYS = sa.table(
    "measure_keys",
    *map(
        sa.column,
        ("row", "grain", "period", "site", "operation_id", "bench", "training", "emulated", "others"),
    ),
)
_COUNTS = sa.table("measure_counts", *map(sa.column, ("key_row", "metric", "n")))
_HOURS = sa.table("measure_hours", *map(sa.column, ("key_row", "hour", "n")))
_SCREENED = sa.table(
    "measured_screenings",
    *map(sa.column, ("screening_id", "parcel_id", "key_row", "opened_at", "counted")),
)
_CHECKED = sa.table(
    "measured_verifications", *map(sa.column, ("scan_id", "site", "operation_id", "emulated"))
)


@dataclass(slots=True)
class _Visit:
    row: int
    state: str
    parcel_id: str
    opened_at: str
    key: _Key
    finding: dict[str, Any] | None
    counts: Counter[str] = field(default_factory=Counter)


class Counting:
    """Counts everything there is into the empty tables of measures.

    Parameters
    ----------
    connection
        At step 0006, in a transaction that writes.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._places: dict[tuple[str, _Key], tuple[int, tuple[int, ...]]] = {}
        self._slots: dict[tuple[str, str, _Key], int] = {}
        self._sites: dict[str, tuple[str, int, str]] = {}
        self._total: Counter[tuple[int, str]] = Counter()
        self._hours: Counter[tuple[int, int]] = Counter()

    def run(self) -> None:
        """Count."""
        for low, high in self._parcels():
            self._screenings({"low": low, "high": high})
        self._checks()
        counts = [{"key_row": key, "metric": metric, "n": n} for (key, metric), n in self._total.items() if n]
        hours = [{"key_row": key, "hour": hour, "n": n} for (key, hour), n in self._hours.items()]
        for table, rows in ((_COUNTS, counts), (_HOURS, hours)):
            for start in range(0, len(rows), _BATCH):
                self._connection.execute(table.insert(), rows[start : start + _BATCH])

    def _parcels(self) -> Iterator[tuple[int, int]]:
        low = 0
        wanted = sa.text("SELECT row FROM parcels WHERE row > :low ORDER BY row LIMIT :most")
        while rows := self._connection.execute(wanted, {"low": low, "most": _BATCH}).scalars().all():
            yield low, rows[-1]
            low = rows[-1]

    def _screenings(self, asked: dict[str, int]) -> None:
        visits = {one.screening_id: _visit(one) for one in self._ask(_SCREENINGS, asked)}
        for one in self._ask(_RESULTS, asked):
            if (visit := visits.get(one.screening_id)) is not None:
                _add_result(visit, one)
        for one in self._ask(_FLAGS, asked):
            if (visit := visits.get(one.screening_id)) is not None:
                visit.counts["flagged"] += 1
                visit.counts["flags_closed"] += one.reviewed_at is not None
        words = {one.parcel_id: (one.decision, one.compliant) for one in self._ask(_DISPOSITIONS, asked)}
        for visit in _deciding(visits.values()):
            _add_finding(visit, words)
        rows = []
        for name, visit in visits.items():
            day, _ = self._put(visit)
            counted = {metric: n for metric, n in visit.counts.items() if n}
            told = json.dumps(counted, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            rows.append(
                {
                    "screening_id": name,
                    "parcel_id": visit.parcel_id,
                    "key_row": day,
                    "opened_at": visit.opened_at,
                    "counted": told,
                }
            )
        if rows:
            self._connection.execute(_SCREENED.insert(), rows)

    def _put(self, visit: _Visit) -> tuple[int, tuple[int, ...]]:
        day, others = place = self._place(visit.opened_at[:10], visit.key)
        hour = int(visit.opened_at[11:13])
        first = not self._hours[day, hour]
        self._hours[day, hour] += 1
        for row in (day, *others):
            for metric, n in visit.counts.items():
                self._total[row, metric] += n
            self._total[row, "active_hours"] += first
        return place

    def _checks(self) -> None:
        found, rows = self._ask(_CHECKS, {}), []
        for one in found:
            bench = json.loads(one.body)["bench"]
            site, emulated = self._sites.get(bench, ("", 0, ""))[2], bool(one.emulated)
            day, others = self._place(one.received_at[:10], (site, "", bench, False, emulated), noted=False)
            for row in (day, *others):
                self._total[row, f"verification.{'passed' if one.passed else 'failed'}"] += 1
            rows.append({"scan_id": one.scan_id, "site": site, "operation_id": "", "emulated": emulated})
        for start in range(0, len(rows), _BATCH):
            self._connection.execute(_CHECKED.insert(), rows[start : start + _BATCH])

    def _place(self, day: str, key: _Key, *, noted: bool = True) -> tuple[int, tuple[int, ...]]:
        if (day, key) not in self._places:
            everywhere: _Key = (*key[:2], "", *key[3:])
            others = tuple(
                self._slot(grain, period, where, ())
                for grain, period, where in (
                    ("month", day[:7], key),
                    ("all.day", day, everywhere),
                    ("all.week", _week(day), everywhere),
                    ("all.month", day[:7], everywhere),
                )
            )
            row = self._slot("day", day, key, others)
            self._places[day, key] = row, others
            if noted:
                # Where a bench stood last is asked when its instrument was checked.
                self._sites[key[2]] = max(self._sites.get(key[2], ("", 0, "")), (day, row, key[0]))
        return self._places[day, key]

    def _slot(self, grain: str, period: str, key: _Key, others: tuple[int, ...]) -> int:
        if (grain, period, key) not in self._slots:
            names = ("site", "operation_id", "bench", "training", "emulated")
            values = {"grain": grain, "period": period, "others": json.dumps(others, separators=(",", ":"))}
            made = (
                _KEYS.insert().values(**values, **dict(zip(names, key, strict=True))).returning(_KEYS.c.row)
            )
            self._slots[grain, period, key] = self._connection.execute(made).scalar_one()
        return self._slots[grain, period, key]

    def _ask(self, text: str, asked: dict[str, int]) -> list[Any]:
        return list(self._connection.execute(sa.text(text), asked))


def _visit(one: Any) -> _Visit:
    finding = None if one.finding is None else json.loads(one.finding)
    key = (one.site, one.operation_id or "", one.bench, False, False)
    visit = _Visit(one.row, one.state, one.parcel_id, one.opened_at, key, finding, Counter(opened=1))
    if one.completed_at is not None:
        visit.counts["completed"] = 1
        _time(visit, "complete", one.completed_at)
    if one.state == "superseded":
        visit.counts["superseded"] = 1
    return visit


def _add_result(visit: _Visit, one: Any) -> None:
    if not visit.counts["results"]:
        _time(visit, "first", one.received_at)
    visit.counts["results"] += 1
    site, operation, bench, training, emulated = visit.key
    visit.key = (site, operation, bench, training or bool(one.training), emulated or bool(one.emulated))


def _deciding(visits: Iterable[_Visit]) -> Iterable[_Visit]:
    best: dict[tuple[str, bool, bool], _Visit] = {}
    for visit in sorted(visits, key=lambda one: one.row):
        if visit.state != "complete" or visit.finding is None:
            continue
        apart = (visit.parcel_id, *visit.key[3:])
        before = best.get(apart)
        if before is None or _gravity(visit) >= _gravity(before):
            best[apart] = visit
    return best.values()


def _gravity(visit: _Visit) -> int:
    return _GRAVITY[(visit.finding or {}).get("outward")]


def _add_finding(visit: _Visit, words: dict[str, tuple[str, Any]]) -> None:
    finding = visit.finding or {}
    visit.counts["parcels"] = 1
    visit.counts[f"verdict.{finding['verdict']}"] = 1
    if finding["outward"] == "refer":
        for reason in set(finding["reasons"]):
            visit.counts[f"reason.{reason}"] = 1
    if visit.parcel_id in words:
        decision, compliant = words[visit.parcel_id]
        visit.counts[f"disposition.{decision}"] = 1
        if compliant is not None:
            visit.counts["compliant" if compliant else "non_compliant"] = 1


def _time(visit: _Visit, what: str, end: str) -> None:
    """Count a duration: twenty bins for each factor of ten from 0.1 s on, and one for what is shorter."""
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(visit.opened_at)).total_seconds()
    number = 0 if seconds < 0.1 else min(1 + math.floor(20 * math.log10(seconds / 0.1)), 161)
    visit.counts[f"{what}_s.{number}"] += 1


def _week(day: str) -> str:
    moment = date.fromisoformat(day)
    return (moment - timedelta(days=moment.weekday())).isoformat()
