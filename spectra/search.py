"""Generalized likelihood-ratio search: what a scan holds beyond what is already known.

The query (a derivative spectrum) is modelled as the blank, accepted references and a
candidate, each free to differ from the measured one by a little shift, width and
intensity response. A candidate is judged by how much it explains beyond the model without
it, over the remaining noise and an allowance for the mismatch between instruments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from .recipe import Features
from .refset import WIDTHS, ReferenceSet
from .values import FloatArray

#: Axis errors that are fitted, cm⁻¹; larger ones are refused.
SHIFTS = tuple(float(s) for s in range(-4, 5))

#: Relative amplitude by which a fitted spectrum may differ from the true one after shift, width
#: and response were fitted, in the statistic. The mismatch between two instruments is not white:
#: it gathers in a few bands, so one wrong candidate can take up several times its mean share.
#: Both numbers were chosen, looking at open SiG-785 scans against WP-785 references, where true
#: pairs leave a root mean square of about 0.05 to 0.25; they await instruments not looked at.
MISMATCH_REFERENCE = 0.25
MISMATCH_BLANK = 0.05

#: Standard deviations allowed to the small corrections of a component: response slope over
#: half the range, shift (cm⁻¹) and half the change of the line's variance (cm⁻²); chosen.
REFERENCE_FREEDOM = (0.2, 0.6, 6.0)
BLANK_FREEDOM = (0.05, 0.3, 2.0)


#: Share of a reference's energy that must lie outside the model's span for it to be tested.
COLLINEAR = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A prepared scan and blank on the full axis of a reference set, weighted."""

    values: FloatArray
    """Derivative of the query, shape (n,), zero where not measured."""
    blank: FloatArray | None
    """Derivative of the blank, shape (n,); None without one."""
    weight: FloatArray
    """Square root of the relative weight of each point, zero where not measured."""
    blank_area: float
    """Area of the blank after its baseline (counts · cm⁻¹); 0 without one."""
    noise_energy: float
    """Expected Σ (weight · noise)², the energy noise alone leaves in any residual."""
    spacing: float
    """Distance of the points, cm⁻¹."""

    @property
    def energy(self) -> float:
        """Σ (weight · value)²."""
        return float(np.sum((self.weight * self.values) ** 2))

    @property
    def points(self) -> int:
        """Number of measured points."""
        return int(np.count_nonzero(self.weight))


@dataclass(frozen=True, slots=True)
class Term:
    """A reference as it stands in a model."""

    row: int
    """Row of the reference set; −1 for the blank."""
    shift: float
    """By how much the reference was moved, cm⁻¹."""
    width: int
    """Index of the extra width in `WIDTHS`."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted model."""

    terms: tuple[Term, ...]
    """Its terms."""
    amplitudes: FloatArray
    """Area of each term (counts · cm⁻¹), shape (terms,)."""
    parts: FloatArray
    """Fitted contribution of each term to the query, unweighted, shape (terms, n)."""
    rss: float
    """Weighted residual energy."""
    allowance: float
    """Weighted energy of the mismatch to be expected of its parts."""
    parameters: int
    """Number of columns."""


def make_query(features: Features, references: ReferenceSet, *, blank: Features | None = None) -> Query:
    """Place a prepared scan (and its blank) on the axis of a reference set and weigh it.

    The weights follow the noise, flattened by its mean so that a few quiet channels do not
    decide alone.
    """
    n = references.axis.size
    values, weight = np.zeros(n), np.zeros(n)
    here = slice(features.first, features.first + features.axis.size)
    values[here] = features.values
    variance = features.variance + float(np.mean(features.variance))
    total = variance + MISMATCH_REFERENCE**2 * float(np.mean(features.values**2))
    weight[here] = 1.0 / np.sqrt(total)
    weight /= np.sqrt(np.mean(weight[here] ** 2))
    laid, blank_area = None, 0.0
    if blank is not None:
        blank_area = float(np.sum(np.abs(blank.corrected))) * references.recipe.spacing
        laid = np.zeros(n)
        laid[blank.first : blank.first + blank.axis.size] = blank.values
        covered = np.zeros(n, dtype=bool)
        covered[blank.first : blank.first + blank.axis.size] = True
        weight[~covered] = 0.0
    noise = np.zeros(n)
    noise[here] = features.variance
    return Query(
        values, laid, weight, blank_area, float(np.sum(weight**2 * noise)), references.recipe.spacing
    )


