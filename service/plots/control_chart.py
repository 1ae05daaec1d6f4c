"""A picture of a device's control charts: position, width and intensity of a standard over time."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.chart_series import FEWEST, Chart, ChartPoint, Phase

from .canvas import Kind, kind_of, new_figure, rendered
from .style import COLOURS, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Width and height, inches; 1280 pixels wide.
SIZE = (11.64, 9.6)

#: Panels from top to bottom, and what stands at their left.
PANELS = {
    "position": "mean deviation\nof the lines / cm⁻¹",
    "width": "width of the\nstrongest line / cm⁻¹",
    "intensity": "strongest line\nper light / a.u.",
}

#: Share of the width that the name of a calibration takes.
_NAME_ROOM = 0.11

_POINT, _LIMIT, _MEAN = COLOURS[0], "#767676", COLOURS[2]
_OUT, _FAILED, _CALIBRATED = COLOURS[1], COLOURS[4], COLOURS[3]

#: Markers tell by shape what their colour tells; ``grow`` is added to their size, points.
_VERIFICATION = {"marker": "o", "color": _POINT, "grow": 0.0}
_OUT_OF_CONTROL = {
    "marker": "^",
    "color": _OUT,
    "grow": 3.0,
    "markeredgecolor": "#000000",
    "markeredgewidth": 0.5,
}
_CROSSED = {"marker": "x", "color": _FAILED, "grow": 7.0, "markeredgewidth": 2.2}


def control_picture(charts: Sequence[Chart], title: str, path: Path, *, mark: str = "") -> bytes:
    """Draw the control charts of one device and one standard, a panel for each of `PANELS`.

    Points are single verifications with Shewhart's limits, the line is the EWMA with its own. What is out of
    control is a triangle, what failed is crossed out, a new calibration is a vertical line.

    Parameters
    ----------
    charts
        As `calibration.chart_series.charts_of` gives them.
    title
        Device and standard.
    path
        Its suffix says whether a PNG or an SVG is drawn.
    mark
        What such data are to be labelled with, such as ``EMULATED``; empty for nothing.

    Raises
    ------
    ValueError
        There is no point to draw, or the suffix is another.
    """
    kind: Kind = kind_of(path)
    named = {chart.name: chart for chart in charts}
    shown = [named[name] for name in PANELS if name in named and named[name].points]
    if not shown:
        raise ValueError("there is no verification to draw")
    figure = new_figure(SIZE[1])
    figure.set_size_inches(SIZE[0], 1.5 + (SIZE[1] - 1.5) * len(shown) / len(PANELS))
    figure.set_layout_engine("constrained", h_pad=0.06)
    panels = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
    for axes, chart in zip(panels, shown, strict=True):
        _panel(axes, chart)
    _name_calibrations(panels[0], shown[0])
    _date_axis(panels[-1], shown[0])
    _head(figure, title, mark)
    return rendered(figure, kind)


def _panel(axes: "Axes", chart: Chart) -> None:
    ends = [_when(phase.points[0]) for phase in chart.phases[1:]]
    for phase, end in zip(chart.phases, [*ends, None], strict=True):
        _phase(axes, phase, end)
    for when in ends:
        axes.axvline(when, color=_CALIBRATED, linewidth=1.4, linestyle=(0, (6, 2)))
    _markers(axes, chart.points)
    axes.set_ylabel(PANELS[chart.name], fontsize=10)
    axes.tick_params(labelsize=9)
    axes.grid(visible=True, alpha=0.2, linewidth=0.5)
    axes.margins(x=0.02, y=0.12)
    axes.ticklabel_format(axis="y", useOffset=False, style="plain")


def _phase(axes: "Axes", phase: Phase, end: float | None) -> None:
    times = [_when(point) for point in phase.points]
    axes.plot(times, [point.value for point in phase.points], color=_POINT, linewidth=0.5, alpha=0.35)
    if phase.limits is None:
        return
    span = (times[0], end or times[-1])
    axes.hlines(phase.limits.centre, *span, color=_LIMIT, linewidth=1.0)
    axes.hlines([phase.limits.low, phase.limits.high], *span, color=_LIMIT, linewidth=1.2, linestyle="--")
    averages = [point.average for point in phase.points if point.average is not None]
    low, high = [one.low for one in averages], [one.high for one in averages]
    axes.fill_between(times, low, high, color=_MEAN, alpha=0.13, linewidth=0)
    axes.plot(times, [one.value for one in averages], color=_MEAN, linewidth=1.8)


def _markers(axes: "Axes", points: Sequence[ChartPoint]) -> None:
    size = 5.0 if len(points) <= 120 else 3.5
    quiet = [point for point in points if not point.signals]
    out = [point for point in points if point.signals]
    failed = [point for point in points if not point.passed]
    _scatter(axes, quiet, size, _VERIFICATION)
    _scatter(axes, out, size, _OUT_OF_CONTROL)
    _scatter(axes, failed, size, _CROSSED)


def _scatter(axes: "Axes", points: Sequence[ChartPoint], size: float, look: dict[str, Any]) -> None:
    if points:
        axes.plot([_when(one) for one in points], [one.value for one in points], **_sized(look, size))


def _sized(look: dict[str, Any], size: float) -> dict[str, Any]:
    rest = {key: value for key, value in look.items() if key != "grow"}
    return {"linestyle": "none", "markersize": size + look["grow"], **rest}


def _name_calibrations(axes: "Axes", chart: Chart) -> None:
    """Name the calibrations above their lines; of several close together the last one, from the right."""
    room = _NAME_ROOM * (_when(chart.points[-1]) - _when(chart.points[0]))
    free = math.inf
    for before, phase in reversed(list(pairwise(chart.phases))):
        when = _when(phase.points[0])
        if when + room > free:
            continue
        free = when
        axes.annotate(
            _calibration(before, phase),
            (when, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            fontsize=8,
            color=_CALIBRATED,
            annotation_clip=False,
        )


def _calibration(before: Phase, phase: Phase) -> str:
    """Return what was calibrated between two phases, in words."""
    if phase.calibration_id != before.calibration_id:
        return f" axis {phase.calibration_id[:8]}" if phase.calibration_id else " the device's own axis"
    return f" response {phase.intensity_id[:8]}" if phase.intensity_id else " no response"


def _date_axis(axes: "Axes", chart: Chart) -> None:
    dates: Any = import_module("matplotlib.dates")
    locator = dates.AutoDateLocator(minticks=4, maxticks=9, tz=UTC)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=UTC))
    words = f"time (UTC) · {len(chart.points)} verifications"
    if chart.phases[-1].limits is None:
        passed = sum(point.passed for point in chart.phases[-1].points)
        words += f" · no limits since the last calibration: {passed} of {FEWEST} passed"
    axes.set_xlabel(words, fontsize=10)


def _head(figure: "Figure", title: str, mark: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def key(label: str, **look: Any) -> Line2D:
        return Line2D([], [], label=label, **look)

    handles = [
        key("verification", **_sized(_VERIFICATION, 5.0)),
        key("out of control", **_sized(_OUT_OF_CONTROL, 5.0)),
        key("failed", **_sized(_CROSSED, 4.0)),
        key("mean, limits ± 3σ", color=_LIMIT, linestyle="--"),
        key("EWMA", color=_MEAN, linewidth=1.8),
        Patch(facecolor=_MEAN, alpha=0.2, label="its limits"),
        key("new calibration", color=_CALIBRATED, linestyle=(0, (6, 2))),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=9, frameon=False)
    words = f"{mark} · {title}" if mark else title
    figure.suptitle(drawable(words), fontsize=12, parse_math=False, color=_OUT if mark else "#000000")


def _when(point: ChartPoint) -> float:
    """Return a time as matplotlib counts it: days since 1970."""
    return datetime.fromisoformat(point.at).timestamp() / 86_400.0
