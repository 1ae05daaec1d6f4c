"""Shifts put together from moves by whole points, the *lags*: few products serve many shifts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ._kernels import Float32Array
from .values import FloatArray


class Lags(NamedTuple):
    """How shifts are put together from moves by whole points."""

    low: int
    """First lag, points."""
    number: int
    """Number of lags."""
    first: tuple[int, ...]
    """Index of the first lag of each shift."""
    taps: Float32Array
    """Shares of it and the next three, shape (shifts, 4)."""

    def only(self, kept: Sequence[int]) -> "Lags":
        """Return some of the shifts, put together as before: norms of all are kept from round to round."""
        return self._replace(first=tuple(self.first[k] for k in kept), taps=self.taps[list(kept)])


def lags_of(shifts: Sequence[float], spacing: float) -> Lags:
    """Find the whole moves, and their shares, that make up each shift.

    Cubic Lagrange interpolation between the four nearest lags (as in `spectra.moving.moved`), one-sided at
    the outermost: no lag beyond the shifts is needed.
    """
    points = np.asarray(shifts, dtype=np.float64) / spacing
    low = int(np.floor(points.min()))
    number = max(int(np.ceil(points.max())) - low + 1, 4)
    first = np.clip(np.floor(points).astype(int) - 1 - low, 0, number - 4)
    taps = np.ones((points.size, 4))
    for tap in range(4):
        for other in {0, 1, 2, 3} - {tap}:
            taps[:, tap] *= (points - low - first - other) / (tap - other)
    return Lags(low, number, tuple(map(int, first)), taps.astype(np.float32))


def lagged(vectors: FloatArray, lags: Lags, width: int) -> Float32Array:
    """Return vectors moved left by every lag, lag by lag, filled up with zeros to a width."""
    count, points = vectors.shape
    result = np.zeros((lags.number, count, width), dtype=np.float32)
    for i in range(lags.number):
        lag = lags.low + i
        start, stop = max(0, -lag), min(points, points - lag)
        if start < stop:
            result[i, :, start:stop] = vectors[:, start + lag : stop + lag]
    return result.reshape(-1, width)
