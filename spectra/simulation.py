"""Simulated scans of mixtures: raw references added by share, seen through another instrument.

What is made here is a raw spectrum, so that the whole way of a scan (noise estimate, recipe, search,
decision) works on it. It is simulated and says so in its history: it comes from the very references a method
searches, so it tests the method, not what real samples and containers do.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline

from . import steps
from .axis import raman_shift, wavelength_of
from .errors import SpectrumMismatch, ValueRangeError
from .recipe import MIN_COVERAGE, default_recipe, prepare
from .references import ReferenceEntry
from .values import FloatArray, Spectrum, Technique, check_ascending, frozen_array

#: Height of the strongest band: counts of a Raman scan (chosen), absorbance of an infrared one.
HEIGHT = {Technique.RAMAN: 10_000.0, Technique.FTIR: 1.0}

#: Distance of a simulated detector's channels, cm⁻¹ (chosen: 700 to 1000 of them over the fingerprint range,
#: as handhelds have), and how far it looks beyond the recipe's range on each side.
CHANNEL, MARGIN = 2.0, 50.0

#: Excitation assumed where the references do not say theirs, nm.
LASER_NM = 785.0

#: Points between which broadening is worked out, cm⁻¹; fine beside the narrowest bands (about 5 cm⁻¹).
_FINE = 0.5

_TOLERANCE = 1e-6


def mix(
    entries: Sequence[ReferenceEntry],
    shares: Sequence[float],
    *,
    axis: FloatArray,
    snr: float,
    extra_fwhm: float = 0.0,
    shift: float = 0.0,
    fluorescence: float = 0.0,
    rng: np.random.Generator,
) -> Spectrum:
    """Simulate a scan of a mixture.

    The references are added as they were measured, backgrounds included; a *share* is a fraction of the area
    that is left after the baseline of the technique's default recipe, on the part of `axis` the recipe uses.

    Parameters
    ----------
    entries
        References of one technique, before any recipe.
    shares
        One for each, 0 to 1, together 1.
    axis
        The simulated detector's channels, cm⁻¹, ascending, shape (n,); every reference must cover it.
    snr
        Height of the mixture's strongest band after the baseline, over the standard deviation of the
        noise where there is no fluorescence; above 0, infinite for no noise.
    extra_fwhm
        Full width at half maximum of the Gaussian that everything is broadened by, cm⁻¹, 0 to 50.
    shift
        By how much all bands appear too high, cm⁻¹, −50 to 50.
    fluorescence
        Highest point of a smooth background over the strongest band's height, ≥ 0; Raman only. Its noise
        is shot noise, on the footing that the noise at the strongest band was shot noise: the variance
        grows by the factor 1 + background / height.
    rng
        Source of the noise and of the background's shape.

    Returns
    -------
    Spectrum
        Intensities over `axis`, the strongest band `HEIGHT` high, without a noise of its own, so that
        the noise has to be estimated from it as for any file.

    Raises
    ------
    ValueRangeError
        No references, shares that are none, or another number out of its range.
    SpectrumMismatch
        References of several techniques, a reference that does not cover `axis`, or an axis of which the
        recipe can use too little.
    """
    axis = frozen_array(axis, name="axis")
    check_ascending(axis, name="axis")
    technique = _checked(entries, shares, axis, snr, extra_fwhm, shift, fluorescence)
    amounts, height = _amounts(entries, shares, axis, extra_fwhm)
    scale = HEIGHT[technique] / height
    clean = np.zeros(axis.size)
    for entry, amount in zip(entries, amounts, strict=True):
        if amount > 0:
            clean += scale * amount * _seen(entry.spectrum, axis, extra_fwhm, shift)
    background = np.zeros(axis.size)
    if fluorescence > 0:
        background = fluorescence * HEIGHT[technique] * fluorescence_curve(axis, rng)
    sigma = HEIGHT[technique] / snr * np.sqrt(1.0 + background / HEIGHT[technique])
    widths = [entry.spectrum.resolution_cm1 for entry in entries]
    sharpest = [width for width in widths if width is not None]
    return Spectrum(
        axis=axis,
        intensity=clean + background + sigma * rng.standard_normal(axis.size),
        technique=technique,
        laser_nm=entries[0].spectrum.laser_nm,
        resolution_cm1=float(np.hypot(max(sharpest), extra_fwhm)) if len(sharpest) == len(widths) else None,
        history=(_label(entries, shares, snr, extra_fwhm, shift, fluorescence),),
    )


def detector_axis(entries: Sequence[ReferenceEntry]) -> FloatArray:
    """Return the channels of a detector that sees what all these references cover, cm⁻¹.

    Evenly spaced in wavelength for Raman, as pixels behind a grating are, about `CHANNEL` apart;
    evenly spaced in wavenumber for FTIR.

    Raises
    ------
    ValueRangeError
        No references.
    SpectrumMismatch
        They share less than half of the recipe's range.
    """
    if not entries:
        raise ValueRangeError("a simulated scan needs at least one reference")
    recipe = default_recipe(entries[0].technique)
    grid = recipe.grid()
    low = max(float(grid[0]) - MARGIN, *(float(entry.spectrum.axis[0]) for entry in entries))
    high = min(float(grid[-1]) + MARGIN, *(float(entry.spectrum.axis[-1]) for entry in entries))
    if np.count_nonzero((grid >= low) & (grid <= high)) < MIN_COVERAGE * grid.size:
        raise SpectrumMismatch(f"references together cover {low:.0f}–{high:.0f} cm⁻¹: too little to simulate")
    count = round((high - low) / CHANNEL) + 1
    if entries[0].technique is not Technique.RAMAN:
        return np.linspace(low, high, count)
    laser = entries[0].spectrum.laser_nm or LASER_NM
    ends = wavelength_of(np.array([low, high]), laser)
    # rounding must not carry the ends beyond what was measured
    return np.clip(raman_shift(np.linspace(ends[0], ends[1], count), laser), low, high)


def fluorescence_curve(axis: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a broad background, highest point 1: three Gaussians 800 to 3000 cm⁻¹ wide (FWHM), drawn.

    No structure narrower than that, as fluorescence in solution and powders is seen near 785 nm (chosen).
    """
    span = float(axis[-1] - axis[0])
    centres = rng.uniform(axis[0] - 0.5 * span, axis[-1] + 0.5 * span, size=(3, 1))
    sigmas = rng.uniform(800.0, 3000.0, size=(3, 1)) / steps.FWHM_PER_SIGMA
    heights = rng.uniform(0.2, 1.0, size=(3, 1))
    curve = np.sum(heights * np.exp(-0.5 * ((axis - centres) / sigmas) ** 2), axis=0)
    return np.asarray(curve / curve.max())


