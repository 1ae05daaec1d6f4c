"""The steps a recipe is made of: array functions over the last axis, one spectrum or many.

None changes its input. `spectra.operators` has those that are linear in the intensities as matrices, by
which the noise goes with them; `spectra.step_table` says what becomes of it in the others.
"""

from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_filter

from .errors import AxisError, RecipeError
from .values import FloatArray

#: FWHM of a Gaussian over its standard deviation, 2·√(2·ln 2).
FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
#: Longest axis a recipe may ask for, steps.
MAX_GRID: Final = 20_000
#: Longest window of a local polynomial, points.
MAX_WINDOW: Final = 999
#: What `size_of` can measure.
NORMS: Final = ("area", "max", "vector")


def grid(start_cm1: float, stop_cm1: float, spacing_cm1: float) -> FloatArray:
    """Return an even axis from start to stop, both included, in cm⁻¹.

    Raises
    ------
    RecipeError
        The limits or the spacing make no axis of 2 to 20 000 points.
    """
    if not (spacing_cm1 > 0 and stop_cm1 > start_cm1 and (stop_cm1 - start_cm1) / spacing_cm1 <= MAX_GRID):
        raise RecipeError(f"no axis from {start_cm1} to {stop_cm1} cm⁻¹ every {spacing_cm1}")
    count = round((stop_cm1 - start_cm1) / spacing_cm1) + 1
    return np.asarray(np.arange(count) * spacing_cm1 + start_cm1, dtype=np.float64)


def crop(axis: FloatArray, start_cm1: float, stop_cm1: float) -> slice:
    """Return the channels of an ascending axis from start to stop, both included.

    Raises
    ------
    AxisError
        Fewer than two channels lie there.
    """
    inside = slice(int(np.searchsorted(axis, start_cm1)), int(np.searchsorted(axis, stop_cm1, side="right")))
    if inside.stop - inside.start < 2:
        raise AxisError(
            f"nothing of {axis[0]:g}–{axis[-1]:g} cm⁻¹ is left within {start_cm1:g}–{stop_cm1:g} cm⁻¹"
        )
    return inside


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


def smooth_polynomial(intensity: FloatArray, *, window: int, degree: int) -> FloatArray:
    """Smooth by Savitzky and Golay, Anal. Chem. 36 (1964) 1627; edges from the outermost polynomials.

    Parameters
    ----------
    intensity
        Shape (..., n), n ≥ window.
    window, degree
        Odd number of points and degree of the local polynomial; a longer window is smoother.
    """
    _check_window(window, degree, intensity.shape[-1], least=0)
    return np.asarray(savgol_filter(intensity, window, degree, axis=-1))


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
    rows = np.reshape(intensity, (-1, axis.size))
    result = np.stack([np.interp(target, axis, row) for row in rows])
    return result.reshape(*np.shape(intensity)[:-1], target.size)


def derivative(
    intensity: FloatArray, *, window: int, degree: int, order: int = 1, spacing: float = 1.0
) -> FloatArray:
    """First or second derivative by Savitzky and Golay, Anal. Chem. 36 (1964) 1627.

    Parameters
    ----------
    intensity
        Shape (..., n), evenly spaced.
    window, degree
        Odd number of points and degree of the local polynomial.
    order
        1 or 2; the second tells overlapping bands apart better and is noisier.
    spacing
        Distance of the points; the result is per unit of it, to the order.
    """
    if order not in (1, 2):
        raise RecipeError(f"a derivative's order must be 1 or 2, got {order}")
    _check_window(window, degree, intensity.shape[-1], least=order)
    return np.asarray(savgol_filter(intensity, window, degree, deriv=order, delta=spacing, axis=-1))


def _check_window(window: int, degree: int, points: int, *, least: int) -> None:
    if window % 2 == 0 or not least <= degree < window or window > points:
        raise RecipeError(f"no Savitzky–Golay filter of {window} points and degree {degree} here")


def size_of(intensity: FloatArray, *, by: str, spacing: float = 1.0) -> FloatArray:
    """Return the size a spectrum is normalised by.

    Parameters
    ----------
    intensity
        Shape (..., n), background taken off.
    by
        ``area``: Σ|y|·spacing; ``max``: max |y|; ``vector``: √(Σ y²).
    spacing
        Distance of the points, for the area.

    Returns
    -------
    ndarray
        Shape (...); 1 for spectra that are zero everywhere, which normalising leaves as they are.

    Raises
    ------
    RecipeError
        An unknown size.
    """
    if by == "area":
        size = np.sum(np.abs(intensity), axis=-1) * spacing
    elif by == "max":
        size = np.max(np.abs(intensity), axis=-1)
    elif by == "vector":
        size = np.linalg.norm(intensity, axis=-1)
    else:
        raise RecipeError(f"unknown normalisation {by!r}; known are {', '.join(NORMS)}")
    return np.asarray(np.where(size > 0, size, 1.0), dtype=np.float64)


def normalise(intensity: FloatArray, *, by: str, spacing: float = 1.0) -> FloatArray:
    """Divide spectra by their `size_of`, shape (..., n)."""
    return np.asarray(intensity / size_of(intensity, by=by, spacing=spacing)[..., None], dtype=np.float64)


def broaden(intensity: FloatArray, *, fwhm: float, spacing: float) -> FloatArray:
    """Convolve with a Gaussian of the given full width at half maximum (same unit as spacing)."""
    if fwhm < 0:
        raise RecipeError(f"cannot broaden by {fwhm}")
    if fwhm == 0:
        return intensity
    return np.asarray(gaussian_filter1d(intensity, fwhm / FWHM_PER_SIGMA / spacing, axis=-1, mode="nearest"))
