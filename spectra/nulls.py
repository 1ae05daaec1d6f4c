"""Null tables: how large the search statistic grows on substances that are not there.

Each draw mixes one or two references, sees them through another instrument (shift, bent
axis, width, response, noise), fits what is truly in it, and keeps the largest statistic of
everything that is not. The table is what p-values are counted against.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import steps
from .refset import ReferenceSet
from .search import SHIFTS, Fit, Query, Term, basis_of, fit_terms, screen, statistic, widths_index
from .values import FloatArray

#: Draws of a table unless said otherwise: enough to test a rate of 0.01 (floor 1/401).
DRAWS = 400

#: How far simulated instruments differ from those of the references: shift and bend (cm⁻¹,
#: uniform ±), response slope (SD), ripple of relative band intensities (SD; it changes over
#: about 60 cm⁻¹), SNR of the strongest band (log-uniform). All are chosen to be
#: as wide as handhelds are expected to differ; none was measured on a set of instruments.
SHIFT, BEND, SLOPE, RIPPLE, SNR = 2.0, 1.0, 0.15, 0.10, (10.0, 1000.0)


@dataclass(frozen=True, slots=True, eq=False)
class NullTable:
    """Largest statistics of absent substances, one per simulated scan."""

    maxima: FloatArray
    """Sorted ascending, shape (draws,)."""
    seed: int
    """Seed of the simulation."""

    def p_value(self, statistic: float) -> float:
        """Return the share of null scans at least as extreme, never below 1/(n+1)."""
        above = self.maxima.size - int(np.searchsorted(self.maxima, statistic, side="left"))
        return (1 + above) / (self.maxima.size + 1)

    def threshold(self, rate: float) -> float:
        """Return the statistic whose p-value is at most a rate.

        Raises
        ------
        ValueError
            The table is too small to test the rate.
        """
        allowed = int(np.floor(rate * (self.maxima.size + 1))) - 1
        if allowed < 0:
            raise ValueError(f"{self.maxima.size} null scans cannot test a rate of {rate}")
        return float(np.nextafter(self.maxima[self.maxima.size - 1 - allowed], np.inf))


def simulate_null(
    references: ReferenceSet,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    advance: Callable[[float], None] | None = None,
) -> NullTable:
    """Build the null table of a reference set.

    Parameters
    ----------
    references
        What the method will search.
    draws
        Number of simulated scans.
    seed
        Seed; the same seed, references and software give the same table.
    advance
        Told of each draw done, for a progress bar.
    """
    rng = np.random.default_rng(seed)
    maxima = np.empty(draws)
    for i in range(draws):
        maxima[i] = _one_null(references, rng)
        if advance is not None:
            advance(1.0)
    maxima.sort()
    maxima.setflags(write=False)
    return NullTable(maxima, seed)


def _one_null(references: ReferenceSet, rng: np.random.Generator) -> float:
    count = int(rng.integers(1, 3))
    rows = rng.choice(len(references.entries), size=min(count, len(references.entries)), replace=False)
    shares = rng.dirichlet(np.full(rows.size, 1.5))
    sharp = sum(
        s * foreign_instrument(references.rows[0, r], references, rng)
        for s, r in zip(shares, rows, strict=True)
    )
    query = noisy_query(np.asarray(sharp), references, rng, snr=float(np.exp(rng.uniform(*np.log(SNR)))))
    truth = best_terms(query, references, [int(r) for r in rows])
    same = frozenset[int]().union(*(references.same_answer(int(r)) for r in rows))
    scores = screen(query, references, truth, shifts=SHIFTS, widths=widths_index())
    scores[:, :, sorted(same)] = 0.0
    best = 0.0
    for row in np.argsort(-scores.max(axis=(0, 1)))[:3]:
        i, j = np.unravel_index(int(scores[:, :, row].argmax()), scores.shape[:2])
        trial = fit_terms(query, references, [*truth.terms, Term(int(row), SHIFTS[int(i)], int(j))])
        best = max(best, statistic(query, truth, trial))
    return best


def foreign_instrument(row: FloatArray, references: ReferenceSet, rng: np.random.Generator) -> FloatArray:
    """Return a reference's derivative as another instrument would have measured it."""
    spacing = references.recipe.spacing
    u = np.linspace(-1.0, 1.0, row.size)
    moved = rng.uniform(-SHIFT, SHIFT) + rng.uniform(-BEND, BEND) * u**2
    seen = np.interp(references.axis - moved, references.axis, row)
    ripple = steps.broaden(rng.standard_normal(row.size), fwhm=60.0, spacing=spacing)
    ripple *= RIPPLE / max(float(np.std(ripple)), 1e-12)
    seen = seen * (1.0 + rng.normal(0.0, SLOPE) * u) * np.maximum(1.0 + ripple, 0.1)
    return steps.broaden(seen, fwhm=float(rng.uniform(0.0, 16.0)), spacing=spacing)


def noisy_query(
    values: FloatArray, references: ReferenceSet, rng: np.random.Generator, *, snr: float
) -> Query:
    """Add white detector noise, seen through the recipe's derivative, to a clean derivative."""
    recipe = references.recipe
    intensity = np.cumsum(values) * recipe.spacing
    sigma = float(np.ptp(intensity)) / snr
    options = recipe.parameters("derivative")
    noise = steps.derivative(sigma * rng.standard_normal(values.size), spacing=recipe.spacing, **options)
    energy = float(np.sum(noise**2))
    return Query(values + noise, None, np.ones(values.size), 0.0, energy, recipe.spacing)


def best_terms(query: Query, references: ReferenceSet, rows: list[int]) -> Fit:
    """Fit references known to be present, each at its best shift and width, one after another."""
    fit = fit_terms(query, references, [])
    for row in rows:
        only = references_subset(references, row)
        scores = screen(
            query, only, fit, shifts=SHIFTS, widths=widths_index(), basis=basis_of(query, references, fit)
        )
        i, j, _ = np.unravel_index(int(scores.argmax()), scores.shape)
        fit = fit_terms(query, references, [*fit.terms, Term(row, SHIFTS[int(i)], int(j))])
    return fit


def references_subset(references: ReferenceSet, row: int) -> ReferenceSet:
    """Return a reference set of a single row."""
    return ReferenceSet(
        (references.entries[row],),
        references.recipe,
        references.axis,
        references.rows[:, row : row + 1],
        references.squares[:, row : row + 1],
    )
