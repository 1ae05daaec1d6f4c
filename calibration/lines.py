"""Where a band is, to a fraction of a channel, how wide and how high, and how sure that is."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeWarning, curve_fit

from spectra.values import FloatArray, Spectrum

#: A band must be this many of its height's own standard errors high.
HEIGHT_SIGMAS = 4.0
#: No line of a spectrometer is narrower than this many channels; what is, is a spike.
NARROWEST_CHANNELS = 1.5
#: No line leaves a channel this many noise standard deviations below both of its neighbours (chosen).
DIP_SIGMAS = 10.0
#: What is wider than this is no line but a hump, cm⁻¹ (chosen: twice the widest handheld's 15 and more).
WIDEST_CM1 = 40.0


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
    """Standard deviation of one channel's noise there, the spectrum's unit."""


def fit_line(spectrum: Spectrum, near_cm1: float, *, window_cm1: float = 12.0) -> FittedLine | None:
    """Fit the band nearest to a position.

    A Gaussian on a slope. Broadening real polystyrene from 8 to 13 cm⁻¹ moved no line of `standards.SHARP` by
    more than 0.26 cm⁻¹; pseudo-Voigt shapes, windows that follow the width and fits of all neighbours at once
    were tried on the same spectra and moved them as much or more, for the neighbours that matter are in no
    table.

    Parameters
    ----------
    spectrum
        A calibrated spectrum; its noise counts where it is stated.
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
        inside &= ~_dips(spectrum)
        x, y = spectrum.axis[inside], spectrum.intensity[inside]
        level = np.interp(x, [x[0], x[-1]], [y[0], y[-1]])
        centre = float(x[np.argmax(y - level)])
        if abs(centre - near_cm1) > window_cm1:
            return None
    stated = 0.0 if spectrum.noise is None else float(np.median(spectrum.noise[inside]))
    return _fitted(x, y, centre, (near_cm1 - window_cm1, near_cm1 + window_cm1), stated)


def _dips(spectrum: Spectrum) -> npt.NDArray[np.bool_]:
    """Return which channels lie far below both neighbours: a cosmic ray in the only dark frame."""
    y = spectrum.intensity
    found = np.zeros(y.size, dtype=bool)
    if spectrum.noise is not None:
        below = np.minimum(y[:-2], y[2:]) - y[1:-1]
        found[1:-1] = below > DIP_SIGMAS * np.maximum(spectrum.noise[1:-1], 1e-300)
    return found


def _fitted(
    x: FloatArray, y: FloatArray, centre: float, within: tuple[float, float], stated: float
) -> FittedLine | None:
    start = [centre, 8.0, float(np.ptp(y)), float(y.min()), 0.0]
    low = [within[0], 1.0, 0.0, -np.inf, -np.inf]
    high = [within[1], 60.0, np.inf, np.inf, np.inf]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            found, covariance = curve_fit(_gaussian, x, y, p0=start, bounds=(low, high), max_nfev=2000)
    except (RuntimeError, ValueError):
        return None
    rest = float(np.sqrt(np.sum((y - _gaussian(x, *found)) ** 2) / max(x.size - len(start), 1)))
    # The covariance knows the scatter of this window alone: a few channels may agree by chance.
    scale = max(1.0, stated / rest) if rest > 0 else 1.0
    errors = np.sqrt(np.abs(np.diagonal(covariance))) * scale
    channel = float(np.median(np.diff(x)))
    stands_out = bool(np.isfinite(errors).all()) and found[2] > HEIGHT_SIGMAS * errors[2]
    if not stands_out or not NARROWEST_CHANNELS * channel <= found[1] <= WIDEST_CM1:
        return None
    noise = stated if stated > 0 else rest
    return FittedLine(float(found[0]), float(errors[0]), float(found[1]), float(found[2]), noise)


def _gaussian(
    x: FloatArray, centre: float, fwhm: float, height: float, level: float, slope: float
) -> FloatArray:
    shape = np.exp(-4.0 * np.log(2.0) * ((x - centre) / fwhm) ** 2)
    return np.asarray(height * shape + level + slope * (x - centre), dtype=np.float64)
