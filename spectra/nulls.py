"""Null tables: how large the statistic grows on substances that are not there.

Each draw sees up to three references through another instrument (shift, bent axis, width, response, noise,
fluorescence), half of them through a container whose blank is known (`spectra.null_scans`), fits what is
truly in it, and keeps the largest statistic of everything that is not. The table is what p-values are
counted against.

How large it grows depends on what limits the scan: where the noise does, chance alone counts; in a strong
scan it is the mismatch between instruments, and what it can imitate grows with the signal; behind a
container it is what the blank leaves. A p-value is therefore counted against the draws whose regime is
nearest (`spectra.query.Query.regime`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np

from .fitting import SHIFTS, Fit, Term, fit_terms, widths_index
from .null_scans import NullScan, simulated_scan
from .query import WITH_BLANK, Query
from .refset import ReferenceSet
from .search import basis_of, candidates, screen, statistic
from .values import FloatArray

#: Draws of a table unless said otherwise: each p-value counts against a fifth of them.
DRAWS = 6000

#: Share of the draws a p-value is counted against (chosen: the distribution changes little within it),
#: and the least number of them, where there are as many.
NEAREST, LEAST = 1.0 / 5.0, 200

#: Bins of the regimes whose medians say what is typical, least draws in one, and the smallest statistic that
#: counts there (chosen).
BINS, LEAST_IN_BIN, SMALLEST = 12, 50, 0.1

#: Absent references of a draw that are refitted exactly, best of the screen first (chosen).
REFITTED = 3


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class NullTable:
    """Largest statistics of absent substances, one per simulated scan."""

    maxima: FloatArray
    """Largest statistics, shape (draws,), in the order of `regimes`."""
    regimes: FloatArray
    """Regime of each scan (`spectra.query.Query.regime`), ascending, shape (draws,)."""
    seed: int
    """Seed of the simulation."""

    @property
    def count(self) -> int:
        """Number of draws a p-value is counted against."""
        return min(self.maxima.size, max(LEAST, round(self.maxima.size * NEAREST)))

    def near(self, regime: float) -> FloatArray:
        """Return the statistics of the draws nearest in regime, ascending, shape (count,).

        Each is scaled by what is typical of the regime asked about over what is of its own: statistics grow
        steadily with the share of noise, and the window is wide for the sake of rare ones.
        """
        # The nearest of a sorted list lie side by side: find the window whose farther end is nearest.
        starts = np.arange(self.maxima.size - self.count + 1)
        low, high = self.regimes[starts], self.regimes[starts + self.count - 1]
        best = int(np.argmin(np.maximum(regime - low, high - regime)))
        scaled = _scaled(self)[best : best + self.count]
        return np.sort(scaled * float(_typical(self, np.array([regime]))[0]))

    def p_value(self, statistic: float, regime: float) -> float:
        """Return the share of like null scans at least as extreme, never below 1/(count + 1)."""
        table = self.near(regime)
        above = table.size - int(np.searchsorted(table, statistic, side="left"))
        return (1 + above) / (table.size + 1)

    def threshold(self, rate: float, regime: float) -> float:
        """Return the statistic whose p-value is at most a rate.

        Raises
        ------
        ValueError
            The table is too small to test the rate.
        """
        table = self.near(regime)
        allowed = int(np.floor(rate * (table.size + 1) + 1e-9)) - 1
        if allowed < 0:
            raise ValueError(f"{table.size} null scans cannot test a rate of {rate}")
        return float(np.nextafter(table[table.size - 1 - allowed], np.inf))


#: Draws over what is typical of their regimes, and what is typical, of tables that were asked before.
_SCALED: WeakKeyDictionary[NullTable, FloatArray] = WeakKeyDictionary()
_TYPICAL: WeakKeyDictionary[NullTable, dict[bool, tuple[FloatArray, FloatArray]]] = WeakKeyDictionary()


def _scaled(table: NullTable) -> FloatArray:
    known = _SCALED.get(table)
    if known is None:
        known = _SCALED[table] = table.maxima / _typical(table, table.regimes)
    return known


def _typical(table: NullTable, regimes: FloatArray) -> FloatArray:
    """Return the typical statistic of regimes, shape (m,)."""
    known = _TYPICAL.get(table)
    if known is None:
        known = _TYPICAL[table] = {blank: _medians(table, blank=blank) for blank in (False, True)}
    result = np.ones(regimes.size)
    for blank, (places, heights) in known.items():
        asked = (regimes >= WITH_BLANK) == blank
        if places.size and asked.any():
            result[asked] = np.exp(np.interp(regimes[asked], places, heights))
    return result


def _medians(table: NullTable, *, blank: bool) -> tuple[FloatArray, FloatArray]:
    """Return regimes and logarithms of what is typical there: medians over bins of equal counts.

    Scans with and without a blank are never mixed; a table too small for bins is taken as one (no medians).
    """
    mine = (table.regimes >= WITH_BLANK) == blank
    bins = min(BINS, int(np.count_nonzero(mine)) // LEAST_IN_BIN)
    places, heights = [], []
    if bins >= 2:
        ends = np.quantile(table.regimes[mine], np.linspace(0.0, 1.0, bins + 1))
        for low, high in pairwise(ends):
            inside = mine & (table.regimes >= low) & (table.regimes <= high)
            places.append(float(np.median(table.regimes[inside])))
            heights.append(float(np.log(np.median(np.maximum(table.maxima[inside], SMALLEST)))))
    return np.array(places), np.array(heights)


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
    maxima, shares = np.empty(draws), np.empty(draws)
    for i, child in enumerate(np.random.SeedSequence(seed).spawn(draws)):
        scan = simulated_scan(references, np.random.default_rng(child))
        maxima[i], shares[i] = largest_absent(scan, references), scan.query.regime
        if advance is not None:
            advance(1.0)
    return ordered_table(maxima, shares, seed)


def ordered_table(maxima: FloatArray, regimes: FloatArray, seed: int) -> NullTable:
    """Return a table of draws in any order."""
    order = np.argsort(regimes, kind="stable")
    maxima, regimes = maxima[order], regimes[order]
    maxima.setflags(write=False)
    regimes.setflags(write=False)
    return NullTable(maxima, regimes, seed)


def largest_absent(scan: NullScan, references: ReferenceSet) -> float:
    """Return the largest statistic of a reference that a scan does not hold, given all it holds."""
    query, container = scan.query, [] if scan.container is None else [scan.container]
    truth = best_terms(query, references, list(scan.rows))
    same = frozenset[int]().union(*(references.same_answer(row) for row in (*scan.rows, *container)))
    best = 0.0
    for term, _ in candidates(query, references, truth, shifts=SHIFTS, without=sorted(same))[:REFITTED]:
        trial = fit_terms(query, references, [*truth.terms, term])
        best = max(best, statistic(query, truth, trial))
    return best


def best_terms(query: Query, references: ReferenceSet, rows: list[int]) -> Fit:
    """Fit the blank and references known to be present, each at its best shift and width, in turn."""
    fit = fit_terms(query, references, [Term(-1, 0.0, 0)] if query.blank is not None else [])
    for row in rows:
        only = references.subset([row])
        basis = basis_of(query, references, fit)
        scores = screen(query, only, fit, shifts=SHIFTS, widths=widths_index(), basis=basis)
        i, j, _ = np.unravel_index(int(scores.argmax()), scores.shape)
        fit = fit_terms(query, references, [*fit.terms, Term(row, SHIFTS[int(i)], int(j))])
    return fit
