"""Forward selection with removal: which references a scan holds, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .refset import ReferenceSet
from .search import SHIFTS, Fit, Query, Term, fit_terms, screen, statistic, widths_index

#: A mixture of more is not resolved by one vibrational spectrum; FTIR services name up to 5 or 6.
MOST_COMPONENTS = 5

#: Candidates of one round that are refitted exactly.
REFITTED = 8

#: Largest spread of the shifts of one scan's components, cm⁻¹: they share one instrument.
SHIFT_SPREAD = 4.0

#: How far the estimated noise energy may be off before a residual counts as unexplained (chosen).
NOISE_MARGIN = 1.3

#: Root mean square mismatch of a true reference and a true blank, for judging residuals. Chosen on
#: the open SiG-785 scans, as `spectra.search.MISMATCH_REFERENCE` was.
RESIDUAL_REFERENCE, RESIDUAL_BLANK = 0.10, 0.07

#: A rival whose statistic reaches this share of the winner's is offered as an alternative.
RIVAL = 0.8


@dataclass(frozen=True, slots=True)
class Match:
    """A reference accepted into the model."""

    term: Term
    """Where it stands in the fit."""
    statistic: float
    """How much the fit loses without it (`spectra.search.statistic`)."""
    purity: float
    """Its energy over its energy plus what stays unexplained, 0 to 1."""
    alternatives: tuple[int, ...] = ()
    """Rows of references of other substances that explain nearly as much."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The fitted model of one scan."""

    fit: Fit
    """The fit of all accepted terms."""
    matches: tuple[Match, ...]
    """Accepted references, strongest first; the blank is not among them."""
    leader: tuple[tuple[int, float], ...]
    """Rows and statistics of the first round's best references, for the ranking."""
    unexplained: float
    """Weighted residual energy beyond noise and expected mismatch."""
    rivals: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Rivals by row, as met during selection."""


def select(query: Query, references: ReferenceSet, *, threshold: float) -> Selection:
    """Find the references a scan holds.

    Parameters
    ----------
    query
        The prepared scan, with its blank if there is one.
    references
        What may be in it.
    threshold
        Statistic a reference must reach, from the null table.
    """
    start = [Term(-1, 0.0, 0)] if query.blank is not None else []
    fit = fit_terms(query, references, start)
    leader: tuple[tuple[int, float], ...] = ()
    rivals: dict[int, tuple[int, ...]] = {}
    while len(fit.terms) - len(start) < MOST_COMPONENTS:
        tried = _round(query, references, fit)
        leader = leader or tuple((trial.terms[-1].row, value) for value, trial in tried)
        if not tried or tried[0][0] < threshold:
            break
        best, fit = tried[0]
        row = fit.terms[-1].row
        rivals[row] = _rivals(references, row, best, tried)
    fit, values = _remove(query, references, fit, threshold)
    return _judged(query, fit, values, leader, rivals)


def _round(query: Query, references: ReferenceSet, fit: Fit) -> list[tuple[float, Fit]]:
    """Screen all references, refit the best exactly; best first."""
    placed = [term for term in fit.terms if term.row >= 0]
    shifts = [s for s in SHIFTS if all(abs(s - term.shift) <= SHIFT_SPREAD for term in placed)]
    scores = screen(query, references, fit, shifts=shifts, widths=widths_index())
    known = frozenset[int]().union(*(references.same_answer(term.row) for term in placed))
    if known:
        scores[:, :, sorted(known)] = 0.0
    best = scores.max(axis=(0, 1))
    tried = []
    for row in np.argsort(-best)[:REFITTED]:
        if best[row] <= 0:
            continue
        i, j = np.unravel_index(int(scores[:, :, row].argmax()), scores.shape[:2])
        trial = fit_terms(query, references, [*fit.terms, Term(int(row), shifts[int(i)], int(j))])
        if trial.amplitudes[-1] > 0:
            tried.append((statistic(query, fit, trial), trial))
    return sorted(tried, key=lambda pair: -pair[0])


def _rivals(
    references: ReferenceSet, row: int, best: float, tried: Sequence[tuple[float, Fit]]
) -> tuple[int, ...]:
    same = references.same_answer(row)
    return tuple(
        trial.terms[-1].row
        for value, trial in tried
        if value >= RIVAL * best and trial.terms[-1].row not in same
    )


def _remove(
    query: Query, references: ReferenceSet, fit: Fit, threshold: float
) -> tuple[Fit, dict[int, float]]:
    """Test each accepted reference for removal until all hold; return their statistics by row."""
    while True:
        values: dict[int, float] = {}
        for k, term in enumerate(fit.terms):
            if term.row >= 0:
                without = fit_terms(query, references, [*fit.terms[:k], *fit.terms[k + 1 :]])
                values[term.row] = statistic(query, without, fit)
        weak = [row for row, value in values.items() if value < threshold]
        if not weak:
            return fit, values
        worst = min(weak, key=lambda row: values[row])
        fit = fit_terms(query, references, [term for term in fit.terms if term.row != worst])


def _judged(
    query: Query,
    fit: Fit,
    values: dict[int, float],
    leader: tuple[tuple[int, float], ...],
    rivals: dict[int, tuple[int, ...]],
) -> Selection:
    energies = np.sum((query.weight * fit.parts) ** 2, axis=1)
    allowed = [
        (RESIDUAL_BLANK if term.row < 0 else RESIDUAL_REFERENCE) ** 2 * float(energy)
        for term, energy in zip(fit.terms, energies, strict=True)
    ]
    rest = max(fit.rss - NOISE_MARGIN * query.noise_energy, 0.0)
    matches = []
    for k, term in enumerate(fit.terms):
        if term.row < 0:
            continue
        beyond = max(rest - (sum(allowed) - allowed[k]), 0.0)
        purity = float(energies[k] / max(energies[k] + beyond, 1e-300))
        matches.append(Match(term, values[term.row], purity, rivals.get(term.row, ())))
    matches.sort(key=lambda match: -match.statistic)
    return Selection(fit, tuple(matches), leader, max(rest - sum(allowed), 0.0), rivals)
