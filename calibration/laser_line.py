"""The laser line of a Raman instrument, from a substance whose shifts are known."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from spectra.axis import raman_shift
from spectra.noise import noise_of
from spectra.values import FloatArray, Spectrum, Technique

from .errors import NotCalibrated
from .lines import FittedLine, fit_line
from .outcomes import LineFit
from .standards import calibration_lines

#: How far the laser may be from what is stated, cm⁻¹ (at 785 nm some 3.7 nm; chosen: wider than any tolerance
#: of a diode laser sold for Raman spectroscopy, so that a wrong entry is found, too).
REACH_CM1 = 60.0
#: A band must rise this many noise standard deviations above what surrounds it, to place the pattern.
_PROMINENT = 8.0
#: Bands wider than this are background, cm⁻¹.
_BROAD_CM1 = 60.0
#: How near a band must be to where a line is expected, cm⁻¹.
_NEAR_CM1 = 9.0
#: Lines that tell different laser lines by more than this contradict one another, cm⁻¹ (chosen).
_CONTRADICTION_CM1 = 4.0
#: What the tables of ASTM E1840 and the shape of a fitted band leave uncertain in one line, cm⁻¹ (chosen).
FLOOR_CM1 = 0.3


@dataclass(frozen=True, slots=True)
class LaserLine:
    """The laser line, and what it rests on."""

    laser_nm: float
    """Laser line in the medium of the wavelength axis, nm."""
    sigma_nm: float
    """Its standard uncertainty, nm, that of the wavelength axis not included."""
    lines: tuple[LineFit, ...]
    """Lines of the substance: found in cm⁻¹ on the calibrated axis."""
    before_cm1: tuple[float, ...]
    """Residual of each with the laser line as stated, cm⁻¹."""


def calibrate_laser(counts: FloatArray, axis_nm: FloatArray, substance: str, stated_nm: float) -> LaserLine:
    """Fit the laser line to the shifts of a known substance.

    Parameters
    ----------
    counts
        Scan of the substance, the dark taken off, shape (pixels,).
    axis_nm
        Calibrated wavelength of each pixel, nm, shape (pixels,).
    substance
        A shift standard: ``silicon``, ``polystyrene``, ``acetaminophen``, ``cyclohexane``, ….
    stated_nm
        Laser line as the device states it, nm; may be wrong by `REACH_CM1`.

    Raises
    ------
    NotCalibrated
        The bands of the substance are not found, or contradict one another.
    UnknownStandard
        A substance that is no shift standard.
    """
    expected = calibration_lines(substance)
    shift = raman_shift(axis_nm, stated_nm)
    seen = _Seen.of(shift, counts)
    offset = _pattern(seen, expected, substance)
    fitted = [(line, _fit(seen, line + offset)) for line in expected]
    found = [(line, band) for line, band in fitted if band is not None]
    if not found:
        raise NotCalibrated(f"no band of {substance} could be measured: longer exposure, or check the sample")
    offsets = np.array([band.centre_cm1 - line for line, band in found])
    sigma = np.hypot(np.array([band.sigma_cm1 for _, band in found]), FLOOR_CM1)
    used = _agreeing(offsets, sigma, substance)
    weight = used / sigma**2
    stokes_nm = 1.0 / (1.0 / stated_nm - np.array([band.centre_cm1 for _, band in found]) * 1e-7)
    inverse = 1.0 / stokes_nm + np.array([line for line, _ in found]) * 1e-7
    laser_nm = float(1.0 / (weight @ inverse / weight.sum()))
    moved = 1e7 / laser_nm - 1e7 / stated_nm
    lines = tuple(
        LineFit(
            substance,
            line,
            band.centre_cm1 + moved,
            band.sigma_cm1,
            band.centre_cm1 + moved - line,
            bool(counts_),
        )
        for (line, band), counts_ in zip(found, used, strict=True)
    )
    sigma_cm1 = float(1.0 / np.sqrt(weight.sum()))
    return LaserLine(laser_nm, sigma_cm1 * laser_nm**2 * 1e-7, lines, tuple(float(one) for one in offsets))


def checked_lines(
    counts: FloatArray, axis_nm: FloatArray, substance: str, laser_nm: float
) -> tuple[LineFit, ...]:
    """Return where the lines of a substance are on a finished axis, none of them used to make it.

    Raises
    ------
    NotCalibrated, UnknownStandard
        As `calibrate_laser`.
    """
    seen = _Seen.of(raman_shift(axis_nm, laser_nm), counts)
    fitted = [(line, _fit(seen, line)) for line in calibration_lines(substance)]
    return tuple(
        LineFit(substance, line, band.centre_cm1, band.sigma_cm1, band.centre_cm1 - line, False)
        for line, band in fitted
        if band is not None
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A scan of a standard on a rough axis, and what stands out of it."""

    spectrum: Spectrum
    band_cm1: FloatArray
    prominence: FloatArray

    @classmethod
    def of(cls, shift: FloatArray, counts: FloatArray) -> "_Seen":
        values = np.asarray(counts, dtype=np.float64)
        if values.shape != shift.shape or not np.isfinite(values).all():
            raise NotCalibrated(
                f"{values.size} finite counts are needed for {shift.size} wavelengths, one each"
            )
        noise = noise_of(values)
        inside = shift > 60.0
        if inside.sum() < 64:
            raise NotCalibrated("the scan of the shift standard has hardly a channel beyond the laser line")
        spectrum = Spectrum(shift[inside], values[inside], Technique.RAMAN, noise=noise[inside])
        step = float(np.median(np.diff(spectrum.axis)))
        top, about = find_peaks(
            spectrum.intensity,
            prominence=_PROMINENT * float(np.median(noise)),
            width=(None, _BROAD_CM1 / step),
        )
        return cls(spectrum, spectrum.axis[top], np.asarray(about["prominences"], dtype=np.float64))


