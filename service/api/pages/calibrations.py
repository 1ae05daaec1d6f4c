"""What the page of calibrations shows: instruments, records in force, last verdicts, and control charts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from calibration.chart_series import BASELINE, FEWEST, Chart, Phase, charts_of
from calibration.charts import Signal

from ...calibration_states import Listed, State, states_of
from ...fleet_words import minute
from ..tables import Calibration, Verification
from .calibration_points import number, points_of, records_of

#: Instruments in the list (chosen: ten times a large fleet).
SHOWN = 300

#: Verifications in the table beside the charts.
TABLED = 30

#: Charts from top to bottom, as `service.plots.control_chart` draws them.
PANELS = {
    "position": "mean deviation of the lines / cm⁻¹",
    "width": "width of the strongest line / cm⁻¹",
    "intensity": "strongest line per light / a.u.",
}

SIGNAL_WORDS = {
    Signal.BEYOND: "outside the control limits",
    Signal.RUN: "eighth or later on one side of the mean",
    Signal.TREND: "sixth or later that rises or falls",
    Signal.EWMA: "moving average outside its limits",
}

#: The same where there is little room.
_SHORT = {Signal.BEYOND: "limits", Signal.RUN: "run", Signal.TREND: "trend", Signal.EWMA: "EWMA"}

_STATES = {
    State.IN_FORCE: "✓ in force",
    State.EXPIRED: "! in force, past its validity",
    State.SUPERSEDED: "superseded",
    State.WITHDRAWN: "✕ withdrawn",
}


@dataclass(frozen=True, slots=True)
class InstrumentLine:
    """An instrument and its last verification."""

    device: str
    kind: str
    words: str
    at: str
    count: int


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A calibration record in words."""

    kind: str
    state: str
    made_at: str
    valid_until: str
    standards: str
    emulated: bool
    record_id: str


@dataclass(frozen=True, slots=True)
class PointLine:
    """One verification of the table."""

    at: str
    passed: bool
    figures: tuple[str, ...]
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandardCharts:
    """The control charts of one standard on one instrument."""

    standard: str
    data: dict[str, Any]
    told: str
    verdicts: tuple[str, ...]
    rows: tuple[PointLine, ...]
    count: int


def instrument_lines(session: Session) -> list[InstrumentLine]:
    """Return the instruments that were verified or calibrated, those that failed last first."""
    last = (
        select(func.max(Verification.row).label("row"), func.count().label("n"))
        .group_by(Verification.device)
        .subquery()
    )
    rows = session.execute(
        select(Verification, last.c.n).join(last, last.c.row == Verification.row).limit(SHOWN)
    )
    lines = [_instrument(row, count) for row, count in rows]
    known = {one.device.rpartition("/")[2] for one in lines}
    newest = select(func.max(Calibration.row)).group_by(Calibration.serial)
    for row in session.scalars(select(Calibration).where(Calibration.row.in_(newest)).limit(SHOWN)):
        if row.serial not in known:
            device = f"{json.loads(row.record)['device_model']}/{row.serial}"
            lines.append(InstrumentLine(device, "none", "… never verified", "", 0))
    return sorted(lines, key=lambda one: (one.kind != "failed", one.device))


def record_lines(session: Session, device: str) -> list[RecordLine]:
    """Return the calibration records of an instrument, those in force first."""
    listed = states_of(records_of(session, device.rpartition("/")[2]), {}, at=datetime.now(UTC))
    rank = list(_STATES)
    return [_record(one) for one in sorted(listed, key=lambda one: (rank.index(one.state), one.record.kind))]


def standard_charts(session: Session, device: str) -> list[StandardCharts]:
    """Return the control charts of an instrument, one set for each standard."""
    return [_charts(standard, charts_of(points)) for standard, points in points_of(session, device).items()]


def _instrument(row: Verification, count: int) -> InstrumentLine:
    body = json.loads(row.body)
    outcome = body["outcome"]
    words = "✓ passed" if row.passed else "✕ FAILED"
    worst, limit = number(outcome.get("worst_cm1")), number(outcome.get("limit_cm1"))
    if worst is not None and limit is not None:
        words += f": worst line off by {worst:.2f} cm⁻¹, {limit:g} allowed"
    if not row.passed and outcome.get("why"):
        words += f" ({outcome['why']})"
    return InstrumentLine(row.device, "passed" if row.passed else "failed", words, minute(body["at"]), count)


def _record(one: Listed) -> RecordLine:
    return RecordLine(
        kind=one.record.kind.value,
        state=_STATES[one.state],
        made_at=minute(one.record.made_at),
        valid_until=minute(one.record.valid_until) if one.record.valid_until else "no end",
        standards=", ".join(standard.name for standard in one.record.standards),
        emulated=one.record.emulated,
        record_id=one.record_id,
    )


def _charts(standard: str, charts: Sequence[Chart]) -> StandardCharts:
    named = {chart.name: chart for chart in charts}
    shown = [named[name] for name in PANELS if name in named and named[name].points]
    verdicts = tuple(f"{_title(chart)}: {_verdict(chart)}" for chart in shown)
    panels = [{"label": PANELS[chart.name], **chart.to_json()} for chart in shown]
    return StandardCharts(
        standard=standard,
        data={"panels": panels, "calibrations": _changes(shown)},
        told=f"Control charts with {standard}. {' '.join(verdicts)}",
        verdicts=verdicts,
        rows=_rows(shown),
        count=max((len(chart.points) for chart in shown), default=0),
    )


def _title(chart: Chart) -> str:
    return PANELS[chart.name].split(" /")[0].capitalize()


def _verdict(chart: Chart) -> str:
    """Say how a chart stands, in a sentence."""
    phase = chart.phases[-1]
    if phase.limits is None:
        passed = sum(point.passed for point in phase.points)
        return f"no limits yet, {passed} of {FEWEST} passed verifications since the last calibration."
    why = [SIGNAL_WORDS[one] for one in sorted(phase.points[-1].signals)]
    base = "" if phase.limits.count >= BASELINE else f" (limits from {phase.limits.count} only)"
    return (f"▲ out of control: {'; '.join(why)}" if why else "✓ in control") + f"{base}."


def _changes(charts: Sequence[Chart]) -> list[dict[str, str]]:
    phases = charts[0].phases if charts else ()
    return [
        {
            "at": after.points[0].at,
            "what": _changed(before, after),
        }
        for before, after in pairwise(phases)
    ]


def _changed(before: Phase, after: Phase) -> str:
    return "axis" if after.calibration_id != before.calibration_id else "response"


def _rows(charts: Sequence[Chart]) -> tuple[PointLine, ...]:
    """Return the newest verifications, newest first, with the figure of each chart."""
    by_time: dict[str, dict[str, Any]] = {}
    for chart in charts:
        for point in chart.points:
            by_time.setdefault(f"{point.at} {point.scan_id}", {})[chart.name] = point
    newest = sorted(by_time.values(), key=lambda one: next(iter(one.values())).at, reverse=True)[:TABLED]
    return tuple(_row(points, charts) for points in newest)


def _row(points: dict[str, Any], charts: Sequence[Chart]) -> PointLine:
    first = next(iter(points.values()))
    figures = tuple(f"{points[one.name].value:.4g}" if one.name in points else "" for one in charts)
    said = [
        f"{chart.name}: {', '.join(_SHORT[one] for one in sorted(points[chart.name].signals))}"
        for chart in charts
        if chart.name in points and points[chart.name].signals
    ]
    return PointLine(minute(first.at), first.passed, figures, tuple(said))
