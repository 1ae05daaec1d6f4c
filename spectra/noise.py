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
        Shape (..., n), n ≥ 8, on the detector's own channels (before any smoothing).
    window
        Channels of the running median; larger is steadier and slower to follow.

    Returns
    -------
    ndarray
        Shape of `intensity`, and its unit.
    """
    rows = np.reshape(intensity, (-1, np.shape(intensity)[-1]))
    if rows.shape[1] < 8:
        flat = np.std(rows, axis=-1, keepdims=True)
        return np.array(np.broadcast_to(flat, rows.shape).reshape(np.shape(intensity)), dtype=np.float64)
    d = np.abs(rows[:, 6:] - 3 * rows[:, 4:-2] + 3 * rows[:, 2:-4] - rows[:, :-6]) / np.sqrt(20.0)
    # SciPy's running median is fast in one dimension only.
    local = [median_filter(row, size=min(window, row.size), mode="nearest") / _MAD for row in d]
    padded = np.pad(np.reshape(local, d.shape), ((0, 0), (3, 3)), mode="edge")
    return np.asarray(padded.reshape(np.shape(intensity)), dtype=np.float64)
