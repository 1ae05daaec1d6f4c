"""Is an axis right? The bands of a spectrum against the known bands of its substance."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spectra import steps
from spectra.moving import moved
from spectra.recipe import Recipe
from spectra.values import FloatArray

from .known_bands import KnownBands

#: Furthest axis error looked for, cm⁻¹: one handheld seen was off by 40.
FURTHEST = 40.0
#: Largest shift that is fitted by the search, cm⁻¹ (`spectra.fitting.SHIFTS`); more is suspicious.
SUSPICIOUS = 4.0
#: Squared cosine with the rendered bands from which the substance counts as recognised. Chosen: measured
#: spectra of the substance reach 0.5 to 1, strangers stay mostly below 0.2.
RECOGNISED = 0.25
#: With fewer bands than the first, the whole must agree as well as the second for a shift to count. Chosen.
FEWEST, SURE = 3, 0.6
#: Bands below this share of the strongest are not used, nor those with such a neighbour too near. Chosen.
LEAST_HEIGHT, NEIGHBOUR = 0.1, 0.3
#: A band is looked for this far from where it should be after the common shift, cm⁻¹. Chosen.
REACH = 8.0
#: Median absolute deviation of a normal variable over its standard deviation.
_MAD = 0.6744897501960817


@dataclass(frozen=True, slots=True)
class AxisCheck:
    """What a comparison with known bands says."""

    likeness: float
    """Squared cosine of the derivatives of spectrum and rendered bands, at the best shift."""
    shift: float
    """Median of found minus known position, cm⁻¹; the best common shift where no band was found."""
    spread: float | None
    """Robust standard deviation of the single shifts, cm⁻¹; None for fewer than three bands."""
    matched: int
    """Bands found."""
    known: int
    """Bands looked for."""

    @property
    def recognised(self) -> bool:
        """Whether the spectrum shows the bands at all."""
        return self.likeness >= RECOGNISED

    @property
    def suspicious(self) -> bool:
        """Whether the axis is off, by a constant or not."""
        sure = self.matched >= FEWEST or self.likeness >= SURE
        apart = self.spread is not None and self.spread > SUSPICIOUS
        return sure and (abs(self.shift) > SUSPICIOUS or apart)


def check_axis(
    axis: FloatArray, values: FloatArray, corrected: FloatArray, known: Iterable[KnownBands], recipe: Recipe
) -> AxisCheck | None:
    """Compare a prepared spectrum with the known bands of its substance.

    First the common shift: the rendered bands are moved by up to `FURTHEST` to where their derivative
    agrees best with the spectrum's. Then each strong, separate band: the top of the spectrum nearest to
    its place, by a parabola through three points.

    Parameters
    ----------
    axis
        Even axis, cm⁻¹, shape (n,).
    values, corrected
        Derivative, and intensity without background, shape (n,).
    known
        Sets of known bands (several forms); the set that fits best counts.
    recipe
        The recipe `values` went through.

    Returns
    -------
    AxisCheck or None
        None where nothing is known within the axis.
    """
    checks = [one for bands in known if (one := _against(axis, values, corrected, bands, recipe))]
    return max(checks, key=lambda one: one.likeness, default=None)


def _against(
    axis: FloatArray, values: FloatArray, corrected: FloatArray, bands: KnownBands, recipe: Recipe
) -> AxisCheck | None:
    full = _template(bands, recipe)
    first = round((axis[0] - recipe.grid()[0]) / recipe.spacing)
    reach = round(FURTHEST / recipe.spacing)
    scores = np.zeros(2 * reach + 1)
    size = float(values @ values)
    for place, points in enumerate(range(-reach, reach + 1)):
        template = moved(full, float(points))[first : first + axis.size]
        energy = float(template @ template) * size
        inner = max(float(template @ values), 0.0)
        scores[place] = inner**2 / energy if energy > 0 else 0.0
    if not scores.any():
        return None
    best = int(np.argmax(scores))
    coarse = (best - reach) * recipe.spacing
    wanted = _usable(bands, axis, coarse)
    found = np.array([_top(axis, corrected, centre + coarse) - centre for centre in wanted])
    shifts = found[np.isfinite(found)]
    spread = float(np.median(np.abs(shifts - np.median(shifts)))) / _MAD if shifts.size >= 3 else None
    shift = float(np.median(shifts)) if shifts.size else coarse
    return AxisCheck(float(scores[best]), shift, spread, int(shifts.size), len(wanted))


@lru_cache(maxsize=512)
def _template(bands: KnownBands, recipe: Recipe) -> FloatArray:
    """Return the derivative of the rendered bands (Gaussians) on the recipe's full axis."""
    grid = recipe.grid()
    distance = (grid[:, None] - bands.centre) / bands.fwhm
    rendered = np.exp(-4.0 * np.log(2.0) * distance**2) @ bands.height
    options = recipe.settings("derivative") or {}
    return steps.derivative(rendered, spacing=recipe.spacing, **options)


def _usable(bands: KnownBands, axis: FloatArray, shift: float) -> FloatArray:
    """Return the positions of strong bands with no strong neighbour, inside the axis."""
    apart = np.abs(bands.centre[:, None] - bands.centre) < 1.5 * np.maximum(bands.fwhm[:, None], REACH)
    rival = bands.height >= NEIGHBOUR * bands.height[:, None]
    np.fill_diagonal(apart, val=False)
    alone = ~(apart & rival).any(axis=1)
    inside = (bands.centre + shift > axis[0] + REACH) & (bands.centre + shift < axis[-1] - REACH)
    return np.asarray(bands.centre[(bands.height >= LEAST_HEIGHT) & alone & inside], dtype=np.float64)


def _top(axis: FloatArray, corrected: FloatArray, place: float) -> float:
    """Return where the spectrum has its top near a place, cm⁻¹; NaN where it has none there."""
    near = np.flatnonzero(np.abs(axis - place) <= REACH)
    if near.size < 3:
        return float("nan")
    top = int(near[np.argmax(corrected[near])])
    if top in (near[0], near[-1]) or corrected[top] <= 0:
        return float("nan")
    low, high, right = corrected[top - 1 : top + 2]
    bend = low - 2 * high + right
    offset = 0.5 * (low - right) / bend if bend < 0 else 0.0
    return float(axis[top] + offset * (axis[1] - axis[0]))
