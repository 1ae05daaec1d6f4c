"""From a device's verifications to its control charts: position, width, intensity and signal over time."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .charts import Average, Limits, Signal, averages, individuals, signals

#: Verifications passed after a calibration that set the limits (Montgomery, section 6.4, asks for 20 to 25).
#: Of normal values in control, one in 22 then gives a signal of some kind, and one in 60 if the limits were
#: known without error (1,500 simulated charts).
BASELINE = 20

#: Fewest that set limits at all, for the time until then; one value in 8 gives a false signal (chosen).
FEWEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationPoint:
    """What one verification with a standard measured."""

    at: str
    """When, RFC 3339 in UTC."""
    device: str
    """Identity of the instrument, ``model/serial``."""
    standard: str
    """Substance that was measured."""
    passed: bool | None
    """Whether it passed; None where the scan was not good enough to tell, which no chart shows."""
    deviations: tuple[tuple[float, float], ...]
    """Expected position and found minus expected of each line that was found, cm⁻¹."""
    width: float | None
    """Full width at half maximum of the strongest line, cm⁻¹; None where unknown."""
    intensity: float | None
    """Height of the strongest line per light, any unit; None where the light is unknown."""
    snr: float | None
    """Signal-to-noise ratio of the strongest line; None where unknown."""
    calibration_id: str = ""
    """Record of the axis it was made with; empty for the device's own axis."""
    intensity_id: str = ""
    """Record of the intensity response it was made with; empty for none."""
    scan_id: str = ""
    """Content address of its scan."""


@dataclass(frozen=True, slots=True)
class Series:
    """One figure of a verification over time."""

    name: str
    """``position`` (mean of the lines), ``worst``, ``width``, ``intensity``, ``snr``, or ``line 1001.4``."""
    unit: str
    """Unit; empty for a plain number."""
    value: Callable[[VerificationPoint], float | None]
    """Returns the figure; None where it is not known."""
    least_sigma: float
    """Smallest standard deviation to believe in, in the unit, or of the mean where ``relative``.
    Positions and widths are kept to 0.001 cm⁻¹, and nothing below 0.01 matters to an axis (chosen)."""
    relative: bool = False
    """Whether that is a share of the mean."""


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One verification on a chart."""

    at: str
    """When, RFC 3339 in UTC."""
    value: float
    """The figure."""
    passed: bool
    """Whether the verification passed."""
    scan_id: str
    """Content address of its scan."""
    average: Average | None
    """The EWMA there; None while there are no limits."""
    signals: frozenset[Signal]
    """Why it is out of control; empty where it is not, or while there are no limits."""


@dataclass(frozen=True, slots=True)
class Phase:
    """The verifications between two calibrations: a new axis or response starts the chart anew."""

    calibration_id: str
    """Record of the axis; empty for the device's own."""
    intensity_id: str
    """Record of the intensity response; empty for none."""
    limits: Limits | None
    """Limits from the phase's baseline; None while too few verifications passed."""
    points: tuple[ChartPoint, ...]
    """In order of time, at least one."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The control chart of one figure."""

    name: str
    """As in `Series`."""
    unit: str
    """Unit; empty for a plain number."""
    phases: tuple[Phase, ...]
    """One for each calibration; none where the figure was never known."""

    @property
    def points(self) -> tuple[ChartPoint, ...]:
        """All points, in order of time."""
        return tuple(point for phase in self.phases for point in phase.points)

    @property
    def in_control(self) -> bool | None:
        """Whether the newest point gives no signal; None without limits."""
        if not self.phases or self.phases[-1].limits is None:
            return None
        return not self.phases[-1].points[-1].signals

    def to_json(self) -> dict[str, Any]:
        """Return the chart as JSON values."""
        phases = [_phase_json(phase) for phase in self.phases]
        return {"name": self.name, "unit": self.unit, "in_control": self.in_control, "phases": phases}


