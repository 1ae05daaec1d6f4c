"""Linear steps as sparse matrices, and the noise that goes through them.

A matrix L turns the channels y of a spectrum into points L·y. Channels whose noise is independent, with
variances v, leave points of variance (L∘L)·v: exact, whatever the noise's distribution.
"""

from typing import Any

import numpy as np
from scipy import sparse
from scipy.signal import savgol_filter

from .values import FloatArray

Matrix = sparse.csr_array
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def identity(n: int) -> Matrix:
    """Return the matrix that changes nothing, (n, n)."""
    return sparse.csr_array(sparse.eye_array(n, format="csr"))


def interpolation(axis: FloatArray, target: FloatArray) -> Matrix:
    """Return linear interpolation as a matrix, (targets, channels); the twin of `steps.resample`."""
    right = np.clip(np.searchsorted(axis, target), 1, axis.size - 1)
    left = right - 1
    weight = np.clip((target - axis[left]) / (axis[right] - axis[left]), 0.0, 1.0)
    rows = np.arange(target.size)
    entries = np.concatenate((1 - weight, weight))
    places = (np.concatenate((rows, rows)), np.concatenate((left, right)))
    return sparse.csr_array((entries, places), shape=(target.size, axis.size))


def binomial(n: int, passes: int) -> Matrix:
    """Return binomial smoothing as a matrix, (n, n); the twin of `steps.smooth`."""
    kernel: Any = sparse.diags_array([0.25, 0.5, 0.25], offsets=[-1, 0, 1], shape=(n, n)).tolil()
    kernel[0, 0] = kernel[n - 1, n - 1] = 0.75
    kernel = kernel.tocsr()
    result: Any = identity(n)
    for _ in range(passes):
        result = kernel @ result
    return sparse.csr_array(result)


def local_polynomial(n: int, window: int, degree: int, *, order: int = 0, spacing: float = 1.0) -> Matrix:
    """Return a Savitzky–Golay filter as a matrix, (n, n), n ≥ window.

    The twin of `steps.derivative` (order 1, 2) and `steps.smooth_polynomial` (order 0): inside the same taps
    everywhere, at both edges the values of the outermost polynomial.
    """
    # What the filter makes of each unit vector of one window is its polynomial at every place of it.
    block = savgol_filter(np.eye(window), window, degree, deriv=order, delta=spacing, axis=-1).T
    half = window // 2
    inside = np.arange(half, n - half)
    start = np.concatenate((np.zeros(half, int), inside - half, np.full(half, n - window)))
    taps = np.concatenate(
        (block[:half], np.repeat(block[half : half + 1], inside.size, axis=0), block[half + 1 :])
    )
    columns = start[:, None] + np.arange(window)
    pointers = np.arange(n + 1) * window
    return sparse.csr_array((taps.ravel(), columns.ravel(), pointers), shape=(n, n))


def scaling(factors: FloatArray) -> Matrix:
    """Return one factor for each channel as a matrix."""
    return sparse.csr_array(sparse.diags_array(factors, offsets=0, format="csr"))


def bridge(mask: Mask) -> Matrix:
    """Return the matrix that puts a straight line between the neighbours of marked channels, (n, n).

    At an end of the spectrum, where there is one neighbour only, its value is kept.

    Parameters
    ----------
    mask
        True where a channel is to be replaced, shape (n,); not everywhere.
    """
    places = np.arange(mask.size)
    good = np.flatnonzero(~mask)
    shape = (mask.size, mask.size)
    if good.size == 1:
        return sparse.csr_array((np.ones(mask.size), (places, np.full(mask.size, good[0]))), shape=shape)
    lines = interpolation(good.astype(np.float64), places.astype(np.float64)).tocoo()
    return sparse.csr_array((lines.data, (lines.coords[0], good[lines.coords[1]])), shape=shape)


def apply(matrix: Matrix, rows: FloatArray) -> FloatArray:
    """Return L·y for each row y, shape (m, points)."""
    return np.ascontiguousarray((matrix @ rows.T).T)


def variance_of(matrix: Matrix, noise: FloatArray) -> FloatArray:
    """Return the variance of L·y for channels of independent noise.

    Parameters
    ----------
    matrix
        L, shape (points, channels).
    noise
        Standard deviations, shape (m, channels).
    """
    return apply(sparse.csr_array(matrix.multiply(matrix)), noise**2)


def never_zero(variance: FloatArray) -> FloatArray:
    """Raise variances to a 10⁻¹² part of the row's largest, so that they can divide, shape (m, n)."""
    floor = 1e-24 + 1e-12 * np.max(variance, axis=-1, keepdims=True, initial=0.0)
    return np.asarray(np.maximum(variance, floor), dtype=np.float64)


def gathered(matrix: Matrix, spacing: float, *, fwhm: float = 12.0) -> float:
    """Return how much noise bands gather in points, over what the points' variances alone would give.

    Neighbouring points share channels, so their noise is correlated: where channels lie farther apart than
    points, a band's worth of them moves together. The median over bands all along the axis, for channels
    of equal and independent noise.

    Parameters
    ----------
    matrix
        Turns channels into derivatives, (points, channels).
    spacing
        Distance of the points, cm⁻¹.
    fwhm
        Width of the bands, cm⁻¹; 12 is that of solids on a handheld (chosen).
    """
    points = matrix.shape[0]
    centres = np.arange(20, max(points - 20, 21), 10)
    sigma = fwhm / 2.3548 / spacing
    x = (np.arange(points)[None] - centres[:, None]) / sigma
    bands = -x * np.exp(-0.5 * x**2)
    together = np.sum(np.asarray(matrix.T @ bands.T) ** 2, axis=0)
    alone = bands**2 @ np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    return float(np.median(together / np.maximum(alone, 1e-300)))