def _pattern(seen: _Seen, expected: tuple[float, ...], substance: str) -> float:
    """Return the offset at which the bands that are seen lie on most of the substance's lines, cm⁻¹."""
    if not seen.band_cm1.size:
        raise NotCalibrated(f"no band stands out in the scan of {substance}: is it before the probe?")
    # Each pair of a band and a line proposes an offset; the right one is proposed by all of them.
    proposals = (seen.band_cm1[:, None] - np.asarray(expected)[None, :]).ravel()
    proposals = proposals[np.abs(proposals) <= REACH_CM1]
    if not proposals.size:
        raise NotCalibrated(f"no band of {substance} is within {REACH_CM1:g} cm⁻¹ of where it belongs")
    height = np.sqrt(seen.prominence / seen.prominence.max())

    def worth(offset: float) -> float:
        off = np.abs(seen.band_cm1[:, None] - np.asarray(expected)[None, :] - offset)
        # A band serves one line, a line one band: the nearest counts.
        return float(sum(height[column.argmin()] for column in off.T if column.min() < _NEAR_CM1))

    scores = np.array([worth(float(one)) for one in proposals])
    best = scores >= 0.999 * scores.max()
    return float(np.median(proposals[best]))


def _fit(seen: _Seen, near_cm1: float) -> FittedLine | None:
    return fit_line(seen.spectrum, near_cm1, window_cm1=12.0)


def _agreeing(offsets: FloatArray, sigma: FloatArray, substance: str) -> FloatArray:
    """Return which lines count; raises where no majority agrees."""
    middle = float(np.median(offsets))
    used = np.abs(offsets - middle) <= np.maximum(_CONTRADICTION_CM1 / 2, 4 * sigma)
    if used.sum() * 2 <= offsets.size and offsets.size > 1:
        raise NotCalibrated(f"the bands contradict one another: is it really {substance}?")
    return np.asarray(used, dtype=np.float64)
