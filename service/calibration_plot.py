"""Pictures of calibrations: residuals of an axis, a response, a band."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.outcomes import AxisOutcome, Outcome, ResponseOutcome
from calibration.record import CalibrationRecord
from spectra.values import Spectrum

from .calibrating_axis import LineMoved, is_substance
from .plots.canvas import Kind, kind_of, new_figure, plain_legend, rendered
from .plots.style import COLOURS, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Height of one panel, inches.
HEIGHT = 3.2
#: How much of a spectrum is shown beside a band, widths.
_BESIDE = 4.0


def calibration_picture(
    record: CalibrationRecord,
    path: Path,
    *,
    moved: Sequence[LineMoved] = (),
    spectrum: Spectrum | None = None,
) -> bytes:
    """Draw what a calibration found.

    Parameters
    ----------
    record
        The calibration.
    path
        Its suffix says whether a PNG or an SVG is drawn.
    moved
        For an axis: lines of shift standards, before and after.
    spectrum
        For a resolution: what it was found in.

    Raises
    ------
    ValueError
        The suffix is another.
    """
    kind: Kind = kind_of(path)
    outcome = record.outcome
    panels = 2 if isinstance(outcome, AxisOutcome) and _lamps(outcome) else 1
    figure = new_figure(HEIGHT * panels + 0.4)
    figure.set_layout_engine("constrained")
    axes = list(figure.subplots(panels, 1, squeeze=False)[:, 0])
    _draw(axes, outcome, moved, spectrum)
    label = "EMULATED · " if record.emulated else ""
    title = f"{label}{record.kind} of {record.device_model} {record.device_serial}, {record.made_at}"
    figure.suptitle(drawable(title.replace("  ", " ")), fontsize=10, parse_math=False)
    return rendered(figure, kind)


def _draw(
    axes: list["Axes"], outcome: Outcome, moved: Sequence[LineMoved], spectrum: Spectrum | None
) -> None:
    if isinstance(outcome, AxisOutcome):
        if _lamps(outcome):
            _lamp_residuals(axes[0], outcome)
        _standards(axes[-1], moved)
    elif isinstance(outcome, ResponseOutcome):
        axes[0].plot(outcome.axis_cm1, outcome.factor, color=COLOURS[2], linewidth=1.1)
        axes[0].set_yscale("log")
        _dress(axes[0], "Raman shift / cm⁻¹", f"factor, {outcome.standard}")
    else:
        _band(axes[0], outcome.band_cm1, outcome.width_cm1, spectrum)


def _lamps(outcome: AxisOutcome) -> bool:
    return any(not is_substance(line) for line in outcome.lines)


def _lamp_residuals(axes: "Axes", outcome: AxisOutcome) -> None:
    for used, mark, label in ((True, "o", "used"), (False, "x", "set aside")):
        lines = [one for one in outcome.lines if not is_substance(one) and one.used is used]
        x, y = [one.reference for one in lines], [one.residual for one in lines]
        if lines:
            axes.plot(
                x, y, mark, color=COLOURS[2 if used else 1], markersize=4, label=f"{label}: {len(lines)}"
            )
    axes.axhline(0.0, color=COLOURS[0], linewidth=0.6)
    _dress(axes, "wavelength in air / nm", "lamp lines: calibrated − reference / nm")
    plain_legend(axes)


def _standards(axes: "Axes", moved: Sequence[LineMoved]) -> None:
    known = [(one.reference_cm1, one.off_before) for one in moved if one.off_before is not None]
    axes.plot(
        [at for at, _ in known],
        [off for _, off in known],
        "s",
        color=COLOURS[5],
        markersize=5,
        label="before",
    )
    for used, mark, label in ((True, "o", "after, calibrated by it"), (False, "D", "after, check only")):
        lines = [one for one in moved if one.used is used]
        if lines:
            at, off = [one.reference_cm1 for one in lines], [one.off_after for one in lines]
            axes.plot(at, off, mark, color=COLOURS[2 if used else 3], markersize=5, label=label)
    axes.axhline(0.0, color=COLOURS[0], linewidth=0.6)
    _dress(axes, "Raman shift or wavenumber / cm⁻¹", "standards: found − reference / cm⁻¹")
    plain_legend(axes)


def _band(axes: "Axes", band: float, width: float, spectrum: Spectrum | None) -> None:
    if spectrum is not None:
        near = np.abs(spectrum.axis - band) < _BESIDE * width
        axes.plot(spectrum.axis[near], spectrum.intensity[near], ".-", color=COLOURS[2], linewidth=0.9)
    for edge in (band - width / 2, band + width / 2):
        axes.axvline(edge, color=COLOURS[1], linestyle=":", linewidth=1.0)
    _dress(axes, "Raman shift / cm⁻¹", f"band of {width:.2f} cm⁻¹")


def _dress(axes: "Axes", x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, alpha=0.25, linewidth=0.5)
