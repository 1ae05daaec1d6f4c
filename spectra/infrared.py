"""Infrared spectra: units, and whether an ATR crystal is clean."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import grey_opening, uniform_filter1d

from .atmosphere import CO2_SIDES_CM1, WATER_BANDS_CM1, atmosphere_of
from .errors import SpectrumMismatch
from .infrared_units import absorbance_of, aligned_background, lit_part, transmittance_of
from .noise import noise_of
from .values import FloatArray, Spectrum, Technique

__all__ = [
    "CLEAN_LIMIT",
    "CrystalState",
    "absorbance_of",
    "aligned_background",
    "crystal_clean",
    "lit_part",
    "transmittance_of",
]

#: Residue that has to be seen on a crystal: a hundredth of the strongest band of a powder pressed on
#: diamond, 0.2 to 0.5. Chosen.
CLEAN_LIMIT = 0.005
#: Where residues are looked for, cm⁻¹: below it single-bounce diamond units are noisy, above it nothing
#: absorbs. Chosen.
CLEAN_RANGE_CM1 = (700.0, 3600.0)
#: Bands narrower than this count as noise or water lines, cm⁻¹; chosen, below the width of condensed matter.
SMOOTH_CM1 = 12.0
#: A background wider than this is the crystal's, not a residue's, cm⁻¹; chosen.
BASELINE_CM1 = 200.0
#: Standard deviations of the smoothed noise that a residue has to exceed; chosen.
SIGMAS = 5.0


@dataclass(frozen=True, slots=True)
class CrystalState:
    """How clean an ATR crystal is, judged from a spectrum of it without a sample."""

    clean: bool
    """True when no residue above the limit is there, and the noise would have let it be seen."""
    worst_cm1: float
    """Where the strongest band is, cm⁻¹."""
    worst_absorbance: float
    """Its height above the baseline, absorbance."""
    limit: float
    """Height at which a band counts as residue there, absorbance."""
    noise: float
    """Median noise of one channel, absorbance."""
    words: str
    """The judgement in a sentence."""


def crystal_clean(spectrum: Spectrum, *, limit: float = CLEAN_LIMIT) -> CrystalState:
    """Judge how clean an ATR crystal is.

    The spectrum is smoothed over `SMOOTH_CM1`, a baseline (opening over `BASELINE_CM1`) taken off, and its
    highest point within `CLEAN_RANGE_CM1` compared with the limit. The CO₂ band is left out; where water
    lines stand, the limit rises by what they leave after smoothing.

    Parameters
    ----------
    spectrum
        Absorbance of the bare crystal against a background of the same crystal.
    limit
        Absorbance of a band that counts as residue; larger lets more pass.

    Raises
    ------
    SpectrumMismatch
        No infrared spectrum, or it covers less than half of the range.
    """
    axis = spectrum.axis
    step = float(np.median(np.diff(axis)))
    low, high = CLEAN_RANGE_CM1
    inside = (axis >= low) & (axis <= high)
    covered = (min(high, axis[-1]) - max(low, axis[0])) / (high - low)
    if spectrum.technique is not Technique.FTIR or covered < 0.5 or step > SMOOTH_CM1:
        raise SpectrumMismatch(
            "only an infrared spectrum over most of 700–3600 cm⁻¹ can tell a clean crystal"
        )
    width = max(1, round(SMOOTH_CM1 / step))
    smooth = uniform_filter1d(spectrum.intensity, width, mode="nearest")
    height = smooth - grey_opening(smooth, size=(max(3, round(BASELINE_CM1 / step)),), mode="nearest")
    noise = noise_of(spectrum.intensity) if spectrum.noise is None else spectrum.noise
    # `grey_opening` follows the lowest of the noise, so that half the band of noise lies above it.
    allowed = limit + SIGMAS * noise / np.sqrt(width) + _water_left(spectrum)
    inside &= ~((axis >= CO2_SIDES_CM1[0][1]) & (axis <= CO2_SIDES_CM1[1][0] + SMOOTH_CM1))
    excess = np.where(inside, height - allowed, -np.inf)
    worst = int(np.argmax(excess))
    sees = float(np.median(allowed[inside])) <= 2 * limit
    return _judged(
        axis[worst], height[worst], allowed[worst], float(np.median(noise[inside])), excess[worst] <= 0, sees
    )


def _water_left(spectrum: Spectrum) -> FloatArray:
    """Return how high water lines can stand after smoothing, one number a channel."""
    state = atmosphere_of(spectrum)
    # Lines lie closer than the smoothing is wide: about half a line's height stays as a hump.
    left = 0.5 * abs(state.water) if state.water is not None else 0.0
    allowance = np.zeros(spectrum.axis.size)
    for low, high in WATER_BANDS_CM1:
        allowance[(spectrum.axis >= low) & (spectrum.axis <= high)] = left
    return allowance


def _judged(cm1: float, height: float, limit: float, noise: float, below: bool, sees: bool) -> CrystalState:
    if not below:
        words = f"residue: a band of {height:.4f} at {cm1:.0f} cm⁻¹ (limit {limit:.4f}); clean the crystal"
    elif not sees:
        words = f"too noisy to tell a clean crystal (noise {noise:.4f}): measure longer"
    else:
        words = f"clean: nothing above {limit:.4f}"
    return CrystalState(bool(below and sees), float(cm1), float(height), float(limit), noise, words)