def charts_of(points: Sequence[VerificationPoint], *, baseline: int = BASELINE) -> tuple[Chart, ...]:
    """Return the control charts of one device and one standard.

    Parameters
    ----------
    points
        Its verifications, in any order; those without a verdict are left out, for they measured nothing.
    baseline
        Passed verifications after a calibration that set the limits, at least `FEWEST`; fewer set them
        while there are no more. Failed ones are on the charts and set none.

    Raises
    ------
    ValueError
        They are of several devices or standards, or the baseline is too short.
    """
    if baseline < FEWEST:
        raise ValueError(f"a baseline of {baseline} verifications is too short; at least {FEWEST}")
    if len({(point.device, point.standard) for point in points}) > 1:
        raise ValueError("a control chart is of one device and one standard")
    told = [point for point in points if point.passed is not None]
    told.sort(key=lambda point: datetime.fromisoformat(point.at))
    phases = _split(told)
    return tuple(_chart(series, phases, baseline) for series in (*_SERIES, *_lines(told)))


def _split(points: list[VerificationPoint]) -> list[list[VerificationPoint]]:
    phases: list[list[VerificationPoint]] = []
    for point in points:
        if not phases or _records(phases[-1][-1]) != _records(point):
            phases.append([])
        phases[-1].append(point)
    return phases


def _records(point: VerificationPoint) -> tuple[str, str]:
    return point.calibration_id, point.intensity_id


def _chart(series: Series, phases: list[list[VerificationPoint]], baseline: int) -> Chart:
    made = [_phase(series, points, baseline) for points in phases]
    return Chart(series.name, series.unit, tuple(phase for phase in made if phase is not None))


def _phase(series: Series, points: list[VerificationPoint], baseline: int) -> Phase | None:
    known = [(point, value) for point in points if (value := series.value(point)) is not None]
    if not known:
        return None
    values = [value for _, value in known]
    limits = _limits(series, [value for point, value in known if point.passed][:baseline])
    said: Sequence[frozenset[Signal]] = [frozenset()] * len(known)
    means: Sequence[Average | None] = [None] * len(known)
    if limits is not None:
        said, means = signals(values, limits), averages(values, limits)
    return Phase(
        *_records(known[0][0]),
        limits,
        tuple(
            ChartPoint(point.at, value, bool(point.passed), point.scan_id, mean, why)
            for (point, value), mean, why in zip(known, means, said, strict=True)
        ),
    )


def _limits(series: Series, values: list[float]) -> Limits | None:
    if len(values) < FEWEST:
        return None
    scale = abs(sum(values) / len(values)) if series.relative else 1.0
    return individuals(values, least_sigma=series.least_sigma * scale)


def _mean(point: VerificationPoint) -> float | None:
    found = [off for _, off in point.deviations]
    return sum(found) / len(found) if found else None


def _worst(point: VerificationPoint) -> float | None:
    return max((abs(off) for _, off in point.deviations), default=None)


_SERIES = (
    Series("position", "cm-1", _mean, 0.01),
    Series("worst", "cm-1", _worst, 0.01),
    Series("width", "cm-1", lambda point: point.width, 0.01),
    Series("intensity", "", lambda point: point.intensity, 0.001, relative=True),
    Series("snr", "", lambda point: point.snr, 0.001, relative=True),
)


def _lines(points: list[VerificationPoint]) -> list[Series]:
    expected = sorted({line for point in points for line, _ in point.deviations})
    return [_line(one) for one in expected]


def _line(expected: float) -> Series:
    return Series(f"line {expected:g}", "cm-1", lambda point: dict(point.deviations).get(expected), 0.01)


def _phase_json(phase: Phase) -> dict[str, Any]:
    limits = phase.limits
    return {
        "calibration": phase.calibration_id,
        "intensity": phase.intensity_id,
        "limits": None if limits is None else {**asdict(limits), "low": limits.low, "high": limits.high},
        "points": [_point_json(point) for point in phase.points],
    }


def _point_json(point: ChartPoint) -> dict[str, Any]:
    return {
        "at": point.at,
        "value": point.value,
        "passed": point.passed,
        "scan_id": point.scan_id,
        "ewma": None if point.average is None else asdict(point.average),
        "signals": sorted(point.signals),
    }