def columns(query: Query, references: ReferenceSet, term: Term) -> FloatArray:
    """Return a term's columns, unweighted: itself, response slope, shift and width, shape (4, n)."""
    if term.row < 0:
        base = query.blank if query.blank is not None else np.zeros_like(query.values)
    else:
        base = references.rows[term.width, term.row]
    if term.shift:
        base = moved(base, term.shift / query.spacing)
    slope = np.linspace(-1.0, 1.0, base.size) * base
    steeper = np.gradient(base, query.spacing)
    return np.stack((base, slope, -steeper, np.gradient(steeper, query.spacing)))


def fit_terms(query: Query, references: ReferenceSet, terms: Sequence[Term]) -> Fit:
    """Fit terms to the query: amplitudes ≥ 0, small corrections held near zero by their prior.

    Two passes: amplitudes alone first, which scale the priors of the second. A term whose
    amplitude would be negative is held at zero.
    """
    if not terms:
        return Fit((), np.zeros(0), np.zeros((0, query.values.size)), query.energy, 0.0, 0)
    blocks = [columns(query, references, term) for term in terms]
    target = query.weight * query.values
    main = np.stack([block[0] for block in blocks]) * query.weight
    amplitude = _nonnegative(main, target)
    spread = np.sqrt(max(query.energy * 1e-4, query.noise_energy) / max(query.points, 1))
    for _ in range(2):
        amplitude, coefficients = _corrected(query, terms, blocks, amplitude, spread, target)
    parts = np.stack([c @ block for c, block in zip(coefficients, blocks, strict=True)])
    fitted = parts.sum(axis=0)
    residual = target - query.weight * fitted
    return Fit(
        tuple(terms),
        amplitude,
        parts,
        float(residual @ residual),
        _allowance(query, terms, parts),
        4 * len(terms),
    )


def _allowance(query: Query, terms: Sequence[Term], parts: FloatArray) -> float:
    """Return the weighted energy by which parts may miss the truth."""
    energies = np.sum((query.weight * parts) ** 2, axis=1)
    relative = [MISMATCH_BLANK if term.row < 0 else MISMATCH_REFERENCE for term in terms]
    return float(np.square(relative) @ energies)


