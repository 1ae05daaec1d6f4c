"""The axis of a dispersive instrument from lamps and a shift standard, with every line before and after."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.axis import calibrate_axis
from calibration.errors import NotCalibrated
from calibration.laser_line import checked_lines
from calibration.limits import LIMITS
from calibration.outcomes import AxisOutcome, LineFit
from calibration.standards import calibration_lines
from spectra.axis import polynomial_axis, raman_shift
from spectra.errors import AxisError, ValueRangeError
from spectra.values import FloatArray, Technique

from .calibration_sources import Pixels, Source
from .errors import UsageError

#: A line of the check standard may be off by so much, cm⁻¹: what a verification allows.
CHECK_LIMIT_CM1 = LIMITS.position_cm1

Named = tuple[str, Source]


@dataclass(frozen=True, slots=True)
class LineMoved:
    """One line of a standard by the axis before and by the calibrated one."""

    standard: str
    """Whose line."""
    reference_cm1: float
    """Where it belongs, cm⁻¹."""
    before_cm1: float | None
    """Where the axis before puts it, cm⁻¹; None where that one is unknown."""
    after_cm1: float
    """Where the calibrated axis puts it, cm⁻¹."""
    used: bool
    """False where it took no part in the calibration."""

    @property
    def off_before(self) -> float | None:
        """Before minus reference, cm⁻¹."""
        return None if self.before_cm1 is None else self.before_cm1 - self.reference_cm1

    @property
    def off_after(self) -> float:
        """After minus reference, cm⁻¹."""
        return self.after_cm1 - self.reference_cm1


@dataclass(frozen=True, slots=True)
class AxisMade:
    """A calibrated axis, and what it does to the lines of the standards."""

    outcome: AxisOutcome
    """The axis."""
    lines: tuple[LineMoved, ...]
    """Lines of the standards, before and after."""


def made_axis(
    lamps: Sequence[Named],
    standard: Named,
    check: Named | None = None,
    *,
    guess: Sequence[float] = (),
    laser_nm: float | None = None,
) -> AxisMade:
    """Calibrate an axis.

    Parameters
    ----------
    lamps
        Lamp (``neon``, ``argon``, ``neon+argon``) and its measurement, the laser off.
    standard
        Shift standard that gives the laser line, and its measurement.
    check
        Another standard, whose lines only check the result.
    guess
        Rough coefficients, nm/pixelⁱ; those of device or file when empty.
    laser_nm
        Rough laser line, nm; that of device or file when None.

    Raises
    ------
    NotCalibrated
        No axis can be made of it, or a line of the check standard is off by more than `CHECK_LIMIT_CM1`.
    UnknownStandard
        A lamp or standard nobody knows.
    UsageError
        There is no rough axis, or the measurements have different numbers of channels.
    """
    checks = [check] if check is not None else []
    every = [*lamps, standard, *checks]
    if infrared := [one.name for _, one in every if one.technique is not Technique.RAMAN]:
        raise UsageError(f"{', '.join(infrared)}: an infrared axis is calibrated with --film")
    for name, _ in (standard, *checks):
        calibration_lines(name)
    shown = [(name, one.pixels()) for name, one in every]
    start = _Start.of([one for _, one in shown], guess, laser_nm)
    outcome = calibrate_axis(
        [(one.counts, name) for name, one in shown[: len(lamps)]],
        (shown[len(lamps)][1].counts, standard[0]),
        guess=start.coefficients,
        laser_nm=start.laser_nm,
        saturation=min((one.saturation for _, one in lamps if one.saturation is not None), default=None),
    )
    for name, pixels in shown[len(lamps) + 1 :]:
        outcome = _checked(outcome, name, pixels)
    return AxisMade(outcome, _moved(outcome, start))


@dataclass(frozen=True, slots=True)
class _Start:
    """The axis before."""

    coefficients: tuple[float, ...]
    laser_nm: float

    @classmethod
    def of(cls, shown: Sequence[Pixels], guess: Sequence[float], laser_nm: float | None) -> "_Start":
        sizes = sorted({one.counts.size for one in shown})
        if len(sizes) > 1:
            raise UsageError(f"the measurements have {' and '.join(map(str, sizes))} channels: one detector?")
        told = next((one.coefficients for one in shown if one.coefficients), ())
        laser = laser_nm or next((one.laser_nm for one in shown if one.laser_nm), None)
        if not guess and not told:
            raise UsageError("nothing tells a rough axis: say --guess c0,c1,… (nm, nm per channel, …)")
        if laser is None:
            raise UsageError("nothing tells the laser line roughly: say --laser-nm")
        return cls(tuple(guess) or told, laser)

    def shifts(self, pixels: int) -> FloatArray | None:
        try:
            return raman_shift(polynomial_axis(self.coefficients, pixels), self.laser_nm)
        except (AxisError, ValueRangeError):
            return None


def _checked(outcome: AxisOutcome, name: str, pixels: Pixels) -> AxisOutcome:
    """Return the outcome with the lines that check it; raises `NotCalibrated` where one is off."""
    assert outcome.laser_nm is not None
    axis_nm = polynomial_axis(outcome.coefficients, outcome.pixels)
    lines = checked_lines(pixels.counts, axis_nm, name, outcome.laser_nm)
    if not lines:
        raise NotCalibrated(f"no line of {name} stands out: is it before the probe?")
    worst = max(lines, key=lambda line: abs(line.residual))
    if abs(worst.residual) > CHECK_LIMIT_CM1:
        raise NotCalibrated(
            f"the new axis puts the line of {name} at {worst.reference:g} cm⁻¹ {worst.residual:+.2f} cm⁻¹ "
            f"off; {CHECK_LIMIT_CM1:g} are allowed: another standard, or another lamp than was said?"
        )
    return replace(outcome, lines=(*outcome.lines, *lines))


def _moved(outcome: AxisOutcome, start: _Start) -> tuple[LineMoved, ...]:
    assert outcome.laser_nm is not None
    after = raman_shift(polynomial_axis(outcome.coefficients, outcome.pixels), outcome.laser_nm)
    before = start.shifts(outcome.pixels)

    def old(line: LineFit) -> float | None:
        # The same place on the detector, by the axis before.
        return None if before is None else float(np.interp(line.found, after, before))

    return tuple(
        LineMoved(line.standard, line.reference, old(line), line.found, line.used)
        for line in outcome.lines
        if is_substance(line)
    )


def is_substance(line: LineFit) -> bool:
    """Whether a line is one of a shift standard, cm⁻¹, and none of a lamp, nm: elements have two letters."""
    return len(line.standard) > 2
