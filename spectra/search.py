"""Generalized likelihood-ratio search: what a scan holds beyond what is already known.

The query (a derivative spectrum) is modelled as the blank, accepted references and a candidate. A candidate
is judged by how much it explains beyond the model without it, over what noise and mismatch leave anyway:
twice the logarithm of the likelihood ratio of two models with Gaussian errors of known variance, with the
variance raised where a fit leaves more than expected.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .fitting import (
    SHIFTS,
    Design,
    Fit,
    Term,
    areas,
    basis_of,
    columns,
    fit_terms,
    widths_index,
)
from .moving import moved
from .query import BAND_CM1, Query, make_query, weigh
from .refset import ReferenceSet
from .screening import Screening
from .values import FloatArray

__all__ = [
    "SHIFTS",
    "Fit",
    "Query",
    "Term",
    "areas",
    "basis_of",
    "begin",
    "candidates",
    "columns",
    "excess",
    "fit_terms",
    "make_query",
    "moved",
    "screen",
    "statistic",
    "weigh",
    "widths_index",
]

#: By how much, at most, noise may have been taken for too large, as a share of its variance. Chosen:
#: estimates from differences of channels were up to a quarter too large on open scans.
NOISE_SLACK = 0.4

#: References of a large set that are screened at every width, best first (chosen: the exact winner was among
#: the first few in all trials).
REFINED = 24

#: Threads of the screen of a large set; the result does not depend on their number. Chosen.
WORKERS = 2

#: Share of a reference's energy that must lie outside the model's span for it to be tested.
COLLINEAR = 1e-4


def excess(query: Query, residual: FloatArray) -> FloatArray:
    """Return the variance weighted residuals are judged against at each point, shape (n,).

    The weights make the expected variance 1. Where a fit leaves more, something unknown is there, and
    what a candidate explains in that place is worth less; elsewhere it is worth as much as ever, so that
    unknown content hides only what lies under it. A fit that leaves less everywhere has shown that the
    noise was taken for too large, as far as the scan is limited by noise; for the rest it has met a like
    instrument, which is no evidence.
    """
    window = max(1, round(BAND_CM1 / query.spacing))
    left = float(residual @ residual) / max(query.points, 1)
    least = min(max(left, 1.0 - NOISE_SLACK * query.noise_share), 1.0)
    # `scipy.ndimage.uniform_filter1d` in a tenth of the time it takes for so few points
    sums = np.convolve(residual**2, np.full(window, 1.0 / window))
    first = window - 1 - window // 2
    return np.maximum(sums[first : first + residual.size], least)


def statistic(query: Query, before: Fit, after: Fit) -> float:
    """How much a model explains beyond another, over what it leaves unexplained.

    Σ (r₀² − r₁²) / v of the weighted residuals r, with v of `excess` of the larger model's.
    """
    return gain(query, before.residual, after.residual)


def gain(query: Query, before: FloatArray, after: FloatArray) -> float:
    """Return the `statistic` of two models by their weighted residuals."""
    return max(float(np.sum((before**2 - after**2) / excess(query, after))), 0.0)


def screen(
    query: Query,
    references: ReferenceSet,
    null: Fit,
    *,
    shifts: Sequence[float],
    widths: Sequence[int],
    basis: FloatArray | None = None,
) -> FloatArray:
    """Score every reference at every shift and width with one matrix product each, in single precision.

    Parameters
    ----------
    null
        The model so far; its residual and the directions of its terms are projected out.
    basis
        `basis_of` the model, where its terms belong to another (larger) reference set.

    Returns
    -------
    ndarray
        Approximate statistic, shape (shifts, widths, references).
    """
    weighted = query.weight * query.values
    if not shifts or not references.entries:
        return np.zeros((len(shifts), len(widths), len(references.entries)))
    basis = basis_of(query, references, null) if basis is None else basis
    rest = weighted - basis.T @ (basis @ weighted)
    rss = float(rest @ rest)
    # Scores do not depend on the scale of weights and residual; single precision does.
    weight = query.weight / max(float(np.max(query.weight)), 1e-300)
    vectors = np.concatenate((rest[None] / max(np.sqrt(rss), 1e-300), basis)) * weight
    # Moving the residual, the basis and the weights the other way spares moving every reference.
    moves = [-shift / query.spacing for shift in shifts]
    pack = np.stack([moved(vectors, by) for by in moves]).astype(np.float32)
    weights = np.stack([np.maximum(moved(weight**2, by), 0.0) for by in moves]).astype(np.float32)
    chosen, n = slice(widths[0], widths[-1] + 1), weighted.size
    shape = (len(widths), len(references.entries), len(shifts))
    inner = (references.single[chosen].reshape(-1, n) @ pack.reshape(-1, n).T).reshape(*shape, -1)
    size = (references.squares[chosen].reshape(-1, n) @ weights.T).reshape(shape)
    apart = size - np.einsum("wrsk,wrsk->wrs", inner[..., 1:], inner[..., 1:])
    # What lies (nearly) in the span of the model adds nothing; its quotient is rounding noise.
    firm = apart > COLLINEAR * size
    share = np.maximum(inner[..., 0], 0.0) ** 2 / np.where(firm, apart, 1.0)
    drop = np.where(firm, np.minimum(share, 1.0), 0.0).astype(np.float64) * rss
    scale = np.maximum((rss - drop) / max(query.points - null.parameters - 1, 1), 1.0)
    return np.asarray((drop / scale).transpose(2, 0, 1))


def begin(
    query: Query,
    references: ReferenceSet,
    null: Fit,
    shifts: Sequence[float],
    *,
    among: npt.NDArray[np.int64] | None = None,
    basis: FloatArray | None = None,
    design: Design | None = None,
) -> Screening | None:
    """Begin the screening of a large set; None for a small one, which is screened whole every time.

    The residual is that of the whole model; references are freed of its main columns only, which takes a
    third of the time: what they share with small corrections of shift, width and response is small.

    Parameters
    ----------
    among
        Rows that are screened, all by default; the screening's rows are then places in it.
    basis, design
        `basis_of` the model, and its columns, where they are known already.
    """
    if references.index is None or not shifts:
        return None
    index = references.index if among is None else references.index.only(among)
    basis = basis_of(query, references, null, design=design) if basis is None else basis
    main = basis_of(query, references, null, main=True, design=design)
    weighted = query.weight * query.values
    return index.begin(weighted, query.weight, basis, shifts, query.spacing, main=main, workers=WORKERS)


def beyond(
    begun: Screening, query: Query, references: ReferenceSet, term: Term, shifts: Sequence[float]
) -> Screening:
    """Go on with the screening of a large set after a term has entered the model."""
    added = columns(query, references, term) * query.weight
    return begun.beyond(added, main=1, shifts=shifts, workers=WORKERS)


def candidates(
    query: Query,
    references: ReferenceSet,
    null: Fit,
    *,
    shifts: Sequence[float],
    without: Sequence[int],
    begun: Screening | None = None,
    best: npt.NDArray[np.int64] | None = None,
    among: npt.NDArray[np.int64] | None = None,
    design: Design | None = None,
) -> list[tuple[Term, float]]:
    """Return the references that explain most beyond a model, best first, each at its best shift and width.

    A large set is screened at one width; what explains most there is screened at all.

    Parameters
    ----------
    null
        The model so far.
    shifts
        Shifts tried, cm⁻¹.
    without
        Rows that are not wanted.
    begun
        The screening of a large set beyond the same model, where there is one already.
    best
        The rows that explain most in it, best first, where they are known already.
    among
        Rows of a large set that are looked at, without those that are not wanted; all by default.
    design
        The model's columns, where they are there already.

    Returns
    -------
    list of Term and float
        At most `REFINED` of a large set, with their approximate statistic.
    """
    if not shifts:
        return []
    rows, few = np.arange(len(references.entries)), references
    basis = basis_of(query, references, null, design=design)
    found = begun or begin(query, references, null, shifts, among=among, basis=basis, design=design)
    if found is not None:
        if best is not None:
            rows = best[:REFINED]
        elif among is not None:
            rows = among[found.top(REFINED).rows]
        else:
            rows = found.top(REFINED, without=without).rows
        few, without = references.subset(rows.tolist()), ()
    scores = screen(query, few, null, shifts=shifts, widths=widths_index(), basis=basis)
    scores[:, :, list(without)] = 0.0
    highest = scores.max(axis=(0, 1))
    order = [int(place) for place in np.argsort(-highest) if highest[place] > 0]
    made = []
    for place in order:
        i, j = np.unravel_index(int(scores[:, :, place].argmax()), scores.shape[:2])
        made.append((Term(int(rows[place]), shifts[int(i)], int(j)), float(highest[place])))
    return made
