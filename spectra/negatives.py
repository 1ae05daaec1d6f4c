"""Negatives an agency measured: how large the search statistic grows on scans that hold nothing watched.

The simulated null table knows only what is in the library. Real goods, packaging and instruments
are more; an agency that scanned a hundred harmless parcels knows what they look like here. Each
such scan is searched as a live one would be, and the largest statistic of a watched substance
that would have been named counts. The scans are told apart from simulated ones everywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from .digest import array_digest, json_digest
from .fitting import SHIFTS, Term, fit_terms
from .query import Query, make_query
from .recipe import prepare
from .refset import ReferenceSet
from .search import candidates
from .select import Match, select
from .values import Spectrum

#: Watched references of one scan that are refitted exactly, best of the screen first (chosen: as
#: many as a round of `spectra.select` refits).
REFITTED = 8

#: Statistic at which a reference enters a search that only asks how well it would do: any.
ANY = 1e-9


@dataclass(frozen=True, slots=True)
class Negative:
    """One scan known to hold nothing watched, and what the search made of it."""

    source: str
    """Where it came from, in words; for people who look it up."""
    digest: str
    """`spectrum_digest` of its numbers."""
    statistic: float
    """Largest statistic of a watched substance that could have been named, 0 for none."""
    substance: str
    """That substance; empty for none."""
    regime: float
    """What limits the scan (`spectra.query.Query.regime`)."""


@dataclass(frozen=True, slots=True)
class MeasuredNull:
    """The negatives of one technique, as a null table of measured scans."""

    negatives: tuple[Negative, ...]
    """Distinct scans, ascending by statistic, then digest."""

    @classmethod
    def of(cls, negatives: Sequence[Negative]) -> Self:
        """Order negatives and drop the second of two that are the same numbers."""
        distinct = {one.digest: one for one in reversed(negatives)}.values()
        return cls(tuple(sorted(distinct, key=lambda one: (one.statistic, one.digest))))

    @property
    def digest(self) -> str:
        """SHA-256 over scans and statistics; where they came from does not count."""
        return json_digest([[one.digest, one.statistic, one.substance] for one in self.negatives])

    def tests(self, rate: float) -> bool:
        """Return whether there are scans enough to test a rate: 1/(n + 1) is not above it."""
        return self._allowed(rate) >= 0

    def p_value(self, statistic: float) -> float:
        """Return the share of scans at least as extreme, never below 1/(n + 1)."""
        above = sum(one.statistic >= statistic for one in self.negatives)
        return (1 + above) / (len(self.negatives) + 1)

    def threshold(self, rate: float) -> float:
        """Return the statistic whose p-value is at most a rate.

        Raises
        ------
        ValueError
            There are too few scans to test the rate.
        """
        allowed = self._allowed(rate)
        if allowed < 0:
            raise ValueError(f"{len(self.negatives)} negatives cannot test a rate of {rate}")
        return float(np.nextafter(self.negatives[-1 - allowed].statistic, np.inf))

    def _allowed(self, rate: float) -> int:
        """Return how many scans may reach the threshold of a rate, below 0 where none can be tested."""
        return min(int(np.floor(rate * (len(self.negatives) + 1) + 1e-9)), len(self.negatives)) - 1

    def to_json(self) -> list[dict[str, Any]]:
        """Return the scans as JSON values."""
        return [{name: getattr(one, name) for name in Negative.__slots__} for one in self.negatives]


def spectrum_digest(spectrum: Spectrum) -> str:
    """Return the digest by which two scans count as the same: technique, axis and intensities."""
    return json_digest(
        {
            "technique": str(spectrum.technique),
            "arrays": array_digest(spectrum.axis, spectrum.intensity),
        }
    )


def watched_rows(references: ReferenceSet, watched: Sequence[str]) -> tuple[int, ...]:
    """Return the rows that stand for substances on a watch list, under any of their names."""
    names = set(watched)
    return tuple(
        row
        for row, entry in enumerate(references.entries)
        if names & {entry.substance.name, *entry.equivalents}
    )


@dataclass(frozen=True, slots=True, eq=False)
class NegativeSearch:
    """A search for what comes nearest to an alarm in scans that hold nothing watched."""

    references: ReferenceSet
    """What the method searches."""
    threshold: Callable[[float], float]
    """From a scan's noise share to the statistic at which the live search accepts a reference."""
    may_be_named: Callable[[Match], bool]
    """Whether the live search names an accepted reference (`spectra.select.may_be_named`)."""
    absent: tuple[int, ...]
    """Rows of the watched substances."""
    present: tuple[int, ...]
    """All other rows."""
    only_present: ReferenceSet | None
    """The references of `present`; None without any."""

    @classmethod
    def of(
        cls,
        references: ReferenceSet,
        watched: Sequence[str],
        *,
        threshold: Callable[[float], float],
        may_be_named: Callable[[Match], bool],
    ) -> Self:
        """Part references into those on a watch list, which are absent, and those that may be there."""
        absent = watched_rows(references, watched)
        present = tuple(row for row in range(len(references.entries)) if row not in set(absent))
        rest = references.subset(present) if present else None
        return cls(references, threshold, may_be_named, absent, present, rest)

    def search(self, source: str, spectrum: Spectrum) -> Negative:
        """Search one scan as a live one would be, and keep what came nearest to an alarm.

        Asked twice: as the live search answers, where an absent reference may have stood in for
        what is there; and beside what is there, found without it, where it may be below the live
        threshold.

        Raises
        ------
        SpectrumMismatch
            The scan is of another technique, or covers too little of the recipe's range.
        """
        query = make_query(prepare(spectrum, self.references.recipe), self.references)
        value, row = max(self._as_live(query), self._beside_content(query))
        name = self.references.entries[row].substance.name if row >= 0 else ""
        return Negative(source, spectrum_digest(spectrum), value, name, query.regime)

    def _as_live(self, query: Query) -> tuple[float, int]:
        """Return the largest statistic of an absent reference the live search would name, and its row."""
        if not self.absent:
            return 0.0, -1
        named = [
            (match.statistic, match.term.row)
            for match in select(query, self.references, threshold=self.threshold(query.regime)).matches
            if match.term.row in self.absent and self.may_be_named(match)
        ]
        return max(named, default=(0.0, -1))

    def _beside_content(self, query: Query) -> tuple[float, int]:
        """Return the same beside the content that is found without any absent reference."""
        if not self.absent:
            return 0.0, -1
        content: list[Term] = []
        if self.only_present is not None:
            terms = select(query, self.only_present, threshold=self.threshold(query.regime)).fit.terms
            content = [replace(term, row=self.present[term.row]) for term in terms]
        known = fit_terms(query, self.references, content)
        found = candidates(query, self.references, known, shifts=SHIFTS, without=self.present)
        best = (0.0, -1)
        for tried, _ in found[:REFITTED]:
            trial = [*(term.row for term in content), tried.row]
            for match in select(query, self.references.subset(trial), threshold=ANY).matches:
                if match.term.row == len(trial) - 1 and self.may_be_named(match):
                    best = max(best, (match.statistic, tried.row))
        return best
