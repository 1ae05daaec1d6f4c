"""Axes: pixels to wavelength, wavelength to Raman shift."""

from collections.abc import Sequence

import numpy as np

from .errors import AxisError, ValueRangeError
from .values import FloatArray

#: Below this Raman shift the edge filter hides the spectrum and the laser's own line can fill the
#: detector, cm⁻¹.
EDGE_CM1 = 150.0


def polynomial_axis(coefficients: Sequence[float], pixels: int) -> FloatArray:
    """Return the wavelength of each pixel, Σ cᵢ·pⁱ, nm.

    Parameters
    ----------
    coefficients
        c₀ (nm), c₁ (nm/pixel), …; as Ocean Optics devices keep them (OBP 0x00180101).
    pixels
        Number of pixels; the first has p = 0.

    Raises
    ------
    AxisError
        No coefficients, or an axis that is not ascending.
    """
    if not len(coefficients) or pixels < 2:
        raise AxisError("an axis needs coefficients and at least two pixels")
    axis = np.polynomial.polynomial.polyval(
        np.arange(pixels, dtype=np.float64), np.asarray(coefficients, float)
    )
    if not np.isfinite(axis).all() or not (np.diff(axis) > 0).all():
        raise AxisError("these wavelength coefficients give no ascending axis")
    return np.asarray(axis, dtype=np.float64)


def raman_shift(wavelength_nm: FloatArray, laser_nm: float) -> FloatArray:
    """Return the Raman shift of wavelengths, 10⁷·(1/λ₀ − 1/λ), cm⁻¹ (same medium for both).

    Raises
    ------
    ValueRangeError
        A wavelength or laser line that is not positive.
    """
    if laser_nm <= 0 or (np.asarray(wavelength_nm) <= 0).any():
        raise ValueRangeError("wavelengths must be positive")
    return np.asarray(1e7 * (1.0 / laser_nm - 1.0 / np.asarray(wavelength_nm)), dtype=np.float64)


def wavelength_of(shift_cm1: FloatArray, laser_nm: float) -> FloatArray:
    """Return the wavelength (nm) at which a Raman shift (cm⁻¹) appears; inverse of `raman_shift`."""
    return np.asarray(1.0 / (1.0 / laser_nm - np.asarray(shift_cm1) * 1e-7), dtype=np.float64)
