"""Carbon dioxide and water vapour in an absorbance spectrum, as numbers.

Breath and room air between the measurement of the background and of the sample leave CO₂'s double band and
water's lines, upwards where there is more of them than in the background, downwards where there is less.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import savgol_filter

from .errors import SpectrumMismatch
from .noise import noise_of
from .values import FloatArray, Spectrum, Technique

#: P and R branch of CO₂'s ν₃ at 2349 cm⁻¹ (T. Shimanouchi, *Tables of Molecular Vibrational Frequencies*,
#: NSRDS-NBS 39, 1972); its edges at room temperature as in measured backgrounds, cm⁻¹.
CO2_BAND_CM1 = (2300.0, 2380.0)
#: Straight baseline of the CO₂ band is drawn through these two ranges, cm⁻¹; chosen.
CO2_SIDES_CM1 = ((2270.0, 2295.0), (2390.0, 2415.0))
#: Water's bending and stretching bands with resolved lines, cm⁻¹.
WATER_BANDS_CM1 = ((1350.0, 1900.0), (3550.0, 3900.0))
#: Water lines as they appear at 4 cm⁻¹ resolution: wavenumber, depth relative to the strongest. Read off
#: the background of a polystyrene spectrum on a VERTEX 70 (`ftir_ps.0` of Open Specy, CC BY 4.0); the
#: strongest agree within 1.5 cm⁻¹ with the calibration lines of IUPAC (Cole 1977).
WATER_LINES_CM1 = (
    (1374.2, 0.1), (1395.5, 0.2), (1419.1, 0.4), (1436.7, 0.3), (1457.2, 0.6), (1473.3, 0.4), (1489.4, 0.3),
    (1506.7, 0.7), (1521.7, 0.4), (1540.6, 0.8), (1558.8, 1.0), (1576.2, 0.4), (1616.6, 0.3), (1635.7, 0.5),
    (1647.0, 0.3), (1653.1, 1.0), (1669.9, 0.2), (1684.1, 0.5), (1700.1, 0.5), (1717.2, 0.5), (1733.9, 0.5),
    (1750.3, 0.2), (1772.2, 0.4), (1792.2, 0.3), (1829.6, 0.2), (1844.3, 0.3), (1868.7, 0.2),
    (3567.2, 0.3), (3587.5, 0.3), (3629.1, 0.5), (3649.2, 0.7), (3670.4, 0.4), (3675.6, 0.5), (3689.7, 0.4),
    (3711.1, 0.3), (3734.9, 0.3), (3744.9, 0.3), (3751.0, 0.5), (3801.4, 0.4), (3817.0, 0.2), (3820.9, 0.4),
    (3837.9, 0.3), (3853.6, 0.8), (3870.4, 0.2),
)  # fmt: skip
#: Coarser spectra do not resolve water lines, cm⁻¹ a channel; chosen, half a line at 4 cm⁻¹ resolution.
COARSEST_STEP_CM1 = 2.5
#: Width of a water line where the spectrum does not tell its resolution, cm⁻¹; chosen.
LINE_WIDTH_CM1 = 4.0
#: What varies more slowly is the sample's, cm⁻¹; chosen, some line distances.
SLOW_CM1 = 36.0
#: Standard deviations above which the air is called visible; chosen.
VISIBLE_SIGMAS = 5.0


@dataclass(frozen=True, slots=True)
class AtmosphereState:
    """How much more CO₂ and water vapour there was than in the background; negative for less."""

    co2_area: float | None
    """Area of the CO₂ band over a straight baseline, absorbance · cm⁻¹; None where not covered."""
    co2_noise: float | None
    """Standard deviation of that area."""
    water: float | None
    """Height of water's strongest line, absorbance; None where not covered or too coarse."""
    water_noise: float | None
    """Standard deviation of that height."""

    @property
    def co2_visible(self) -> bool:
        """Whether CO₂ stands out of the noise."""
        return _stands_out(self.co2_area, self.co2_noise)

    @property
    def water_visible(self) -> bool:
        """Whether water vapour stands out of the noise and of the sample's own structure."""
        return _stands_out(self.water, self.water_noise)

    def described(self) -> dict[str, float | bool | None]:
        """Return it as JSON values."""
        return {
            "co2_area": _short(self.co2_area),
            "co2_noise": _short(self.co2_noise),
            "co2_visible": self.co2_visible,
            "water": _short(self.water),
            "water_noise": _short(self.water_noise),
            "water_visible": self.water_visible,
        }


def atmosphere_of(spectrum: Spectrum) -> AtmosphereState:
    """Measure CO₂ and water vapour in an absorbance spectrum.

    Raises
    ------
    SpectrumMismatch
        Not an infrared spectrum.
    """
    if spectrum.technique is not Technique.FTIR:
        raise SpectrumMismatch("only infrared spectra show the air's CO₂ and water")
    co2 = co2_area(spectrum.axis, spectrum.intensity)
    width = spectrum.resolution_cm1 or LINE_WIDTH_CM1
    water = water_height(spectrum.axis, spectrum.intensity, width_cm1=max(width, LINE_WIDTH_CM1))
    return AtmosphereState(*(co2 or (None, None)), *(water or (None, None)))


