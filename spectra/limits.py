"""What a negative does not exclude: the share at which a substance would have been seen."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import uniform_filter1d

from .query import BAND_CM1
from .recipe import Features
from .refset import ReferenceSet
from .search import Fit, Query, Term, basis_of, columns, excess
from .select import RIVAL_MARGIN, RIVAL_SHARE, near_duplicates
from .values import FloatArray

#: By how much the square root of a statistic must lie above that of its threshold so that noise seldom hides
#: it: one standard deviation, which neighbouring points that move together make 2 instead of 1. Chosen.
SELDOM_HIDDEN = 2.0

#: Rivals may differ by shift, width and response as well, and then resemble more than side by side. Chosen.
RIVAL_FREEDOM = 1.2


def detectable_share(
    query: Query,
    references: ReferenceSet,
    fit: Fit,
    rows: Sequence[int],
    *,
    threshold: float,
    total_area: float,
    width: int,
) -> float | None:
    """Return the smallest share of spectral area at which a substance would pass its threshold.

    Closed form: a reference of area a adds Σ (a·r⊥)²/v to the statistic, where r⊥ is its part
    orthogonal to everything in the model and v what the scan leaves unexplained (`spectra.search.excess`);
    it passes at a² = threshold / Σ r⊥²/v, and in nearly all scans a little above.

    Parameters
    ----------
    rows
        References of the substance; the easiest to see counts.
    threshold
        Statistic to reach.
    total_area
        Area of what was fitted (counts · cm⁻¹).
    width
        Index of the extra width the instrument showed.

    Returns
    -------
    float or None
        Between 0 and 1; None without a usable reference.
    """
    worth = 1.0 / excess(query, fit.residual)
    basis = basis_of(query, references, fit)
    best: float | None = None
    others = _beside(query, references, basis, np.sqrt(worth), width)
    for row in rows:
        seen = query.weight * columns(query, references, Term(row, 0.0, width))[0]
        apart = seen - basis.T @ (basis @ seen)
        energy = float(worth @ apart**2)
        if energy <= 1e-9 * float(seen @ seen) or energy == 0.0:
            continue
        needed = max(threshold, _to_stand_out(references, row, np.sqrt(worth) * apart, others, width))
        area = (float(np.sqrt(needed)) + SELDOM_HIDDEN) / float(np.sqrt(energy))
        share = area / (area + total_area) if total_area + area > 0 else 1.0
        best = share if best is None else min(best, share)
    return best


def _beside(
    query: Query, references: ReferenceSet, basis: FloatArray, worth: FloatArray, width: int
) -> FloatArray:
    """Return what each reference of a set would add beside the model, shape (references, n)."""
    seen = references.rows[width] * query.weight
    return np.asarray((seen - (seen @ basis.T) @ basis) * worth)


def _to_stand_out(
    references: ReferenceSet, row: int, apart: FloatArray, others: FloatArray, width: int
) -> float:
    """Return the statistic at which a reference leaves every unlike one behind by the rivals' margin.

    A rival of squared cosine c² explains c² of what the reference adds; a large set is not asked.
    """
    mine = float(apart @ apart)
    sizes = np.einsum("ij,ij->i", others, others)
    alike = np.zeros(len(others))
    usable = sizes > 1e-9 * max(mine, 1e-300)
    alike[usable] = np.maximum(others[usable] @ apart, 0.0) ** 2 / (sizes[usable] * mine)
    alike[[r for r in references.same_answer(row) if r < alike.size]] = 0.0
    like = references.row(row, width)
    for rival in np.flatnonzero(alike > 0.5):
        if near_duplicates(like, references.row(int(rival), width), references.recipe.spacing):
            alike[rival] = 0.0
    most = min(float(np.max(alike, initial=0.0)), 1.0 - RIVAL_SHARE)
    return RIVAL_FREEDOM * RIVAL_MARGIN / (1.0 - most)


def measured_area(features: Features, spacing: float) -> float:
    """Return the area of the bands of a scan, as far as they stand out of its noise (counts · cm⁻¹).

    It counts what no reference explains too; averaged over a band, less two standard deviations of the noise.
    """
    window = max(1, round(BAND_CM1 / spacing))
    smooth = uniform_filter1d(features.corrected, window, mode="nearest")
    noise = 2.0 * features.sigma / np.sqrt(window)
    return float(np.sum(np.maximum(np.abs(smooth) - noise, 0.0))) * spacing
