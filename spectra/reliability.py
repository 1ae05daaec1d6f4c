"""How far a method's p-values can be believed: simulated scans of known truth, none in its null table.

Two questions. On scans all of whose content is known, is the p-value of everything else uniform, and
is the promised rate kept? And among scans with and without one more substance, in what share of
those of about one p-value is the best candidate really there? All of it is simulated, and says so;
panels of measured scans (`opioscan validate`) ask the same of the world.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .fitting import SHIFTS, fit_terms
from .null_scans import simulated_scan
from .nulls import REFITTED, best_terms, largest_absent
from .query import Query
from .refset import ReferenceSet
from .search import candidates, statistic
from .validation import clopper_pearson
from .values import FloatArray

#: Upper edges of the bins of p-values (chosen: about three a decade).
EDGES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

#: Simulated scans of each kind, with and without an unknown substance, unless said otherwise
#: (chosen: at 600 the exact interval of a true rate of 0.01 is 0.004 to 0.022).
DRAWS = 600

#: Key of this simulation's random streams: apart from the null table's whatever the seed.
SEED_APART = 0x52454C49


@dataclass(frozen=True, slots=True)
class Bin:
    """Scans whose leading candidate had a p-value above the bin before and at most ``upto``."""

    upto: float
    """Upper edge of the p-values, 0 to 1."""
    scans: int
    """Scans in the bin; half of all scans had an unknown substance."""
    true: int
    """Those in which the leading candidate was really there."""

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95 % interval of the share that is true."""
        return clopper_pearson(self.true, self.scans)


@dataclass(frozen=True, slots=True)
class Reliability:
    """How one technique of a method did on simulated scans of known truth."""

    rate: float
    """False alarms promised."""
    absent: int
    """Simulated scans all of whose content was known."""
    false: int
    """Those of them whose p-value was at most `rate`."""
    distance: float
    """Largest distance of their p-values from uniform (Kolmogorov and Smirnov), 0 to 1."""
    at_most: tuple[int, ...]
    """Those of them whose p-value was at most each of `EDGES`."""
    bins: tuple[Bin, ...]
    """Scans with and without an unknown substance, by the p-value of the leading candidate."""
    seed: int
    """Seed of the simulation, whose streams are apart from those of the null table."""

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95 % interval of the rate of false alarms."""
        return clopper_pearson(self.false, self.absent)

    def to_json(self) -> dict[str, Any]:
        """Return the table as JSON values."""
        low, high = self.interval
        return {
            "simulated": True,
            "promised_rate": self.rate,
            "absent_scans": self.absent,
            "false_alarms": self.false,
            "observed_rate": self.false / self.absent,
            "observed_rate_interval": [low, high],
            "uniformity_distance": self.distance,
            "seed": self.seed,
            "curve": [
                {"p_value": edge, "rate": k / self.absent, "interval": list(clopper_pearson(k, self.absent))}
                for edge, k in zip(EDGES, self.at_most, strict=True)
            ],
            "bins": [
                {"p_value_upto": b.upto, "scans": b.scans, "true": b.true, "interval": list(b.interval)}
                for b in self.bins
            ],
        }


def reliability(
    references: ReferenceSet,
    p_value: Callable[[float, float], float],
    *,
    rate: float,
    draws: int = DRAWS,
    seed: int = 0,
    advance: Callable[[float], None] | None = None,
) -> Reliability:
    """Simulate scans of known truth and see what p-values say about them.

    Parameters
    ----------
    references
        What the method searches.
    p_value
        From a statistic and the scan's noise share to the method's p-value.
    rate
        False alarms promised, 0 to 1.
    draws
        Scans of which all content is known, and as many of which one substance is not.
    seed
        Seed of the method's fit; this simulation runs on other streams of it.
    advance
        Told of each scan done, for a progress bar.
    """
    nulls, found = np.empty(draws), []
    for i, (one, other) in enumerate(zip(_streams(seed, draws, 0), _streams(seed, draws, 1), strict=True)):
        scan = simulated_scan(references, one)
        nulls[i] = p_value(largest_absent(scan, references), scan.query.regime)
        found += [(float(nulls[i]), False), _with_unknown(references, p_value, other)]
        if advance is not None:
            advance(2.0)
    return Reliability(
        rate=rate,
        absent=draws,
        false=int(np.count_nonzero(nulls <= rate)),
        distance=uniform_distance(np.sort(nulls)),
        at_most=tuple(int(np.count_nonzero(nulls <= edge)) for edge in EDGES),
        bins=_binned(found),
        seed=seed,
    )


def _streams(seed: int, draws: int, which: int) -> Iterator[np.random.Generator]:
    """Return a generator for each draw; the null table's streams have no such key."""
    for child in np.random.SeedSequence(seed, spawn_key=(SEED_APART, which)).spawn(draws):
        yield np.random.default_rng(child)


def uniform_distance(p_values: FloatArray) -> float:
    """Return the Kolmogorov–Smirnov distance of p-values, sorted ascending, from the uniform distribution.

    ``max |F(p) − p|``, F being the share of values at most p; 1 without any.
    """
    n = p_values.size
    if n == 0:
        return 1.0
    steps = np.arange(n + 1) / n
    return float(max(np.max(steps[1:] - p_values), np.max(p_values - steps[:-1]), 0.0))


def _binned(found: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    place = np.searchsorted(EDGES, [p for p, _ in found], side="left")
    true = np.array([one for _, one in found], dtype=bool)
    return tuple(
        Bin(edge, int(np.count_nonzero(place == k)), int(np.count_nonzero(true[place == k])))
        for k, edge in enumerate(EDGES)
    )


def _with_unknown(
    references: ReferenceSet, p_value: Callable[[float, float], float], rng: np.random.Generator
) -> tuple[float, bool]:
    """Simulate a scan of which one substance is not known; return the p-value of the best candidate.

    And whether that candidate is the substance. A container without content is drawn again.
    """
    while True:
        scan = simulated_scan(references, rng)
        known = _same(references, () if scan.container is None else (scan.container,))
        if hidden := [row for row in scan.rows if row not in known]:
            break
    same = references.same_answer(hidden[int(rng.integers(len(hidden)))])
    others = [row for row in scan.rows if row not in same]
    value, row = _leader(scan.query, references, others, known | _same(references, others))
    return p_value(value, scan.query.regime), row in same


def _same(references: ReferenceSet, rows: Iterable[int]) -> frozenset[int]:
    """Return the rows that mean the same as any of some rows, these included."""
    return frozenset[int]().union(*(references.same_answer(row) for row in rows))


def _leader(
    query: Query, references: ReferenceSet, present: list[int], known: frozenset[int]
) -> tuple[float, int]:
    """Return statistic and row of the best candidate beyond what is known (0, −1: none)."""
    truth = best_terms(query, references, present)
    best = (0.0, -1)
    for term, _ in candidates(query, references, truth, shifts=SHIFTS, without=sorted(known))[:REFITTED]:
        trial = fit_terms(query, references, [*truth.terms, term])
        best = max(best, (statistic(query, truth, trial), term.row))
    return best
