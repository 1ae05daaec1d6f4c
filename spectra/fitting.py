"""Fitting references to a scan: amplitudes ≥ 0, each reference free to differ a little.

A term may differ from its reference by a little shift, width and intensity response, held near zero by
priors; larger shifts and widths are tried one by one (`SHIFTS`, `spectra.widths.WIDTHS`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np

from .least_squares import corrected, nonnegative
from .moving import moved
from .query import Query
from .refset import ReferenceSet
from .values import FloatArray
from .widths import WIDTHS

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


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """The columns of a model and their products: what is left to do for a fit does not depend on points."""

    terms: tuple[Term, ...]
    """The terms."""
    blocks: FloatArray
    """Their columns, unweighted, shape (terms, 4, n)."""
    weighted: FloatArray
    """The same, weighted, shape (terms · 4, n)."""
    gram: FloatArray
    """Products of weighted columns, shape (terms · 4, terms · 4)."""
    projected: FloatArray
    """Products of weighted columns with the weighted query, shape (terms · 4,)."""

    @classmethod
    def of(cls, query: Query, references: ReferenceSet, terms: Sequence[Term]) -> Self:
        """Lay out a model."""
        n = query.values.size
        blocks = np.zeros((len(terms), COLUMNS, n))
        for k, term in enumerate(terms):
            blocks[k] = columns(query, references, term)
        weighted = (blocks * query.weight).reshape(-1, n)
        projected = weighted @ (query.weight * query.values)
        return cls(tuple(terms), blocks, weighted, weighted @ weighted.T, projected)

    def beside(self, query: Query, term: Term, block: FloatArray) -> "Design":
        """Return the model with one more term, given its columns."""
        own = block * query.weight
        gram, projected = self._grown(own, query)
        return Design(
            (*self.terms, term),
            np.concatenate((self.blocks, block[None])),
            np.concatenate((self.weighted, own)),
            gram,
            projected,
        )

    def without(self, k: int) -> "Design":
        """Return the model without one of its terms."""
        kept = [i for i in range(len(self.terms)) if i != k]
        rows = [COLUMNS * i + j for i in kept for j in range(COLUMNS)]
        return Design(
            tuple(self.terms[i] for i in kept),
            self.blocks[kept],
            self.weighted[rows],
            self.gram[np.ix_(rows, rows)],
            self.projected[rows],
        )

    def fit(self, query: Query) -> Fit:
        """Fit the model: amplitudes ≥ 0, small corrections held near zero by their prior."""
        coefficients = _solved(self.terms, self.gram, self.projected)
        parts = np.einsum("kc,kcn->kn", coefficients, self.blocks)
        residual = query.weight * (query.values - parts.sum(axis=0))
        rss = float(residual @ residual)
        return Fit(self.terms, coefficients[:, 0].copy(), parts, residual, rss, len(self.gram))

    def try_beside(self, query: Query, term: Term, block: FloatArray) -> tuple[float, FloatArray]:
        """Return the amplitude that one more term would have, and the residual, as `beside` and `fit` do."""
        own = block * query.weight
        size = len(self.weighted)
        gram, projected = self._grown(own, query)
        coefficients = _solved((*self.terms, term), gram, projected)
        flat = coefficients.ravel()
        model = flat[:size] @ self.weighted + flat[size:] @ own
        return float(coefficients[-1, 0]), query.weight * query.values - model

    def _grown(self, own: FloatArray, query: Query) -> tuple[FloatArray, FloatArray]:
        """Return the products with those of more weighted columns."""
        size = len(self.weighted)
        gram = np.empty((size + COLUMNS, size + COLUMNS))
        gram[:size, :size] = self.gram
        gram[size:, :size] = own @ self.weighted.T
        gram[:size, size:] = gram[size:, :size].T
        gram[size:, size:] = own @ own.T
        return gram, np.concatenate((self.projected, own @ (query.weight * query.values)))


def _solved(terms: Sequence[Term], gram: FloatArray, projected: FloatArray) -> FloatArray:
    """Return the coefficients of a model's columns, shape (terms, 4).

    Amplitudes alone first, which scale the priors; then twice all of them together. A term whose amplitude
    would be negative is held at zero.
    """
    freedom = np.array([BLANK_FREEDOM if term.row < 0 else REFERENCE_FREEDOM for term in terms])
    freedom = freedom.reshape(-1, COLUMNS - 1)
    amplitude = nonnegative(gram[::COLUMNS, ::COLUMNS], projected[::COLUMNS])
    coefficients = np.zeros((len(terms), COLUMNS))
    for _ in range(2):
        coefficients = corrected(gram, projected, amplitude, freedom)
        amplitude = coefficients[:, 0]
    return coefficients


def fit_terms(query: Query, references: ReferenceSet, terms: Sequence[Term]) -> Fit:
    """Fit terms to the query; see `Design.fit`."""
    return Design.of(query, references, terms).fit(query)


def basis_of(
    query: Query,
    references: ReferenceSet,
    fit: Fit,
    *,
    main: bool = False,
    design: Design | None = None,
) -> FloatArray:
    """Return an orthonormal basis of a fit's weighted columns, shape (k, n).

    Parameters
    ----------
    main
        True for the terms themselves, without their corrections.
    design
        The fit's columns, where they are there already.
    """
    live = np.flatnonzero(fit.amplitudes > 0)
    if not live.size:
        return np.zeros((0, query.values.size))
    few = 1 if main else COLUMNS
    if design is not None:
        blocks = [design.blocks[k] for k in live]
    else:
        blocks = [columns(query, references, fit.terms[k]) for k in live]
    stack = np.concatenate([block[:few] for block in blocks]) * query.weight
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
