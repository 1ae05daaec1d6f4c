"""Where a band is, to a fraction of a pixel, and how sure that is."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from spectra.values import FloatArray, Spectrum

#: A band must rise this many residual standard deviations above its background.
HEIGHT_SIGMAS = 4.0
#: No line of a spectrometer is narrower than this many channels; what is, is a spike.
NARROWEST_CHANNELS = 1.5


@dataclass(frozen=True, slots=True)
class FittedLine:
    """A single band fitted by a Gaussian on a sloping background."""

    centre_cm1: float
    """Position, cm⁻¹."""
    sigma_cm1: float
    """Standard error of the position, cm⁻¹."""
    fwhm_cm1: float
    """Full width at half maximum, cm⁻¹."""
    height: float
    """Height above the background, the spectrum's unit."""
    noise: float
    """Standard deviation of the residual, the spectrum's unit."""


def fit_line(spectrum: Spectrum, near_cm1: float, *, window_cm1: float = 12.0) -> FittedLine | None:
    """Fit the band nearest to a position.

    Parameters
    ----------
    spectrum
        A calibrated spectrum.
    near_cm1
        Where the band is expected.
    window_cm1
        Half width of the window, cm⁻¹; it is centred anew on the maximum found in it.

    Returns
    -------
    FittedLine or None
        None where the range is not measured or no band stands out.
    """
    centre = near_cm1
    for _ in range(2):
        inside = np.abs(spectrum.axis - centre) <= window_cm1
        if inside.sum() < 6:
            return None
        x, y = spectrum.axis[inside], spectrum.intensity[inside]
        level = np.interp(x, [x[0], x[-1]], [y[0], y[-1]])
        centre = float(x[np.argmax(y - level)])
        if abs(centre - near_cm1) > window_cm1:
            return None
    return _fitted(x, y, centre, near_cm1, window_cm1)


def _fitted(x: FloatArray, y: FloatArray, centre: float, near: float, window: float) -> FittedLine | None:
    start = [centre, 8.0, float(np.ptp(y)), float(y.min()), 0.0]
    low = [near - window, 1.0, 0.0, -np.inf, -np.inf]
    high = [near + window, 60.0, np.inf, np.inf, np.inf]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            found, covariance = curve_fit(_gaussian, x, y, p0=start, bounds=(low, high), max_nfev=2000)
    except (RuntimeError, ValueError):
        return None
    noise = float(np.std(y - _gaussian(x, *found)))
    error = float(np.sqrt(covariance[0, 0])) if np.isfinite(covariance[0, 0]) else float("inf")
    channel = float(np.median(np.diff(x)))
    if found[2] <= HEIGHT_SIGMAS * noise or found[1] < NARROWEST_CHANNELS * channel:
        return None
    return FittedLine(float(found[0]), error, float(found[1]), float(found[2]), noise)


def _gaussian(
    x: FloatArray, centre: float, fwhm: float, height: float, level: float, slope: float
) -> FloatArray:
    shape = np.exp(-4.0 * np.log(2.0) * ((x - centre) / fwhm) ** 2)
    return np.asarray(height * shape + level + slope * (x - centre), dtype=np.float64)