def co2_area(axis: FloatArray, absorbance: FloatArray) -> tuple[float, float] | None:
    """Return area of the CO₂ band and its standard deviation, absorbance · cm⁻¹.

    Parameters
    ----------
    axis
        Wavenumber, cm⁻¹, ascending, shape (n,).
    absorbance
        Shape (n,).

    Returns
    -------
    tuple of float, or None
        None where the axis does not cover the band and its sides with at least four channels each.
    """
    inside = _between(axis, CO2_BAND_CM1)
    sides = _between(axis, CO2_SIDES_CM1[0]), _between(axis, CO2_SIDES_CM1[1])
    if min(int(part.sum()) for part in (inside, *sides)) < 4:
        return None
    both = sides[0] | sides[1]
    centre = float(np.mean(CO2_BAND_CM1))
    base, covariance = np.polyfit(axis[both] - centre, absorbance[both], 1, cov="unscaled")
    residual = absorbance[both] - np.polyval(base, axis[both] - centre)
    x = axis[inside] - centre
    step = np.gradient(axis[inside])
    area = float(((absorbance[inside] - np.polyval(base, x)) * step).sum())
    sigma = float(residual.std(ddof=2))
    lever = np.array([(x * step).sum(), step.sum()])
    variance = float((step**2).sum() + lever @ covariance @ lever)
    return area, sigma * float(np.sqrt(variance))


def water_height(
    axis: FloatArray, absorbance: FloatArray, *, width_cm1: float = LINE_WIDTH_CM1
) -> tuple[float, float] | None:
    """Return the height of water's strongest line and its standard deviation, absorbance.

    What varies slowly is taken off (cubic smoothing over `SLOW_CM1`), from the spectrum and from a template
    of `WATER_LINES_CM1` alike; the template's least-squares amplitude is the height. Narrow bands of the
    sample count as noise.

    Parameters
    ----------
    axis
        Wavenumber, cm⁻¹, ascending, shape (n,).
    absorbance
        Shape (n,).
    width_cm1
        Full width at half maximum of a line, cm⁻¹.

    Returns
    -------
    tuple of float, or None
        None where less than one of the bands is covered, or lines are not resolved.
    """
    found: list[tuple[float, float]] = []
    for band in WATER_BANDS_CM1:
        inside = _between(axis, band)
        covered = int(inside.sum()) > 8 and axis[inside][-1] - axis[inside][0] > 0.9 * (band[1] - band[0])
        if covered and float(np.median(np.diff(axis[inside]))) <= COARSEST_STEP_CM1:
            found.append(_amplitude(axis[inside], absorbance[inside], width_cm1))
    if not found:
        return None
    heights, sigmas = np.array(found).T
    weights = 1 / np.maximum(sigmas, 1e-12) ** 2
    mean = float(np.average(heights, weights=weights))
    # Where the bands disagree, narrow bands of the sample were taken for lines.
    disagreement = float(np.average((heights - mean) ** 2, weights=weights))
    return mean, float(np.sqrt(1 / weights.sum() + disagreement))


def water_template(axis: FloatArray, width_cm1: float) -> FloatArray:
    """Return the absorbance of water vapour with its strongest line 1 high, shape of ``axis``."""
    sigma = width_cm1 / np.sqrt(8 * np.log(2))
    total = np.zeros(axis.size)
    for centre, depth in WATER_LINES_CM1:
        total += depth * np.exp(-0.5 * ((axis - centre) / sigma) ** 2)
    return total


def _amplitude(axis: FloatArray, absorbance: FloatArray, width_cm1: float) -> tuple[float, float]:
    template = _fast(axis, water_template(axis, width_cm1))
    seen = _fast(axis, absorbance)
    energy = float(template @ template)
    height = float(template @ seen) / energy
    rest = seen - height * template
    scatter = max(float(np.sqrt(np.mean(rest**2))), float(np.median(noise_of(absorbance))))
    # A line is some channels wide, and so is what the sample leaves: neighbours are not independent.
    together = max(1.0, width_cm1 / float(np.median(np.diff(axis))))
    return height, scatter * float(np.sqrt(together / energy))


def _fast(axis: FloatArray, values: FloatArray) -> FloatArray:
    """Return what varies faster than `SLOW_CM1`."""
    window = round(SLOW_CM1 / float(np.median(np.diff(axis)))) | 1
    return np.asarray(values - savgol_filter(values, max(window, 5), 3), dtype=np.float64)


def _between(axis: FloatArray, limits: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray((axis >= limits[0]) & (axis <= limits[1]))


def _stands_out(value: float | None, noise: float | None) -> bool:
    return value is not None and noise is not None and abs(value) > VISIBLE_SIGMAS * max(noise, 1e-12)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
