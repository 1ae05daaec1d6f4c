"""How noisy a spectrum is, read from the spectrum itself."""

import numpy as np
from scipy.ndimage import median_filter

from .values import FloatArray

#: Median absolute deviation of a normal variable over its standard deviation.
_MAD = 0.6744897501960817


def noise_of(intensity: FloatArray, *, window: int = 151) -> FloatArray:
    """Estimate the standard deviation of the noise at each channel.

    Third differences at a lag of two channels remove every local parabola and the odd–even
    pattern of two-amplifier read-outs; their coefficients (1, −3, 3, −1) have the square sum
    20. The running median over `window` channels keeps bands from counting as noise.

    Parameters
    ----------
    intensity
        Shape (n,), n ≥ 8, on the detector's own channels (before any smoothing).
    window
        Channels of the running median; larger is steadier and slower to follow.

    Returns
    -------
    ndarray
        Shape (n,), the unit of `intensity`.
    """
    if intensity.size < 8:
        return np.full(intensity.size, float(np.std(intensity)))
    d = (intensity[6:] - 3 * intensity[4:-2] + 3 * intensity[2:-4] - intensity[:-6]) / np.sqrt(20.0)
    local = median_filter(np.abs(d), size=min(window, d.size), mode="nearest") / _MAD
    return np.asarray(np.pad(local, 3, mode="edge"), dtype=np.float64)
