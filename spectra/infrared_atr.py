"""How deep an ATR crystal looks into a sample, and what that does to a spectrum.

Below total reflection the field falls off within the depth of penetration,
d = 1 / (2π·ν·n₁·√(sin²θ − (n₂/n₁)²)) (N. J. Harrick, *Internal Reflection Spectroscopy*, 1967). For a sample
whose index n₂ is the same everywhere, depth and effective thickness are both inversely proportional to the
wavenumber ν: bands at low wavenumbers come out stronger than in transmission, and one factor, ν over a
reference wavenumber, makes up for it. At strong bands, where n₂ varies, it takes
`spectra.infrared_fresnel`.
"""

import numpy as np

from .errors import ValueRangeError
from .values import FloatArray

#: Refractive index of diamond in the middle infrared, 2.38 (F. Peter, Z. Phys. 15 (1923) 358).
DIAMOND_INDEX = 2.38
#: Refractive index of organic powders and liquids, the usual assumption where it is not known.
ORGANIC_INDEX = 1.5


def penetration_um(
    wavenumber_cm1: FloatArray,
    *,
    crystal_index: float = DIAMOND_INDEX,
    sample_index: float = ORGANIC_INDEX,
    angle_deg: float = 45.0,
) -> FloatArray:
    """Return the depth at which the field of an ATR crystal has fallen to 1/e, µm.

    Parameters
    ----------
    wavenumber_cm1
        Wavenumbers, cm⁻¹, > 0.
    crystal_index, sample_index
        Refractive indices of crystal and sample.
    angle_deg
        Angle of incidence from the normal of the crystal's face, degrees; larger looks less deep.

    Raises
    ------
    ValueRangeError
        No total reflection at that angle, or a wavenumber that is not positive.
    """
    root = np.sin(np.radians(angle_deg)) ** 2 - (sample_index / crystal_index) ** 2
    if not (root > 0 and 0 < angle_deg < 90 and np.min(wavenumber_cm1) > 0):
        raise ValueRangeError(
            f"no total reflection at {angle_deg:g}° between indices {crystal_index:g} and {sample_index:g}, "
            "or a wavenumber that is not positive"
        )
    return np.asarray(1e4 / (2 * np.pi * crystal_index * np.sqrt(root) * np.asarray(wavenumber_cm1)))


def atr_factor(axis: FloatArray, *, reference_cm1: float = 1000.0) -> FloatArray:
    """Return what ATR absorbance is multiplied by to have the heights of transmission, shape of ``axis``.

    Parameters
    ----------
    axis
        Wavenumber, cm⁻¹, > 0.
    reference_cm1
        Wavenumber that keeps its height, cm⁻¹.

    Raises
    ------
    ValueRangeError
        A wavenumber that is not positive.
    """
    if not (reference_cm1 > 0 and np.min(axis) > 0):
        raise ValueRangeError("an ATR correction needs wavenumbers above zero")
    return np.asarray(axis / reference_cm1, dtype=np.float64)
