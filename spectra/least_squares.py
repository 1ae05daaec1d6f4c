"""Least squares with amplitudes ≥ 0 and corrections held near zero, from products already formed.

A model of few terms has a few dozen columns against hundreds of points: once the products of all columns
with each other and with the target are known, solving costs next to nothing.
"""

import numpy as np
from scipy.linalg import lapack

from .values import FloatArray

#: Added to the diagonal of scaled normal equations, so that columns in one another's span can be solved for.
RIDGE = 1e-10


def nonnegative(gram: FloatArray, projected: FloatArray) -> FloatArray:
    """Return amplitudes ≥ 0 of least squares, leaving out what would be negative.

    Parameters
    ----------
    gram
        Products of the rows with each other, shape (k, k).
    projected
        Products of the rows with the target, shape (k,).
    """
    scale = np.sqrt(gram.diagonal())
    live = np.flatnonzero(scale > 0)
    result = np.zeros(len(gram))
    while live.size:
        size = scale[live]
        inner = gram[live[:, None], live] / (size[:, None] * size)
        inner.flat[:: live.size + 1] += RIDGE
        solved = _solve(inner, projected[live] / size)
        if (solved > 0).all():
            result[live] = solved / size
            break
        live = live[solved > 0]
    return result


def corrected(
    gram: FloatArray, projected: FloatArray, amplitude: FloatArray, freedom: FloatArray
) -> FloatArray:
    """Solve for terms and their corrections, under priors scaled by the amplitudes found before.

    A term whose amplitude would be negative is held at zero, with its corrections.

    Parameters
    ----------
    gram
        Products of all columns with each other, term by term, shape (k·c, k·c); the first column of a term
        is the term itself.
    projected
        Products of the columns with the target, shape (k·c,).
    amplitude
        Amplitude of each term so far, shape (k,).
    freedom
        Standard deviations of the corrections for an amplitude of one, shape (k, c − 1).

    Returns
    -------
    ndarray
        Coefficients, shape (k, c).
    """
    terms, count = len(amplitude), freedom.shape[1] + 1
    coefficients = np.zeros((terms, count))
    amplitude = np.array(amplitude)
    while (live := np.flatnonzero(amplitude > 0)).size:
        penalty = np.zeros((live.size, count))
        if live.size == terms:  # as nearly always
            inner, target = gram.copy(), projected
            penalty[:, 1:] = 1.0 / (amplitude[:, None] * freedom)
        else:
            chosen = (live[:, None] * count + np.arange(count)).ravel()
            inner, target = gram[chosen[:, None], chosen], projected[chosen]
            penalty[:, 1:] = 1.0 / (amplitude[live, None] * freedom[live])
        inner.flat[:: len(inner) + 1] += penalty.ravel() ** 2
        scale = np.sqrt(inner.diagonal())
        scale[scale == 0] = 1.0
        inner /= scale[:, None] * scale
        inner.flat[:: len(inner) + 1] += RIDGE
        solved = (_solve(inner, target / scale) / scale).reshape(-1, count)
        negative = solved[:, 0] <= 0
        if not negative.any():
            coefficients[live] = solved
            break
        amplitude[live[negative]] = 0.0
    return coefficients


def _solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solve symmetric equations by Cholesky: `numpy.linalg.solve` takes three times as long to begin."""
    _, solved, info = lapack.dposv(matrix, right, lower=1)
    return np.asarray(np.linalg.solve(matrix, right) if info else solved, dtype=np.float64)
