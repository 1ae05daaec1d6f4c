"""The steps a recipe is made of: array functions over the last axis, one spectrum or many.

None changes its input. Steps that are linear in the intensities carry the noise with them
(`smooth`, `resample`, `derivative`); see `spectra.recipe` for how.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_filter

from .errors import AxisError, RecipeError
from .values import FloatArray

#: FWHM of a Gaussian over its standard deviation, 2·√(2·ln 2).
FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


def grid(start_cm1: float, stop_cm1: float, spacing_cm1: float) -> FloatArray:
    """Return an even axis from start to stop, both included, in cm⁻¹.

    Raises
    ------
    RecipeError
        The limits or the spacing make no axis of 2 to 20 000 points.
    """
    if not (spacing_cm1 > 0 and stop_cm1 > start_cm1 and (stop_cm1 - start_cm1) / spacing_cm1 <= 20_000):
        raise RecipeError(f"no axis from {start_cm1} to {stop_cm1} cm⁻¹ every {spacing_cm1}")
    count = round((stop_cm1 - start_cm1) / spacing_cm1) + 1
    return np.asarray(np.arange(count) * spacing_cm1 + start_cm1, dtype=np.float64)


def smooth(intensity: FloatArray, *, passes: int = 1) -> FloatArray:
    """Smooth with the binomial kernel (1, 2, 1)/4, edges repeated.

    The kernel has a zero at the Nyquist frequency: it removes the odd–even pattern of
    detectors read out through two amplifiers and broadens a band of 5 pixels FWHM by 5 %.

    Parameters
    ----------
    intensity
        Shape (..., n).
    passes
        How often, 1 to 10; more is smoother.
    """
    if not 1 <= passes <= 10:
        raise RecipeError(f"smoothing passes must be 1 to 10, got {passes}")
    for _ in range(passes):
        edge = np.concatenate((intensity[..., :1], intensity, intensity[..., -1:]), axis=-1)
        intensity = 0.25 * edge[..., :-2] + 0.5 * edge[..., 1:-1] + 0.25 * edge[..., 2:]
    return intensity


def resample(axis: FloatArray, intensity: FloatArray, target: FloatArray) -> FloatArray:
    """Interpolate linearly onto another axis inside the measured range.

    Raises
    ------
    AxisError
        The target reaches beyond the measured range by more than one measured channel.
    """
    margin = float(np.max(np.diff(axis)))
    if target[0] < axis[0] - margin or target[-1] > axis[-1] + margin:
        raise AxisError(f"{target[0]:g}–{target[-1]:g} cm⁻¹ asked for, {axis[0]:g}–{axis[-1]:g} measured")
    rows = np.atleast_2d(intensity)
    result = np.stack([np.interp(target, axis, row) for row in rows])
    return result.reshape(*np.shape(intensity)[:-1], target.size)


def derivative(intensity: FloatArray, *, window: int, degree: int, spacing: float = 1.0) -> FloatArray:
    """First derivative by Savitzky and Golay, Anal. Chem. 36 (1964) 1627.

    Parameters
    ----------
    intensity
        Shape (..., n), evenly spaced.
    window, degree
        Odd number of points and degree of the local polynomial.
    spacing
        Distance of the points; the result is per unit of it.
    """
    if window % 2 == 0 or not 1 <= degree < window or window > intensity.shape[-1]:
        raise RecipeError(f"no Savitzky–Golay filter of {window} points and degree {degree} here")
    return np.asarray(savgol_filter(intensity, window, degree, deriv=1, delta=spacing, axis=-1))


def broaden(intensity: FloatArray, *, fwhm: float, spacing: float) -> FloatArray:
    """Convolve with a Gaussian of the given full width at half maximum (same unit as spacing)."""
    if fwhm < 0:
        raise RecipeError(f"cannot broaden by {fwhm}")
    if fwhm == 0:
        return intensity
    return np.asarray(gaussian_filter1d(intensity, fwhm / FWHM_PER_SIGMA / spacing, axis=-1, mode="nearest"))
