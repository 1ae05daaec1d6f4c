"""Areas and heights of the polystyrene bands, fitted alike on every instrument.

Bands that run into one another are fitted together, each as a pseudo-Voigt of free place, width and shape on a
sloping background. Heights depend on the resolution, so spectra are broadened to the same one before heights are
compared; areas do not, but hang on the tails a fit gives them. Each axis is first laid on the band at
1001.4 cm⁻¹: a few cm⁻¹ of axis must not count as a change of intensity.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import brentq, least_squares, lsq_linear

from spectra.values import FloatArray, Spectrum

#: The band all others are told relative to, and the bands that are told (ASTM E1840), cm⁻¹.
REFERENCE = 1001.4
TOLD = (620.9, 795.8, 1031.8, 1155.3, 1450.5, 1602.3)
#: Window → bands in it, cm⁻¹; those not among `TOLD` only keep the others honest.
WINDOWS: dict[tuple[float, float], tuple[float, ...]] = {
    (590.0, 650.0): (620.9,),
    (735.0, 830.0): (757.0, 795.8),
    (965.0, 1060.0): (987.0, 1001.4, 1031.8),
    (1135.0, 1225.0): (1155.3, 1182.5, 1199.5),
    (1425.0, 1475.0): (1450.5,),
    (1565.0, 1625.0): (1583.1, 1602.3),
}
#: Full width of the band at 1001.4 that all are broadened to, cm⁻¹: half as much again as the broadest has (12).
EQUAL_CM1 = 18.0
#: Channels of broadened spectra, cm⁻¹.
GRID = np.arange(550.0, 1700.0, 0.5)
#: How far a band may lie from its place, and how wide it may be, cm⁻¹.
REACH, WIDTHS = 6.0, (3.0, 35.0)


@dataclass(frozen=True, slots=True)
class Ratios:
    """What one spectrum says of each band of `TOLD`, relative to that at 1001.4 cm⁻¹."""

    areas: dict[float, float]
    """Band → ratio of areas, as measured."""
    heights: dict[float, float]
    """Band → ratio of heights at `EQUAL_CM1`."""


def band_ratios(spectrum: Spectrum) -> Ratios:
    """Return what a spectrum says of each band."""
    return Ratios(_fitted(spectrum)[0], _fitted(broadened(spectrum))[1])


def _fitted(spectrum: Spectrum) -> tuple[dict[float, float], dict[float, float]]:
    """Fit every window; return the ratios of areas and of heights."""
    near = np.abs(spectrum.axis - REFERENCE) < 10
    off = float(spectrum.axis[near][np.argmax(spectrum.intensity[near])]) - REFERENCE
    areas: dict[float, float] = {}
    heights: dict[float, float] = {}
    for (low, high), bands in WINDOWS.items():
        inside = (spectrum.axis - off > low) & (spectrum.axis - off < high)
        fitted = _window(spectrum.axis[inside] - off, spectrum.intensity[inside], bands)
        for band, (area, height) in zip(bands, fitted, strict=True):
            areas[band], heights[band] = area, height
    return (
        {band: areas[band] / areas[REFERENCE] for band in TOLD},
        {band: heights[band] / heights[REFERENCE] for band in TOLD},
    )


def broadened(spectrum: Spectrum) -> Spectrum:
    """Return a spectrum broadened by the Gaussian that makes its band at 1001.4 `EQUAL_CM1` wide."""
    values = np.interp(GRID, spectrum.axis, spectrum.intensity)
    step = GRID[1] - GRID[0]

    def wider(sigma: float) -> FloatArray:
        return np.asarray(gaussian_filter1d(values, sigma / step))

    sigma = brentq(lambda one: _width(wider(one)) - EQUAL_CM1, 0.5, EQUAL_CM1, xtol=0.01)
    return Spectrum(GRID, wider(float(sigma)), spectrum.technique)


def _width(values: FloatArray) -> float:
    """Return the full width of the band at 1001.4 on `GRID`, above the level 40 cm⁻¹ before it."""
    top = int(np.argmax(np.where(np.abs(GRID - REFERENCE) < 10, values, -np.inf)))
    half = (values[top] + values[np.searchsorted(GRID, GRID[top] - 40.0)]) / 2
    left = np.flatnonzero(values[:top] < half)[-1]
    right = top + np.flatnonzero(values[top:] < half)[0]
    before = np.interp(half, values[left : left + 2], GRID[left : left + 2])
    after = np.interp(-half, -values[right - 1 : right + 1], GRID[right - 1 : right + 1])
    return float(after - before)


def apart(one: dict[float, float], *others: dict[float, float]) -> float:
    """Return how far ratios are from others': root mean square natural logarithm of their quotients."""
    return float(np.sqrt(np.mean([np.log(one[band] / other[band]) ** 2 for other in others for band in one])))


def _window(x: FloatArray, y: FloatArray, bands: tuple[float, ...]) -> list[tuple[float, float]]:
    scale = float(np.ptp(y))

    def solved(values: FloatArray) -> tuple[FloatArray, FloatArray]:
        shapes = [_pseudo_voigt(x, *values[n : n + 3]) for n in range(0, values.size, 3)]
        design = np.column_stack([*shapes, np.ones_like(x), (x - x.mean()) / np.ptp(x)])
        low = [0.0] * len(bands) + [-np.inf, -np.inf]
        return design, np.asarray(lsq_linear(design, y / scale, bounds=(low, np.inf)).x)

    def off(values: FloatArray) -> FloatArray:
        design, heights = solved(values)
        return np.asarray(design @ heights - y / scale)

    start = [part for band in bands for part in (band, 9.0, 0.5)]
    low = [part for band in bands for part in (band - REACH, WIDTHS[0], 0.0)]
    high = [part for band in bands for part in (band + REACH, WIDTHS[1], 1.0)]
    done = least_squares(off, start, bounds=(low, high), x_scale=[1.0, 1.0, 0.1] * len(bands), max_nfev=80)
    _, heights = solved(done.x)
    return [
        (float(heights[n]) * scale * _area(done.x[3 * n + 1], done.x[3 * n + 2]), float(heights[n]) * scale)
        for n in range(len(bands))
    ]


def _pseudo_voigt(x: FloatArray, centre: float, width: float, share: float) -> FloatArray:
    square = ((x - centre) / width) ** 2
    return np.asarray(share / (1 + 4 * square) + (1 - share) * np.exp(-4 * np.log(2) * square))


def _area(width: float, share: float) -> float:
    """Return the area of a pseudo-Voigt of height 1."""
    return float(width * (share * np.pi / 2 + (1 - share) * np.sqrt(np.pi / np.log(2)) / 2))
