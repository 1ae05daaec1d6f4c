"""Views of a derivative spectrum in which members of a class look alike.

A class is compared in several views at once, each a row of unit length: bands themselves
(position and area), their derivative (position and shape), both with strong bands compressed,
so that a row is not its one or two strongest bands, and where the spectrum is busy at all.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from . import steps
from .values import FloatArray

#: Derivatives of a known part by which it may differ from the scan: itself, response slope,
#: shift and width, the columns of `spectra.search.columns`.
CORRECTIONS = 4

#: Singular values of known parts below this share of the largest are rounding, not directions.
RANK = 1e-3


def unit(rows: FloatArray) -> FloatArray:
    """Scale rows to unit length; a row of zeros stays one."""
    size = np.sqrt(np.einsum("...i,...i->...", rows, rows))[..., None]
    return np.asarray(rows / np.where(size > 0, size, 1.0))


def known_basis(known: FloatArray, weight: FloatArray) -> FloatArray:
    """Return an orthonormal basis of known parts and their small corrections.

    Parameters
    ----------
    known
        Derivatives of what a scan is known to hold, shape (k, n).
    weight
        1 where the scan was measured, 0 elsewhere, shape (n,).

    Returns
    -------
    ndarray
        Shape (r, n), r ≤ 4 k; empty without known parts.
    """
    parts = known[np.any(known != 0, axis=1)] if known.size else known
    if not parts.size:
        return np.zeros((0, weight.size))
    slope = np.linspace(-1.0, 1.0, weight.size) * parts
    shift = np.gradient(parts, axis=1)
    stack = unit(np.concatenate((parts, slope, shift, np.gradient(shift, axis=1))) * weight)
    _, size, right = np.linalg.svd(stack, full_matrices=False)
    return np.asarray(right[size > RANK * size[0]])


def without(rows: FloatArray, basis: FloatArray) -> FloatArray:
    """Return rows with the directions of an orthonormal basis taken out, shape as `rows`."""
    return np.asarray(rows - (rows @ basis.T) @ basis) if len(basis) else rows


def bands(rows: FloatArray) -> FloatArray:
    """Integrate derivatives back into bands around zero, a straight line taken off.

    The line from the first to the last point is what the derivative's mean integrates to; taken
    off, an offset of the derivative does no harm.
    """
    summed = np.cumsum(rows, axis=-1)
    slope = np.linspace(0.0, 1.0, rows.shape[-1])
    level = summed - summed[..., -1:] * slope
    return np.asarray(level - level.mean(axis=-1, keepdims=True))


def compressed(rows: FloatArray) -> FloatArray:
    """Return the signed square root."""
    return np.asarray(np.sign(rows) * np.sqrt(np.abs(rows)))


def activity(rows: FloatArray, *, fwhm_cm1: float, spacing: float) -> FloatArray:
    """Return where a row is busy: its amplitude without sign, averaged over a neighbourhood.

    A band may move within the neighbourhood, split, or turn its shape: members of a class share
    where they absorb more than exactly at which wavenumber.

    Parameters
    ----------
    fwhm_cm1
        Full width at half maximum of the neighbourhood, cm⁻¹; larger tolerates more and tells
        less apart.
    spacing
        Distance of the points, cm⁻¹.
    """
    return steps.broaden(np.abs(rows), fwhm=fwhm_cm1, spacing=spacing)


def centred(rows: FloatArray) -> FloatArray:
    """Return rows less their mean."""
    return np.asarray(rows - rows.mean(axis=-1, keepdims=True))


#: The views, by the name under which a model keeps them: functions of rows (m, n) of derivatives and of
#: the distance of their points, cm⁻¹. The neighbourhoods are about one and two bands of a solid wide.
VIEWS: Mapping[str, Callable[[FloatArray, float], FloatArray]] = MappingProxyType(
    {
        "bands": lambda rows, _: bands(rows),
        "compressed bands": lambda rows, _: compressed(bands(rows)),
        "derivative": lambda rows, _: rows,
        "compressed derivative": lambda rows, _: compressed(rows),
        "activity 16": lambda rows, spacing: activity(rows, fwhm_cm1=16.0, spacing=spacing),
        "activity 32": lambda rows, spacing: centred(np.sqrt(activity(rows, fwhm_cm1=32.0, spacing=spacing))),
        "curvature activity 16": lambda rows, spacing: activity(
            np.gradient(rows, axis=-1), fwhm_cm1=16.0, spacing=spacing
        ),
    }
)


def seen(rows: FloatArray, view: str, spacing: float) -> FloatArray:
    """Return rows in a view, each of unit length, shape (m, n)."""
    return unit(VIEWS[view](rows, spacing))


def typical(cosines: FloatArray) -> float:
    """Return the median distance 1 − cosine of different rows, the usual width of a Gaussian kernel.

    The median heuristic, for example Garreau, Jitkrittum and Kanagawa, arXiv:1707.07269 (2017).

    Parameters
    ----------
    cosines
        Scalar products of rows of unit length, shape (m, m).
    """
    pairs = cosines[np.tri(len(cosines), k=-1, dtype=bool)]
    return max(1.0 - float(np.median(pairs)), 1e-6) if pairs.size else 1.0