def _corrected(
    query: Query,
    terms: Sequence[Term],
    blocks: Sequence[FloatArray],
    amplitude: FloatArray,
    spread: float,
    target: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Solve once with corrections under priors scaled by the last amplitudes."""
    live = [i for i in range(len(blocks)) if amplitude[i] > 0]
    coefficients = np.zeros((len(blocks), 4))
    if not live:
        return amplitude, coefficients
    design = np.concatenate([blocks[i] for i in live]) * query.weight
    penalty = np.zeros(design.shape[0])
    for k, i in enumerate(live):
        freedom = BLANK_FREEDOM if terms[i].row < 0 else REFERENCE_FREEDOM
        penalty[4 * k + 1 : 4 * k + 4] = [spread / (amplitude[i] * f) for f in freedom]
    gram = design @ design.T + np.diag(penalty**2)
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0] = 1.0
    gram = gram / np.outer(scale, scale) + 1e-10 * np.eye(scale.size)
    solution = np.linalg.solve(gram, design @ target / scale) / scale
    solved = solution.reshape(-1, 4)
    negative = solved[:, 0] <= 0
    if negative.any():
        reduced = amplitude.copy()
        reduced[np.array(live)[negative]] = 0.0
        return _corrected(query, terms, blocks, reduced, spread, target)
    coefficients[live] = solved
    result = np.zeros_like(amplitude)
    result[live] = solved[:, 0]
    return result, coefficients


def _nonnegative(rows: FloatArray, target: FloatArray) -> FloatArray:
    """Non-negative least squares with few rows, by dropping negatives (active set, monotone)."""
    scale = np.linalg.norm(rows, axis=1)
    scale[scale == 0] = 1.0
    return np.asarray(nnls((rows / scale[:, None]).T, target)[0] / scale)


def statistic(query: Query, before: Fit, after: Fit) -> float:
    """How much a model explains beyond another, over noise and mismatch.

    (RSS₀ − RSS₁) / s² with s² = RSS₁/(n − p) + allowance/n: the F ratio of the
    residual drop with an allowance for what two instruments never agree on.
    """
    n = max(query.points - after.parameters, 1)
    floor = query.noise_energy / max(query.points, 1) * 0.25
    scale = after.rss / n + after.allowance / max(query.points, 1) + floor
    return max(before.rss - after.rss, 0.0) / scale if scale > 0 else 0.0


def screen(
    query: Query,
    references: ReferenceSet,
    null: Fit,
    *,
    shifts: Sequence[float],
    widths: Sequence[int],
    basis: FloatArray | None = None,
) -> FloatArray:
    """Score every reference at every shift and width with one matrix product each.

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
    basis = basis_of(query, references, null) if basis is None else basis
    rest = weighted - basis.T @ (basis @ weighted)
    rss = float(rest @ rest)
    # Moving the residual, the basis and the weights the other way spares moving every reference.
    pack = np.stack(
        [moved(np.concatenate((rest[None], basis)) * query.weight, -s / query.spacing) for s in shifts]
    )
    weights = np.stack([np.maximum(moved(query.weight**2, -s / query.spacing), 0.0) for s in shifts])
    rows = references.rows[widths[0] : widths[-1] + 1]
    shape = (len(widths), len(references.entries), len(shifts))
    flat = rows.reshape(-1, rows.shape[-1])
    inner = (flat @ pack.reshape(-1, rows.shape[-1]).T).reshape(*shape, -1)
    size = (references.squares[widths[0] : widths[-1] + 1].reshape(flat.shape) @ weights.T).reshape(shape)
    apart = size - np.einsum("wrsk,wrsk->wrs", inner[..., 1:], inner[..., 1:])
    drop = np.maximum(inner[..., 0], 0.0) ** 2 / np.maximum(apart, 1e-300)
    # What lies (nearly) in the span of the model adds nothing; its quotient is rounding noise.
    drop = np.where(apart > COLLINEAR * size, np.minimum(drop, rss), 0.0)
    allowed = null.allowance + MISMATCH_REFERENCE**2 * drop
    n = max(query.points - null.parameters - 1, 1)
    scale = (rss - drop) / n + allowed / max(query.points, 1)
    return np.asarray((drop / np.maximum(scale, 1e-300)).transpose(2, 0, 1))


def moved(rows: FloatArray, by: float) -> FloatArray:
    """Return rows moved to the right by a number of points, zeros flowing in.

    Cubic Lagrange interpolation between the four nearest points.

    Parameters
    ----------
    rows
        Shape (..., n).
    by
        Points, any fraction; negative moves to the left.
    """
    whole = int(np.floor(by))
    d = 1.0 - (by - whole)
    taps: tuple[tuple[float, int], ...] = ((1.0, 1),)
    if d < 1.0:
        taps = (
            (-d * (d - 1) * (d - 2) / 6, -1),
            ((d + 1) * (d - 1) * (d - 2) / 2, 0),
            (-(d + 1) * d * (d - 2) / 2, 1),
            ((d + 1) * d * (d - 1) / 6, 2),
        )
    n = rows.shape[-1]
    result = np.zeros_like(rows)
    for tap, offset in taps:
        start = offset - whole - 1
        low, high = max(0, -start), min(n, n - start)
        if low < high:
            result[..., low:high] += tap * rows[..., low + start : high + start]
    return result


def basis_of(query: Query, references: ReferenceSet, fit: Fit) -> FloatArray:
    """Return an orthonormal basis of a fit's weighted main parts and their corrections, (k, n)."""
    live = [t for t, a in zip(fit.terms, fit.amplitudes, strict=True) if a > 0]
    if not live:
        return np.zeros((0, query.values.size))
    stack = np.concatenate([columns(query, references, term) for term in live]) * query.weight
    stack = stack / np.maximum(np.linalg.norm(stack, axis=1, keepdims=True), 1e-300)
    _, size, right = np.linalg.svd(stack, full_matrices=False)
    return np.asarray(right[size > 1e-6 * size[0]])


def areas(query: Query, fit: Fit) -> FloatArray:
    """Return the spectral area of each term (counts · cm⁻¹), shape (terms,)."""
    unit = np.array([query.blank_area if term.row < 0 else 1.0 for term in fit.terms])
    return np.asarray(fit.amplitudes * unit)


def widths_index() -> tuple[int, ...]:
    """Return the index of every extra width."""
    return tuple(range(len(WIDTHS)))
