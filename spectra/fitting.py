"""Fitting references to a scan: amplitudes ≥ 0, each reference free to differ a little.

A term may differ from its reference by a little shift, width and intensity response, held near zero by
priors; larger shifts and widths are tried one by one (`SHIFTS`, `spectra.refset.WIDTHS`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from .moving import moved
from .query import Query
from .refset import WIDTHS, ReferenceSet
from .values import FloatArray

#: Axis errors that are fitted, cm⁻¹; larger ones are refused.
SHIFTS = tuple(float(s) for s in range(-4, 5))

#: Standard deviations allowed to the small corrections of a component: response slope over
#: half the range, shift (cm⁻¹) and half the change of the line's variance (cm⁻²); chosen.
REFERENCE_FREEDOM = (0.2, 0.6, 6.0)
BLANK_FREEDOM = (0.05, 0.3, 2.0)

#: Columns of a term: itself, response slope, shift and width.
COLUMNS = 4


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
    residual: FloatArray
    """What the model leaves, weighted, shape (n,)."""
    rss: float
    """Weighted residual energy."""
    parameters: int
    """Number of columns."""


def columns(query: Query, references: ReferenceSet, term: Term) -> FloatArray:
    """Return a term's columns, unweighted: itself, response slope, shift and width, shape (4, n)."""
    if term.row < 0:
        base = query.blank if query.blank is not None else np.zeros_like(query.values)
    else:
        base = references.row(term.row, term.width)
    if term.shift:
        base = moved(base, term.shift / query.spacing)
    made = np.empty((COLUMNS, base.size))
    made[0] = base
    made[1] = _ramp(base.size) * base
    steeper = _gradient(base, query.spacing)
    made[2] = -steeper
    made[3] = _gradient(steeper, query.spacing)
    return made


@cache
def _ramp(n: int) -> FloatArray:
    """Return a straight line from −1 to 1 over n points."""
    ramp = np.linspace(-1.0, 1.0, n)
    ramp.setflags(write=False)
    return ramp


def _gradient(values: FloatArray, spacing: float) -> FloatArray:
    """Return central differences per cm⁻¹, one-sided at the ends."""
    made = np.empty_like(values)
    made[1:-1] = (values[2:] - values[:-2]) / (2.0 * spacing)
    made[0] = (values[1] - values[0]) / spacing
    made[-1] = (values[-1] - values[-2]) / spacing
    return made


def fit_terms(query: Query, references: ReferenceSet, terms: Sequence[Term]) -> Fit:
    """Fit terms to the query: amplitudes ≥ 0, small corrections held near zero by their prior.

    Two passes: amplitudes alone first, which scale the priors of the second. A term whose
    amplitude would be negative is held at zero.
    """
    if not terms:
        rest = query.weight * query.values
        return Fit((), np.zeros(0), np.zeros((0, rest.size)), rest, float(rest @ rest), 0)
    blocks = [columns(query, references, term) for term in terms]
    target = query.weight * query.values
    main = np.stack([block[0] for block in blocks]) * query.weight
    amplitude = _nonnegative(main, target)
    coefficients = np.zeros((len(terms), COLUMNS))
    for _ in range(2):
        amplitude, coefficients = _corrected(query, terms, blocks, amplitude, target)
    parts = np.stack([c @ block for c, block in zip(coefficients, blocks, strict=True)])
    residual = target - query.weight * parts.sum(axis=0)
    rss = float(residual @ residual)
    return Fit(tuple(terms), amplitude, parts, residual, rss, COLUMNS * len(terms))


def _corrected(
    query: Query,
    terms: Sequence[Term],
    blocks: Sequence[FloatArray],
    amplitude: FloatArray,
    target: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Solve once with corrections under priors scaled by the last amplitudes."""
    live = [i for i in range(len(blocks)) if amplitude[i] > 0]
    coefficients = np.zeros((len(blocks), COLUMNS))
    if not live:
        return amplitude, coefficients
    design = np.concatenate([blocks[i] for i in live]) * query.weight
    penalty = np.zeros(design.shape[0])
    for k, i in enumerate(live):
        freedom = BLANK_FREEDOM if terms[i].row < 0 else REFERENCE_FREEDOM
        penalty[COLUMNS * k + 1 : COLUMNS * (k + 1)] = [1.0 / (amplitude[i] * f) for f in freedom]
    gram = design @ design.T + np.diag(penalty**2)
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0] = 1.0
    gram = gram / np.outer(scale, scale) + 1e-10 * np.eye(scale.size)
    solution = np.linalg.solve(gram, design @ target / scale) / scale
    solved = solution.reshape(-1, COLUMNS)
    negative = solved[:, 0] <= 0
    if negative.any():
        reduced = amplitude.copy()
        reduced[np.array(live)[negative]] = 0.0
        return _corrected(query, terms, blocks, reduced, target)
    coefficients[live] = solved
    result = np.zeros_like(amplitude)
    result[live] = solved[:, 0]
    return result, coefficients


def _nonnegative(rows: FloatArray, target: FloatArray) -> FloatArray:
    """Least squares of few rows with amplitudes ≥ 0, by leaving out what would be negative."""
    scale = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    live = np.flatnonzero(scale > 0)
    gram, projected = rows @ rows.T, rows @ target
    result = np.zeros(len(rows))
    while live.size:
        size = np.outer(scale[live], scale[live])
        inner = gram[np.ix_(live, live)] / size + 1e-10 * np.eye(live.size)
        solved = np.linalg.solve(inner, projected[live] / scale[live])
        if (solved > 0).all():
            result[live] = solved / scale[live]
            break
        live = live[solved > 0]
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