def _checked(
    entries: Sequence[ReferenceEntry],
    shares: Sequence[float],
    axis: FloatArray,
    snr: float,
    extra_fwhm: float,
    shift: float,
    fluorescence: float,
) -> Technique:
    """Refuse what cannot be mixed, and return the technique."""
    if not entries or len(entries) != len(shares):
        raise ValueRangeError(f"{len(shares)} shares for {len(entries)} references")
    if not all(0.0 <= share <= 1.0 for share in shares) or abs(sum(shares) - 1.0) > _TOLERANCE:
        raise ValueRangeError(f"shares must be 0 to 1 and together 1, got {list(shares)}")
    if not snr > 0 or not 0.0 <= extra_fwhm <= 50.0 or not -50.0 <= shift <= 50.0:
        raise ValueRangeError(f"no scan of SNR {snr}, broadened by {extra_fwhm} and shifted by {shift} cm⁻¹")
    technique = entries[0].technique
    if not 0.0 <= fluorescence < np.inf or (fluorescence and technique is not Technique.RAMAN):
        raise ValueRangeError(f"a fluorescence of {fluorescence} × the signal cannot be added to {technique}")
    for entry in entries:
        measured = entry.spectrum.axis
        if entry.technique is not technique:
            raise SpectrumMismatch(f"{entry.reference_id} is {entry.technique}, others are {technique}")
        if axis[0] < measured[0] - _TOLERANCE or axis[-1] > measured[-1] + _TOLERANCE:
            raise SpectrumMismatch(
                f"{entry.reference_id} covers {measured[0]:.0f}–{measured[-1]:.0f} cm⁻¹, "
                f"the simulated detector {axis[0]:.0f}–{axis[-1]:.0f}"
            )
    return technique


def _amounts(
    entries: Sequence[ReferenceEntry], shares: Sequence[float], axis: FloatArray, extra_fwhm: float
) -> tuple[list[float], float]:
    """Return by how much each reference is multiplied, and the height of the sum's strongest band."""
    recipe = default_recipe(entries[0].technique)
    grid = recipe.grid()
    inside = (grid >= axis[0]) & (grid <= axis[-1])
    if np.count_nonzero(inside) < MIN_COVERAGE * grid.size:
        raise SpectrumMismatch(f"an axis of {axis[0]:.0f}–{axis[-1]:.0f} cm⁻¹ lacks what {recipe.name} needs")
    bands = [_bands(entry)[inside] for entry in entries]
    areas = [float(np.sum(np.abs(band))) * recipe.spacing for band in bands]
    if min(areas) <= 0:
        raise ValueRangeError("a reference has no bands in the range: it has no share")
    amounts = [share / area for share, area in zip(shares, areas, strict=True)]
    summed = np.asarray(amounts) @ np.stack(bands)
    return amounts, float(np.max(steps.broaden(summed, fwhm=extra_fwhm, spacing=recipe.spacing)))


@lru_cache(maxsize=1024)
def _bands(entry: ReferenceEntry) -> FloatArray:
    """Return a reference after the baseline of its default recipe, on that recipe's axis (else 0)."""
    recipe = default_recipe(entry.technique)
    features = prepare(entry.spectrum, recipe)
    bands = np.zeros(recipe.grid().size)
    bands[features.first : features.first + features.axis.size] = features.corrected
    bands.setflags(write=False)
    return bands


def _seen(spectrum: Spectrum, axis: FloatArray, extra_fwhm: float, shift: float) -> FloatArray:
    """Return a reference on another axis, broadened and moved; beyond its ends the last value goes on."""
    x, y = spectrum.axis, spectrum.intensity
    if extra_fwhm > 0:
        fine = np.linspace(x[0], x[-1], round((x[-1] - x[0]) / _FINE) + 1)
        spacing = float(fine[1] - fine[0])
        x, y = fine, steps.broaden(CubicSpline(x, y)(fine), fwhm=extra_fwhm, spacing=spacing)
    return np.asarray(CubicSpline(x, y)(np.clip(axis - shift, x[0], x[-1])))


def _label(
    entries: Sequence[ReferenceEntry],
    shares: Sequence[float],
    snr: float,
    extra_fwhm: float,
    shift: float,
    fluorescence: float,
) -> str:
    parts = [f"{share:.3g} {entry.substance.name}" for entry, share in zip(entries, shares, strict=True)]
    return (
        f"SIMULATED: {' + '.join(parts)}; SNR {snr:g}, broadened by {extra_fwhm:g} cm⁻¹, "
        f"shifted by {shift:+.2f} cm⁻¹, fluorescence {fluorescence:g} × the strongest band"
    )
