"""What a negative does not exclude: the share at which a substance would have been seen."""

from collections.abc import Sequence

import numpy as np

from .refset import ReferenceSet
from .search import Fit, Query, Term, basis_of, columns


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

    Closed form: a reference of area a adds a²·‖r⊥‖² to what the model explains, where r⊥ is
    its part orthogonal to everything in the model; it passes at a² = threshold · s² / ‖r⊥‖².

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
    n = max(query.points - fit.parameters - 4, 1)
    scale = (
        fit.rss / n + fit.allowance / max(query.points, 1) + 0.25 * query.noise_energy / max(query.points, 1)
    )
    basis = basis_of(query, references, fit)
    best: float | None = None
    for row in rows:
        seen = query.weight * columns(query, references, Term(row, 0.0, width))[0]
        apart = seen - basis.T @ (basis @ seen)
        energy = float(apart @ apart)
        if energy <= 1e-9 * float(seen @ seen) or energy == 0.0:
            continue
        area = float(np.sqrt(threshold * scale / energy))
        share = area / (area + total_area) if total_area + area > 0 else 1.0
        best = share if best is None else min(best, share)
    return best
