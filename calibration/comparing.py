"""How far two calibrations of one kind differ: axes in cm⁻¹, responses as a ratio, resolutions as widths."""

import math
from dataclasses import dataclass

import numpy as np

from spectra.axis import EDGE_CM1, polynomial_axis, raman_shift
from spectra.errors import SpectraError
from spectra.values import FloatArray

from .errors import UncalibratedScan, WrongDevice
from .outcomes import AxisOutcome, LineFit, ResolutionOutcome, ResponseOutcome

#: Points at which axes of files and responses are compared (chosen: finer than their curves bend).
POINTS = 512

#: A reference this near to the wavelength of its pixel is a wavelength, nm.
_NEAR_NM = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """How one calibration differs from another over their common range."""

    axis_cm1: FloatArray
    """Where, cm⁻¹ by the first one, shape (n,)."""
    value: FloatArray
    """Axes: second minus first, cm⁻¹. Responses: second over first, 1 at the median. Shape (n,)."""

    @property
    def mean(self) -> float:
        """Mean of the values."""
        return float(self.value.mean())

    @property
    def span(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return float(self.value.min()), float(self.value.max())

    def farthest(self, still: float) -> tuple[float, float]:
        """Return where, cm⁻¹, a value is farthest from the one that means no difference, and the value."""
        place = int(np.argmax(np.abs(self.value - still)))
        return float(self.axis_cm1[place]), float(self.value[place])


def compare_axes(first: AxisOutcome, second: AxisOutcome) -> Difference:
    """Return how far a second axis lies from a first one, channel by channel, beyond the edge filter.

    Raises
    ------
    WrongDevice
        They are of different numbers of channels, or of different kinds.
    UncalibratedScan
        One of them gives no axis.
    """
    if (first.form, first.pixels) != (second.form, second.pixels):
        raise WrongDevice(
            f"an axis of {first.form} with {first.pixels} channels cannot be compared with one of "
            f"{second.form} with {second.pixels}"
        )
    if first.form == "pixels":
        mine, its = _channels(first), _channels(second)
    else:
        ends = [*first.valid_range, *second.valid_range]
        places = np.linspace(min(ends), max(ends), POINTS)
        mine, its = _corrected(first, places), _corrected(second, places)
    seen = mine >= EDGE_CM1
    if not seen.any():
        raise UncalibratedScan("the first axis has no channel beyond the edge filter")
    return Difference(mine[seen], (its - mine)[seen])


def compare_responses(first: ResponseOutcome, second: ResponseOutcome) -> Difference:
    """Return the ratio of two responses over their common range, 1 at its median.

    Raises
    ------
    UncalibratedScan
        They have no range in common.
    """
    low = max(first.range_cm1[0], second.range_cm1[0])
    high = min(first.range_cm1[1], second.range_cm1[1])
    if high <= low:
        raise UncalibratedScan("these responses have no range in common")
    places = np.linspace(low, high, POINTS)
    ratio = np.interp(places, second.axis_cm1, second.factor) / np.interp(
        places, first.axis_cm1, first.factor
    )
    return Difference(places, ratio / np.median(ratio))


def compare_widths(first: ResolutionOutcome, second: ResolutionOutcome) -> tuple[float, float]:
    """Return how much wider the second resolution is, cm⁻¹, and the standard uncertainty of that."""
    return second.width_cm1 - first.width_cm1, math.hypot(first.sigma_cm1, second.sigma_cm1)


def residual_by(line: LineFit, of: AxisOutcome, other: AxisOutcome) -> float | None:
    """Return what a line's residual would be by another axis, in the line's unit; None where it says nothing.

    Parameters
    ----------
    line
        A line of the axis ``of``.
    of
        The axis it was found for; says what its numbers are.
    other
        The axis to hold it against, such as the one in force before.
    """
    if (of.form, of.pixels) != (other.form, other.pixels):
        return None
    return _residual(line, of, float(_polynomial(other, line.found)), other.laser_nm)


def residual_by_device(
    line: LineFit, of: AxisOutcome, axis_nm: FloatArray, laser_nm: float | None
) -> float | None:
    """Return what a line's residual was by the device's own axis, as a scan of it tells; see `residual_by`.

    Parameters
    ----------
    axis_nm
        Wavelength of each channel as the device says, nm, shape (pixels,).
    laser_nm
        Its laser line, nm; None where unknown.
    """
    if of.form != "pixels" or of.pixels != axis_nm.size:
        return None
    return _residual(line, of, float(np.interp(line.found, np.arange(of.pixels), axis_nm)), laser_nm)


def sigma_of(line: LineFit, of: AxisOutcome) -> float:
    """Return the standard uncertainty of a line's residual, in its unit: that of the place, by dispersion."""
    if of.form == "shifts":
        return line.sigma
    slope = float(np.polynomial.polynomial.polyval(line.found, _slopes(of)))
    if in_wavelengths(line, of):
        return abs(slope) * line.sigma
    return abs(slope) * line.sigma * 1e7 / float(_polynomial(of, line.found)) ** 2


def _slopes(of: AxisOutcome) -> FloatArray:
    return np.asarray(np.polynomial.polynomial.polyder(np.asarray(of.coefficients)), dtype=np.float64)


def _residual(line: LineFit, of: AxisOutcome, place: float, laser_nm: float | None) -> float | None:
    if of.form == "shifts" or in_wavelengths(line, of):
        return place - line.reference
    if laser_nm is None or place <= 0:
        return None
    return 1e7 * (1.0 / laser_nm - 1.0 / place) - line.reference


def in_wavelengths(line: LineFit, of: AxisOutcome) -> bool:
    """Return whether a line belongs at a wavelength, as those of lamps do, and not at a Raman shift.

    The record does not say so in words. On an axis of pixels a line was found at a pixel, and the axis gives
    the wavelength there: a reference that is less than 5 nm from it is a wavelength (chosen; a Raman shift
    of the same number lies hundreds of nm away).
    """
    return of.form == "pixels" and abs(float(_polynomial(of, line.found)) - line.reference) < _NEAR_NM


def _channels(outcome: AxisOutcome) -> FloatArray:
    try:
        wavelengths = polynomial_axis(outcome.coefficients, outcome.pixels)
        if outcome.laser_nm is None:
            raise UncalibratedScan("an axis of wavelengths alone names no laser line")
        return raman_shift(wavelengths, outcome.laser_nm)
    except SpectraError as error:
        raise UncalibratedScan(f"the calibration gives no axis: {error}") from error


def _corrected(outcome: AxisOutcome, places: FloatArray) -> FloatArray:
    return np.asarray(_polynomial(outcome, places), dtype=np.float64)


def _polynomial(outcome: AxisOutcome, places: FloatArray | float) -> FloatArray:
    found = np.polynomial.polynomial.polyval(places, np.asarray(outcome.coefficients, dtype=np.float64))
    return np.asarray(found, dtype=np.float64)
