"""Corrections a host may make to raw counts: nonlinearity, and the level of pixels that see no light.

Pure functions; drivers apply them only when a setting asks for it, since the record holds what the detector
saw.
"""

from collections.abc import Sequence

import numpy as np

from spectra.values import FloatArray, frozen_array

from ..errors import ProtocolError

#: First and last pixel of a range, both in it.
PixelRange = tuple[int, int]


def dark_level(counts: FloatArray, ranges: Sequence[PixelRange]) -> float:
    """Return the mean of the pixels that see no light, counts; 0 where there are none.

    Parameters
    ----------
    counts
        Raw counts, shape (pixels,).
    ranges
        First and last pixel of each range, inclusive.
    """
    blind = [counts[first : last + 1] for first, last in ranges]
    return float(np.mean(np.concatenate(blind))) if blind else 0.0


def dark_corrected(counts: FloatArray, ranges: Sequence[PixelRange]) -> FloatArray:
    """Return counts above the level of the dark pixels, shape (pixels,), read-only; may be below zero."""
    return frozen_array(counts - dark_level(counts, ranges), name="counts")


def nonlinearity_corrected(
    counts: FloatArray, dark: float | FloatArray, coefficients: Sequence[float]
) -> FloatArray:
    """Return counts as a linear detector would have given them.

    The counts above the dark are divided by the polynomial Σ cᵢ xⁱ of those same counts, and the dark is put
    back (python-seabreeze, ``spectrometers.py``, ``intensities``).

    Parameters
    ----------
    counts
        Raw counts, shape (pixels,).
    dark
        Dark level, one number or one for each pixel, counts.
    coefficients
        Coefficients of the device, the constant one first.

    Returns
    -------
    FloatArray
        Corrected counts, shape (pixels,), read-only.

    Raises
    ------
    ProtocolError
        The polynomial is not above zero everywhere: these are no coefficients of a detector.
    """
    if not coefficients:
        raise ProtocolError("no nonlinearity coefficients: no correction")
    signal = counts - dark
    response = np.polynomial.polynomial.polyval(signal, np.asarray(coefficients, dtype=np.float64))
    if not np.isfinite(response).all() or (response <= 0).any():
        raise ProtocolError(f"nonlinearity coefficients {list(coefficients)} give no correction")
    return frozen_array(signal / response + dark, name="counts")
