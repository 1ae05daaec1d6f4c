"""From the spectrum of a lamp to the wavelength of every pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spectra.axis import polynomial_axis
from spectra.errors import AxisError
from spectra.values import FloatArray

from .errors import NotCalibrated
from .lamps import LampLines, lamp_lines
from .line_groups import FoundLine, found_lines
from .peaks import LampPeaks, lamp_peaks
from .polynomial_fit import DEGREES, LINES_EACH, PolynomialFit, fit_polynomial
from .starts import explained, starts_of

#: Fewest lines an axis may rest on (chosen: a straight line, and twice as many lines that could contradict).
MIN_LINES = 6
#: Share of the detector that the lines must span; beyond the last line nothing holds the axis (chosen).
MIN_SPAN = 0.35
#: Largest share of lines that may be set aside as outliers (chosen).
MAX_OUTLIERS = 0.3
#: Largest uncertainty of the axis between its first and last line, channels.
MAX_SIGMA = 0.3
#: How well the place of a line can be known at best, channels: no line is quite as it is drawn (chosen).
FLOOR = 0.04
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class WavelengthFit:
    """The wavelength axis of a spectrometer, as lamps give it."""

    coefficients: tuple[float, ...]
    """Wavelength of pixel p is Σ cᵢ·pⁱ, nm."""
    axis_nm: FloatArray
    """The same for every pixel, shape (pixels,)."""
    sigma_nm: FloatArray
    """Standard uncertainty of each, shape (pixels,)."""
    lines: tuple[FoundLine, ...]
    """Lines that were matched, ascending."""
    fit: PolynomialFit
    """What holds them together: deviation of the axis from the guess, nm."""
    explained: float
    """How much of what stands out lies on lines of the lamps, 0 to 1, each decade of height alike."""
    fwhm_px: float
    """Width of a line, pixels."""

    @property
    def first_line(self) -> FoundLine:
        """First line that counts."""
        return next(line for line, used in zip(self.lines, self.fit.used, strict=True) if used)

    @property
    def last_line(self) -> FoundLine:
        """Last line that counts."""
        return [line for line, used in zip(self.lines, self.fit.used, strict=True) if used][-1]


def calibrate_wavelengths(
    counts: FloatArray,
    lamps: Sequence[str],
    guess: Sequence[float],
    *,
    saturation: float | None = None,
) -> WavelengthFit:
    """Fit the wavelength axis of a spectrometer to the lines of lamps.

    Parameters
    ----------
    counts
        Spectrum of the lamp or lamps, the laser off, counts, shape (pixels,).
    lamps
        Which shone: ``neon``, ``argon``, ``mercury``.
    guess
        Rough coefficients c₀ (nm), c₁ (nm/pixel), …; may be wrong by 3 nm and 1.5 % in dispersion.
    saturation
        Counts at which the detector is full.

    Raises
    ------
    NotCalibrated
        The lines are too few, too uncertain, contradict one another, or allow more than one axis.
    UnknownStandard
        A lamp that is not in the table.
    """
    lines = lamp_lines(lamps)
    peaks = lamp_peaks(counts, saturation=saturation)
    try:
        guess_nm = polynomial_axis(guess, peaks.counts.size)
    except AxisError as error:
        raise NotCalibrated(f"the rough axis is none: {error}") from error
    starts = starts_of(peaks, lines, guess_nm)
    settled = [one for start in starts if (one := _settled(peaks, lines, guess_nm, start)) is not None]
    if not settled:
        raise NotCalibrated("the lines that are seen are too few, or contradict one another")
    best = _only_one(settled, peaks.fwhm)
    return _checked(best, guess, peaks.fwhm)


@dataclass(frozen=True, slots=True)
class _Settled:
    """An axis and the lines that it rests on, in agreement."""

    axis_nm: FloatArray
    found: list[FoundLine]
    fit: PolynomialFit
    explained: float

    @property
    def held(self) -> FloatArray:
        """Pixels of the lines that count."""
        pixel = np.array([line.pixel for line in self.found], dtype=np.float64)
        return np.asarray(pixel[self.fit.used], dtype=np.float64)


def _settled(
    peaks: LampPeaks, lines: LampLines, guess_nm: FloatArray, axis_nm: FloatArray
) -> _Settled | None:
    """Measure lines where an axis expects them, fit the axis to them, and again, until nothing moves."""
    channels = np.arange(guess_nm.size, dtype=np.float64)
    found, fit = _measured(peaks, lines, guess_nm, axis_nm)
    for _ in range(_ROUNDS):
        if fit is None:
            return None
        moved = guess_nm + fit.at(channels)
        if not (np.diff(moved) > 0).all():
            return None
        still = float(np.abs(moved - axis_nm).max()) < 1e-4 * float(guess_nm[1] - guess_nm[0])
        axis_nm = moved
        if still:
            break
        found, fit = _measured(peaks, lines, guess_nm, axis_nm)
    return None if fit is None else _Settled(axis_nm, found, fit, explained(peaks, lines, axis_nm))


def _only_one(settled: list[_Settled], fwhm: float) -> _Settled:
    """Return the axis that explains most; refuse where another one, on as many lines, is as good."""
    best = max(settled, key=lambda one: (round(one.explained, 2), -one.fit.leave_one_out_rms))
    width = fwhm * float(np.median(np.diff(best.axis_nm)))
    for other in settled:
        # Where only one of them has lines, the other one does not say anything.
        low = int(max(best.held.min(), other.held.min()))
        high = int(min(best.held.max(), other.held.max())) + 1
        apart = high > low and float(np.abs(other.axis_nm - best.axis_nm)[low:high].max()) > width
        good = other.fit.leave_one_out_rms < 2 * best.fit.leave_one_out_rms
        if apart and good and other.held.size >= 0.8 * best.held.size:
            raise NotCalibrated("two different axes explain the lines equally well: add a second lamp")
    return best


def _measured(
    peaks: LampPeaks, lines: LampLines, guess_nm: FloatArray, axis_nm: FloatArray
) -> tuple[list[FoundLine], PolynomialFit | None]:
    """Find the lines where an axis expects them, and fit the deviation of the axis from the guess to them."""
    found = found_lines(peaks, lines, axis_nm)
    if len(found) < MIN_LINES:
        return found, None
    channels = np.arange(guess_nm.size, dtype=np.float64)
    pixel = np.array([line.pixel for line in found])
    dispersion = np.interp(pixel, channels, np.gradient(guess_nm))
    value = np.array([line.wavelength_nm for line in found]) - np.interp(pixel, channels, guess_nm)
    sigma = np.array([line.sigma for line in found]) * dispersion
    floor = FLOOR * float(np.median(dispersion))
    # A guess of the wrong dispersion has the wrong bend, too: what is fitted must be able to undo both.
    degrees = tuple(one for one in DEGREES if one > 1 or len(found) < 3 * LINES_EACH)
    fit = fit_polynomial(pixel, value, sigma, extent=channels[-1], floor=floor, degrees=degrees)
    return found, fit if fit is not None and fit.used.sum() >= MIN_LINES else None


def _checked(best: _Settled, guess: Sequence[float], fwhm: float) -> WavelengthFit:
    fit, axis_nm, held = best.fit, best.axis_nm, best.held
    aside = 1.0 - float(fit.used.mean())
    if aside > MAX_OUTLIERS:
        raise NotCalibrated(f"{aside:.0%} of the lines do not fit the others")
    span = float(np.ptp(held)) / (axis_nm.size - 1)
    if span < MIN_SPAN:
        raise NotCalibrated(
            f"the lines span {span:.0%} of the detector; {MIN_SPAN:.0%} are needed: add a second lamp"
        )
    sigma = fit.sigma_at(np.arange(axis_nm.size, dtype=np.float64))
    worst = float(sigma[int(held.min()) : int(held.max()) + 1].max() / np.median(np.diff(axis_nm)))
    if worst > MAX_SIGMA:
        raise NotCalibrated(
            f"between its lines the axis is uncertain by {worst:.2f} channels: "
            "longer exposure, or a second lamp"
        )
    correction, rough = fit.powers(), np.asarray(guess, dtype=np.float64)
    coefficients = np.zeros(max(correction.size, rough.size))
    coefficients[: correction.size] += correction
    coefficients[: rough.size] += rough
    return WavelengthFit(
        tuple(float(one) for one in coefficients),
        axis_nm,
        sigma,
        tuple(best.found),
        fit,
        best.explained,
        fwhm,
    )
