"""The laser line of a Raman instrument, from a substance whose shifts are known."""

from dataclasses import dataclass

import numpy as np

from spectra.axis import raman_shift
from spectra.noise import noise_of
from spectra.values import FloatArray, Spectrum, Technique

from .errors import NotCalibrated
from .lines import FittedLine, fit_line
from .outcomes import LineFit
from .placing import place_pattern
from .standards import MINERALS, calibration_lines, weighted_lines

#: Nearer to the laser line than this is its own light and the filter's edge, cm⁻¹.
_BEYOND_CM1 = 60.0
#: Half width of the window of a fit, least and largest, cm⁻¹; never less than so many widths of the
#: instrument's line, and channels (chosen).
_WINDOW_CM1, _WINDOW_WIDTHS, _CHANNELS = (12.0, 25.0), 1.6, 4.0
#: So many channels at the highest counts of all are a detector that is full.
_FLAT = 3
#: A line narrower than this share of the instrument's is a spike.
_SPIKE = 0.7
#: Lines that tell different laser lines by more than this contradict one another, cm⁻¹ (chosen).
_CONTRADICTION_CM1 = 4.0
#: What the tables of ASTM E1840 and the shape of a fitted band leave uncertain in one line, cm⁻¹ (chosen).
FLOOR_CM1 = 0.2


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


def calibrate_laser(
    counts: FloatArray, axis_nm: FloatArray, substance: str, stated_nm: float, *, fwhm_px: float = 2.0
) -> LaserLine:
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
        Laser line as the device states it, nm; may be wrong by `placing.REACH_CM1`.
    fwhm_px
        Width of a line of the instrument, channels, as the lamp shows it.

    Raises
    ------
    NotCalibrated
        The bands of the substance are not found, or contradict one another.
    UnknownStandard
        A substance that is no shift standard.
    """
    expected = calibration_lines(substance)
    shift = raman_shift(axis_nm, stated_nm)
    seen = _seen(shift, counts)
    assert seen.noise is not None
    offset = place_pattern(seen.axis, seen.intensity, seen.noise, substance, fwhm_px=fwhm_px)
    fitted = [(line, _fit(seen, line + offset, fwhm_px, _room(substance, line))) for line in expected]
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
    counts: FloatArray, axis_nm: FloatArray, substance: str, laser_nm: float, *, fwhm_px: float = 2.0
) -> tuple[LineFit, ...]:
    """Return where the lines of a substance are on a finished axis, none of them used to make it.

    Raises
    ------
    NotCalibrated, UnknownStandard
        As `calibrate_laser`.
    """
    seen = _seen(raman_shift(axis_nm, laser_nm), counts)
    fitted = [
        (line, _fit(seen, line, fwhm_px, _room(substance, line))) for line in calibration_lines(substance)
    ]
    return tuple(
        LineFit(substance, line, band.centre_cm1, band.sigma_cm1, band.centre_cm1 - line, False)
        for line, band in fitted
        if band is not None
    )


def _seen(shift: FloatArray, counts: FloatArray) -> Spectrum:
    """Return a scan of a standard on a rough axis, beyond the laser line."""
    values = np.asarray(counts, dtype=np.float64)
    if values.shape != shift.shape or not np.isfinite(values).all():
        raise NotCalibrated(f"{shift.size} finite counts are needed, one for each wavelength")
    inside = shift > _BEYOND_CM1
    if inside.any() and (values[inside] == values[inside].max()).sum() >= _FLAT:
        raise NotCalibrated("the scan of the shift standard is saturated: shorter exposure")
    if inside.sum() < 64:
        raise NotCalibrated("the scan of the shift standard has hardly a channel beyond the laser line")
    noise = noise_of(values)[inside]
    return Spectrum(shift[inside], values[inside], Technique.RAMAN, noise=noise)


def _room(substance: str, line: float) -> float:
    """Return how far the fit of a line may look: half way to the next line of the substance, cm⁻¹.

    Tables name the strong bands only: beside a line of an organic substance there may always be another.
    """
    if substance not in MINERALS:
        return _WINDOW_CM1[0]
    others = [abs(other - line) for other, _ in weighted_lines(substance) if abs(other - line) > 1.0]
    return float(np.clip(min(others, default=np.inf) / 2, *_WINDOW_CM1))


def _fit(seen: Spectrum, near_cm1: float, fwhm_px: float, room_cm1: float) -> FittedLine | None:
    """Fit one line of a standard; a spike, narrower than the instrument draws any line, is none."""
    step = float(np.median(np.diff(seen.axis)))
    fwhm_cm1 = fwhm_px * step
    band = fit_line(seen, near_cm1, window_cm1=max(room_cm1, _WINDOW_WIDTHS * fwhm_cm1, _CHANNELS * step))
    return None if band is None or band.fwhm_cm1 < _SPIKE * fwhm_cm1 else band


def _agreeing(offsets: FloatArray, sigma: FloatArray, substance: str) -> FloatArray:
    """Return which lines count; raises where no majority agrees."""
    middle = float(np.median(offsets))
    used = np.abs(offsets - middle) <= np.maximum(_CONTRADICTION_CM1 / 2, 4 * sigma)
    if used.sum() * 2 <= offsets.size and offsets.size > 1:
        raise NotCalibrated(f"the bands contradict one another: is it really {substance}?")
    return np.asarray(used, dtype=np.float64)
