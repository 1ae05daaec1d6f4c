"""Cosmic rays in Raman spectra: channels far above both neighbours, too narrow for a band.

The modified z-score of the differences of neighbouring channels is that of D. A. Whitaker and K. Hayes,
Chemom. Intell. Lab. Syst. 179 (2018) 82. Used alone it also marks the flanks of strong bands of quiet
spectra. So more is asked here: a rise and a fall within a few channels, with level ground before and after,
and both far above the noise of the place as well.
"""

from typing import Final

import numpy as np

from .errors import RecipeError
from .noise import noise_of
from .operators import Mask
from .values import FloatArray

#: Median absolute deviation of a normal variable over its standard deviation.
_MAD: Final = 0.6744897501960817
#: Mean absolute deviation of a normal variable over its standard deviation, √(2/π).
_MEAN_AD: Final = 0.7978845608028654
#: How steep the ground beside a spike may be, as a share of its flanks; chosen. Gaussian bands run out more
#: gently: none of at least 1.4, 1.9 or 2.4 channels full width at half maximum is taken for a spike of at
#: most 1, 2 or 3 channels, however strong and quiet.
LEVEL: Final = 0.25


def find_spikes(
    intensity: FloatArray, *, threshold: float = 7.0, width: int = 2, noise: FloatArray | None = None
) -> Mask:
    """Mark the channels a cosmic ray has hit.

    Parameters
    ----------
    intensity
        Shape (..., n), on the detector's own channels.
    threshold
        Modified z-score that the flanks of a spike exceed, 3 to 100; larger finds fewer.
    width
        Channels of the widest spike, 1 to 3; on spectra with lines below two channels (lamps), use 1.
    noise
        Standard deviation of each channel, shape (..., n) or (n,); estimated where missing.

    Returns
    -------
    ndarray of bool
        Shape of `intensity`. The two outermost channels on each side are never marked.

    Raises
    ------
    RecipeError
        A parameter out of its range.
    """
    if not 3 <= threshold <= 100 or width not in (1, 2, 3):
        raise RecipeError(f"no search for spikes of {width} channels above {threshold}")
    rows = np.reshape(intensity, (-1, np.shape(intensity)[-1]))
    sigma = (
        noise_of(rows) if noise is None else np.broadcast_to(noise, np.shape(intensity)).reshape(rows.shape)
    )
    marked = np.zeros(rows.shape, dtype=np.bool_)
    if rows.shape[1] >= 8:
        step = np.diff(rows, axis=-1)
        step = step - np.median(step, axis=-1, keepdims=True)
        flank = threshold * np.maximum(_spread(step), np.sqrt(sigma[:, 1:] ** 2 + sigma[:, :-1] ** 2))
        for channels in range(1, width + 1):
            _mark(marked, step, flank, channels)
    return marked.reshape(np.shape(intensity))


def _spread(step: FloatArray) -> FloatArray:
    """Return the robust standard deviation of differences, shape (m, 1).

    Where more than half are equal their median deviation is zero; the mean one takes its place (B. Iglewicz
    and D. C. Hoaglin, *How to Detect and Handle Outliers*, 1993).
    """
    median = np.median(np.abs(step), axis=-1, keepdims=True) / _MAD
    mean = np.mean(np.abs(step), axis=-1, keepdims=True) / _MEAN_AD
    return np.where(median > 0, median, mean)


def _mark(marked: Mask, step: FloatArray, flank: FloatArray, channels: int) -> None:
    """Mark spikes of a number of channels, in place."""
    # The spike's first channel is i: step i − 1 leads up to it, step i + channels − 1 down from it.
    last = step.shape[1] - channels - 1
    up, before = step[:, 1:last], step[:, : last - 1]
    down, after = -step[:, 1 + channels : last + channels], step[:, 2 + channels : last + channels + 1]
    lower = np.minimum(up, down)
    beside = np.maximum(np.abs(before), np.abs(after))
    high = (up > flank[:, 1:last]) & (down > flank[:, 1 + channels : last + channels])
    spike = high & (beside <= LEVEL * lower)
    for offset in range(channels):
        marked[:, 2 + offset : 2 + offset + spike.shape[1]] |= spike


def despike(
    intensity: FloatArray, *, threshold: float = 7.0, width: int = 2, noise: FloatArray | None = None
) -> FloatArray:
    """Bridge the channels `find_spikes` marks by straight lines between their neighbours.

    Parameters and errors are those of `find_spikes`. Noise goes through `spectra.operators.bridge`.
    """
    rows = np.reshape(intensity, (-1, np.shape(intensity)[-1]))
    marked = find_spikes(intensity, threshold=threshold, width=width, noise=noise).reshape(rows.shape)
    return bridged(rows, marked).reshape(np.shape(intensity))


def bridged(rows: FloatArray, marked: Mask) -> FloatArray:
    """Return rows with their marked channels on straight lines between their neighbours, shape (m, n)."""
    result = np.array(rows, dtype=np.float64)
    places = np.arange(rows.shape[1])
    for i in np.flatnonzero(marked.any(axis=-1)):
        good = ~marked[i]
        result[i] = np.interp(places, places[good], rows[i, good])
    return result
