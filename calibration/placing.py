"""Where the pattern of a substance lies in a scan whose axis may be off by tens of wavenumbers."""

import numpy as np
from scipy.ndimage import grey_opening, percentile_filter

from spectra.values import FloatArray

from .errors import NotCalibrated
from .standards import weighted_lines

#: How far the laser may be from what is stated, cm⁻¹ (at 785 nm some 3.7 nm; chosen: wider than any tolerance
#: of a diode laser sold for Raman spectroscopy, so that a wrong entry is found, too).
REACH_CM1 = 60.0
#: Step of the search and of the grid, cm⁻¹.
_STEP_CM1 = 0.5
#: Background: a running quantile over so many cm⁻¹.
_BACKGROUND_CM1, _PERCENT = 120.0, 20
#: The pattern must stand out of the noise by this many standard deviations, and out of other places by this
#: factor (chosen).
_SIGMAS, _RIVAL = 8.0, 0.85
#: Natural width of a band where nothing better is known, cm⁻¹ (chosen).
_NATURAL_CM1 = 5.0


def place_pattern(
    shift: FloatArray, counts: FloatArray, noise: FloatArray, substance: str, *, fwhm_px: float
) -> float:
    """Return the offset at which a scan looks most like a substance, cm⁻¹ (found minus expected).

    The substance's lines, as high as they are tabulated and as wide as the instrument draws them, are held
    against the scan at every offset. Spikes narrower than any line of the instrument are taken off before.

    Parameters
    ----------
    shift, counts, noise
        Raman shift as believed, cm⁻¹, counts, and their standard deviation, shape (n,).
    substance
        A shift standard.
    fwhm_px
        Width of a line of the instrument, channels.

    Raises
    ------
    NotCalibrated
        Nothing of the substance stands out, or it does at two places.
    """
    step = float(np.median(np.diff(shift)))
    size = (max(1, int(0.7 * fwhm_px)),)
    smooth = np.asarray(grey_opening(np.asarray(counts, dtype=np.float64), size=size), dtype=np.float64)
    width = max(3, round(_BACKGROUND_CM1 / step))
    above = smooth - percentile_filter(smooth, _PERCENT, size=width, mode="nearest")
    grid = np.arange(shift[0], shift[-1], _STEP_CM1)
    # Roots: a sample may show the faint lines stronger than the table, and fluorescence is never quite gone.
    seen = np.sqrt(np.maximum(np.interp(grid, shift, above), 0.0))
    offsets = np.arange(-REACH_CM1, REACH_CM1 + _STEP_CM1, _STEP_CM1)
    fwhm_cm1 = float(np.hypot(fwhm_px * step, _NATURAL_CM1))
    alike = np.array([_alike(grid, seen, substance, float(one), fwhm_cm1) for one in offsets])
    best = int(np.argmax(alike))
    height = float(np.interp(offsets[best] + _strongest(substance), shift, above))
    if not _strong_enough(height, noise, alike[best]):
        raise NotCalibrated(f"nothing of {substance} stands out: is it before the probe? longer exposure?")
    away = np.abs(offsets - offsets[best]) > 2 * fwhm_cm1
    if away.any() and alike[away].max() > _RIVAL * alike[best]:
        raise NotCalibrated(f"the bands of {substance} fit at two places: another standard, or a better scan")
    return float(offsets[best])


def _alike(grid: FloatArray, seen: FloatArray, substance: str, offset: float, fwhm_cm1: float) -> float:
    """Return the correlation of a scan and the pattern of a substance, both over the range they share."""
    model = np.zeros(grid.size)
    reach = 0.0
    for line, weight in weighted_lines(substance):
        if grid[0] < line + offset < grid[-1]:
            model += weight * np.exp(-4 * np.log(2) * ((grid - line - offset) / fwhm_cm1) ** 2)
            reach = max(reach, weight)
    if reach < 0.3:
        return 0.0
    model = np.sqrt(model)
    near = np.abs(grid - 0.5 * (_ends(substance)[0] + _ends(substance)[1]) - offset) < _half(substance)
    a, b = seen[near] - seen[near].mean(), model[near] - model[near].mean()
    return float(a @ b / max(np.sqrt((a @ a) * (b @ b)), 1e-300))


def _ends(substance: str) -> tuple[float, float]:
    lines = [line for line, _ in weighted_lines(substance)]
    return min(lines), max(lines)


def _half(substance: str) -> float:
    low, high = _ends(substance)
    return 0.5 * (high - low) + 100.0


def _strongest(substance: str) -> float:
    return max(weighted_lines(substance), key=lambda one: one[1])[0]


def _strong_enough(height: float, noise: FloatArray, alike: float) -> bool:
    return height > _SIGMAS * float(np.median(noise)) and alike > 0.3
