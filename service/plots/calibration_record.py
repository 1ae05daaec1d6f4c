"""Pictures of calibration records: residuals of an axis, a response, a band; and how two records differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.comparing import Difference, in_wavelengths, sigma_of
from calibration.outcomes import AxisOutcome, LineFit, ResolutionOutcome, ResponseOutcome
from calibration.record import CalibrationRecord
from spectra.values import FloatArray

from .canvas import Kind, kind_of, new_figure, plain_legend, rendered
from .style import COLOURS, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Height of one panel, inches.
HEIGHT = 3.2

#: Marker of the lines of each standard, so that colour alone tells nothing.
_MARKERS = "os^Dvp"

#: How much of a band is drawn to each side, in its widths.
_BESIDE = 4.0


def record_picture(record: CalibrationRecord, path: Path, *, before: Sequence[float | None] = ()) -> bytes:
    """Draw a record from its own numbers.

    Parameters
    ----------
    record
        The record.
    path
        Its suffix says whether a PNG or an SVG is drawn.
    before
        What each line of an axis was off by before; empty for nothing.

    Raises
    ------
    ValueError
        The suffix is another.
    """
    kind: Kind = kind_of(path)
    outcome = record.outcome
    if isinstance(outcome, AxisOutcome):
        groups = [one for one in (_lines(outcome, lamp=True), _lines(outcome, lamp=False)) if one]
        figure = new_figure(HEIGHT * max(len(groups), 1) + 0.4)
        panels = list(figure.subplots(max(len(groups), 1), 1, squeeze=False)[:, 0])
        for axes, group in zip(panels, groups, strict=False):
            _residuals(axes, outcome, group, before)
    else:
        figure = new_figure(HEIGHT + 0.4)
        axes = figure.subplots()
        if isinstance(outcome, ResponseOutcome):
            _response(axes, outcome)
        else:
            _band(axes, outcome)
    figure.set_layout_engine("constrained")
    mark = "EMULATED · " if record.emulated else ""
    title = f"{mark}{record.kind} of {record.device_model} {record.device_serial}, {record.made_at}"
    figure.suptitle(drawable(f"{title} · {record.record_id[:12]}"), fontsize=10, parse_math=False)
    return rendered(figure, kind)


def difference_picture(difference: Difference, title: str, unit: str, path: Path) -> bytes:
    """Draw how a second record differs from a first one; raises ValueError for another suffix."""
    kind: Kind = kind_of(path)
    figure = new_figure(HEIGHT + 0.4)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    axes.plot(difference.axis_cm1, difference.value, color=COLOURS[2], linewidth=1.2)
    axes.axhline(1.0 if not unit else 0.0, color="#767676", linewidth=0.8)
    axes.set_ylabel("second minus first / cm⁻¹" if unit else "second over first", fontsize=9)
    _dress(axes, "Raman shift / cm⁻¹")
    figure.suptitle(drawable(title), fontsize=10, parse_math=False)
    return rendered(figure, kind)


def _lines(outcome: AxisOutcome, *, lamp: bool) -> list[tuple[int, LineFit]]:
    numbered = enumerate(outcome.lines)
    return [(number, line) for number, line in numbered if in_wavelengths(line, outcome) is lamp]


def _residuals(
    axes: "Axes", outcome: AxisOutcome, lines: list[tuple[int, LineFit]], before: Sequence[float | None]
) -> None:
    unit = "nm" if in_wavelengths(lines[0][1], outcome) else "cm⁻¹"
    axes.axhline(0.0, color="#767676", linewidth=0.8)
    names = list(dict.fromkeys(line.standard for _, line in lines))
    for place, name in enumerate(names):
        mine = [line for _, line in lines if line.standard == name]
        _standard(axes, outcome, mine, name, place)
    older = [(line.reference, was) for number, line in lines if (was := _was(before, number)) is not None]
    if older:
        where, off = zip(*older, strict=True)
        axes.plot(where, off, color="#767676", marker="_", markersize=9, linestyle="none", label=" before")
    _dress(axes, "wavelength in air / nm" if unit == "nm" else "where the line belongs / cm⁻¹")
    axes.set_ylabel(f"off by / {unit}, bars ± 1σ", fontsize=9)
    plain_legend(axes, loc="best", ncols=min(4, len(names) + 2))


def _standard(axes: "Axes", outcome: AxisOutcome, lines: list[LineFit], name: str, place: int) -> None:
    marker, colour = _MARKERS[place % len(_MARKERS)], COLOURS[(place + 1) % len(COLOURS)]
    for used, filled, words in ((True, colour, name), (False, "none", f"{name}, not used")):
        shown = [line for line in lines if line.used is used]
        if shown:
            axes.errorbar(
                [line.reference for line in shown],
                [line.residual for line in shown],
                yerr=[sigma_of(line, outcome) for line in shown],
                color=colour,
                markerfacecolor=filled,
                marker=marker,
                markersize=5,
                capsize=2,
                linestyle="none",
                label=f" {drawable(words, 40)}",
            )


def _was(before: Sequence[float | None], number: int) -> float | None:
    return before[number] if number < len(before) else None


def _response(axes: "Axes", outcome: ResponseOutcome) -> None:
    axis, factor = np.asarray(outcome.axis_cm1), np.asarray(outcome.factor)
    inside = (axis >= outcome.range_cm1[0]) & (axis <= outcome.range_cm1[1])
    noise = outcome.noise * factor
    axes.fill_between(axis, factor - noise, factor + noise, color=COLOURS[2], alpha=0.2, linewidth=0)
    axes.plot(
        axis[inside], factor[inside], color=COLOURS[2], linewidth=1.2, label=f" {drawable(outcome.standard)}"
    )
    axes.axhline(1.0, color="#767676", linewidth=0.8)
    _dress(axes, "Raman shift / cm⁻¹")
    axes.set_ylabel("factor on the counts", fontsize=9)
    plain_legend(axes, loc="best")


def _band(axes: "Axes", outcome: ResolutionOutcome) -> None:
    reach = _BESIDE * outcome.width_cm1
    axis = np.linspace(outcome.band_cm1 - reach, outcome.band_cm1 + reach, 801)
    axes.plot(axis, _shape(outcome, axis), color=COLOURS[2], linewidth=1.4, label=f" fitted {outcome.shape}")
    half = outcome.width_cm1 / 2.0
    ends = (outcome.band_cm1 - half, outcome.band_cm1 + half)
    axes.plot(ends, (0.5, 0.5), color=COLOURS[1], marker="|", markersize=10, linewidth=1.2)
    words = f"{outcome.width_cm1:.2f} ± {outcome.sigma_cm1:.2f} cm⁻¹"
    axes.annotate(words, (ends[1], 0.5), xytext=(8, -3), textcoords="offset points", fontsize=9)
    _dress(axes, "Raman shift / cm⁻¹")
    axes.set_ylabel("of the band's height", fontsize=9)
    plain_legend(axes, loc="upper right")


def _shape(outcome: ResolutionOutcome, axis: FloatArray) -> FloatArray:
    """Return the fitted band; a Voigt is drawn as the mean of both (the record keeps its width alone)."""
    away = (axis - outcome.band_cm1) / outcome.width_cm1
    gauss: FloatArray = np.exp(-4.0 * np.log(2.0) * away**2)
    lorentz: FloatArray = 1.0 / (1.0 + 4.0 * away**2)
    if outcome.shape == "voigt":
        return np.asarray((gauss + lorentz) / 2.0, dtype=np.float64)
    return gauss if outcome.shape == "gauss" else lorentz


def _dress(axes: "Axes", unit: str) -> None:
    axes.set_xlabel(unit, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.03)
    axes.grid(visible=True, alpha=0.25, linewidth=0.5)
