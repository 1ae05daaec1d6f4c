"""Moving rows by a fraction of a point."""

import numpy as np

from .values import FloatArray


def moved(rows: FloatArray, by: float) -> FloatArray:
    """Return rows moved to the right by a number of points, zeros flowing in.

    Cubic Lagrange interpolation between the four nearest points.

    Parameters
    ----------
    rows
        Shape (..., n).
    by
        Points, any fraction; negative moves to the left.
    """
    whole = int(np.floor(by))
    d = 1.0 - (by - whole)
    taps: tuple[tuple[float, int], ...] = ((1.0, 1),)
    if d < 1.0:
        taps = (
            (-d * (d - 1) * (d - 2) / 6, -1),
            ((d + 1) * (d - 1) * (d - 2) / 2, 0),
            (-(d + 1) * d * (d - 2) / 2, 1),
            ((d + 1) * d * (d - 1) / 6, 2),
        )
    n = rows.shape[-1]
    result = np.zeros_like(rows)
    for tap, offset in taps:
        start = offset - whole - 1
        low, high = max(0, -start), min(n, n - start)
        if low < high:
            result[..., low:high] += tap * rows[..., low + start : high + start]
    return result
