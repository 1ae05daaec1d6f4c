"""Forward selection with removal: which references a scan holds, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .fitting import SHIFTS, Design, Fit, Term, columns, fit_terms
from .query import Query
from .refset import ReferenceSet
from .screening import Screening
from .search import begin, beyond, candidates, excess, gain, statistic
from .values import FloatArray

#: A mixture of more is not resolved by one vibrational spectrum; FTIR services name up to 5 or 6.
MOST_COMPONENTS = 5

#: Candidates of one round that are refitted exactly.
REFITTED = 8

#: References of a large set, best of the plain view first, that are looked at beside unknown content. Chosen.
AMONG = 1024

#: Mean excess of the residual from which a scan counts as holding something unknown (chosen).
UNKNOWN = 1.5

#: Largest spread of the shifts of one scan's components, cm⁻¹: they share one instrument.
SHIFT_SPREAD = 4.0

#: How far the estimated noise energy may be off before a residual counts as unexplained (chosen).
NOISE_MARGIN = 1.3

#: Share of the expected mismatch that a true model uses up before a residual counts as unexplained.
#: Chosen: true pairs of open instruments use 0.15 to 0.8 of it, and the weights must not forgive more.
MISMATCH_USED = 0.25

#: A rival is as good as the winner where its statistic is lower by less than this, or by less than this
#: share. Twice the logarithm of odds of 20 : 1 is 6; neighbouring points that move together make it four
#: times that. Both are chosen.
RIVAL_MARGIN, RIVAL_SHARE = 25.0, 0.15

#: Squared cosine, at the best shift, from which two references are alike: where a scan does not tell them
#: apart, they are one answer with alternatives. Chosen.
NEAR_DUPLICATE = 0.6

#: Purity below which a fitted reference is not named: the residual it leaves is too large for it. Chosen
#: between the neighbours of substances the library lacks (80 open spectra, each without its own reference:
#: at most 0.67) and true pairs of two open instruments, bare and through 2 mm of polyethylene (0.78 to 1).
MIN_PURITY = 0.72


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
    """Rows of near-duplicates of other substances that explain as much."""
    rivals: tuple[int, ...] = ()
    """Rows of unlike references that explain as much: the evidence does not tell them apart."""


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
    best_absent: float
    """Largest statistic of a reference that did not enter."""


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
    blocks: dict[Term, FloatArray] = {}
    best_absent = 0.0
    begun = begin(query, references, fit, SHIFTS)
    while len(fit.terms) - len(start) < MOST_COMPONENTS:
        tried = _round(query, references, fit, begun, blocks)
        leader = leader or tuple((term.row, value) for value, term in tried)
        best_absent = tried[0][0] if tried else 0.0
        if not tried or best_absent < threshold:
            break
        chosen = _chosen(references, tried, threshold)
        fit = fit_terms(query, references, [*fit.terms, chosen])
        if begun is not None and len(fit.terms) - len(start) < MOST_COMPONENTS:
            begun = beyond(begun, query, references, chosen, _shifts(fit))
        rivals[chosen.row] = _rivals(references, chosen.row, best_absent, tried)
    fit, values = _remove(query, references, fit, threshold)
    return _judged(query, references, fit, values, leader, rivals, best_absent)


def _shifts(fit: Fit) -> list[float]:
    """Return the shifts that a further component of the same instrument may have."""
    placed = [term for term in fit.terms if term.row >= 0]
    return [s for s in SHIFTS if all(abs(s - term.shift) <= SHIFT_SPREAD for term in placed)]


def _round(
    query: Query,
    references: ReferenceSet,
    fit: Fit,
    begun: Screening | None,
    blocks: dict[Term, FloatArray],
) -> list[tuple[float, Term]]:
    """Screen all references, refit the best exactly; best first. ``blocks`` keeps columns between rounds."""
    placed = [term for term in fit.terms if term.row >= 0]
    shifts = _shifts(fit)
    known = sorted(frozenset[int]().union(*(references.same_answer(term.row) for term in placed)))
    worth = excess(query, fit.residual)
    views = [query]
    if float(np.mean(worth[query.weight > 0])) > UNKNOWN:
        # Unknown content draws the screen to whatever resembles it; what lies beside it is seen like this.
        views.append(replace(query, weight=query.weight / np.sqrt(worth)))
    tried: dict[int, tuple[float, Term]] = {}
    fitted: set[Term] = set()
    design = Design.of(query, references, fit.terms)
    best = begun.top(AMONG, without=known).rows if begun is not None else None
    for view in views:
        same, part = (begun, None) if view is query else (None, best)
        found = candidates(
            view,
            references,
            fit,
            shifts=shifts,
            without=known,
            begun=same,
            best=None if same is None else best,
            among=part,
            design=design,
        )
        for term in [term for term, _ in found[:REFITTED] if term not in fitted]:
            fitted.add(term)
            if term not in blocks:
                blocks[term] = columns(query, references, term)
            amplitude, residual = design.try_beside(query, term, blocks[term])
            value = gain(query, fit.residual, residual)
            if amplitude > 0 and value > tried.get(term.row, (0.0, term))[0]:
                tried[term.row] = value, term
    return sorted(tried.values(), key=lambda pair: -pair[0])


def _chosen(references: ReferenceSet, tried: Sequence[tuple[float, Term]], threshold: float) -> Term:
    """Return the best term, or one measured in-house of the same substance that ties with it."""
    best, winner = tried[0]
    least = max(best - RIVAL_MARGIN, threshold)
    ties = [term for value, term in tried if value >= least and references.entries[term.row].in_house]
    same = references.same_answer(winner.row) if ties else frozenset()
    return next((term for term in ties if term.row in same), winner)


def _rivals(
    references: ReferenceSet, row: int, best: float, tried: Sequence[tuple[float, Term]]
) -> tuple[int, ...]:
    same = references.same_answer(row)
    least = min(best - RIVAL_MARGIN, (1.0 - RIVAL_SHARE) * best)
    return tuple(term.row for value, term in tried if value > least and term.row not in same)


def _remove(
    query: Query, references: ReferenceSet, fit: Fit, threshold: float
) -> tuple[Fit, dict[int, float]]:
    """Test each accepted reference for removal until all hold; return their statistics by row."""
    design = Design.of(query, references, fit.terms)
    while True:
        values = {
            k: statistic(query, design.without(k).fit(query), fit)
            for k, term in enumerate(fit.terms)
            if term.row >= 0
        }
        weak = [k for k, value in values.items() if value < threshold]
        if not weak:
            return fit, {fit.terms[k].row: value for k, value in values.items()}
        design = design.without(min(weak, key=lambda k: values[k]))
        fit = design.fit(query)


def unexplained(query: Query, fit: Fit) -> float:
    """Return the weighted residual energy beyond what noise and mismatch leave."""
    expected = NOISE_MARGIN * query.noise_energy + MISMATCH_USED * (query.points - query.noise_energy)
    return max(fit.rss - expected, 0.0)


def _judged(
    query: Query,
    references: ReferenceSet,
    fit: Fit,
    values: dict[int, float],
    leader: tuple[tuple[int, float], ...],
    rivals: dict[int, tuple[int, ...]],
    best_absent: float,
) -> Selection:
    energies = np.sum((query.weight * fit.parts) ** 2, axis=1)
    rest = unexplained(query, fit)
    accepted = {term.row for term in fit.terms}
    matches = []
    for k, term in enumerate(fit.terms):
        if term.row < 0:
            continue
        purity = float(energies[k] / max(energies[k] + rest, 1e-300))
        others = [row for row in rivals.get(term.row, ()) if row not in accepted]
        mine = references.row(term.row, term.width)
        like = {
            row for row in others if near_duplicates(mine, references.row(row, term.width), query.spacing)
        }
        matches.append(
            Match(
                term,
                values[term.row],
                purity,
                tuple(row for row in others if row in like),
                tuple(row for row in others if row not in like),
            )
        )
    matches.sort(key=lambda match: -match.statistic)
    return Selection(fit, tuple(matches), leader, rest, best_absent)


def near_duplicates(mine: FloatArray, other: FloatArray, spacing: float) -> bool:
    """Whether two references look alike at some shift that is fitted, whatever the weights say."""
    reach = round(SHIFTS[-1] / spacing)
    size = float(mine @ mine) * float(other @ other)
    if size <= 0:
        return False
    moves = (
        float(mine[reach:-reach] @ other[reach + k : other.size - reach + k])
        for k in range(-reach, reach + 1)
    )
    return max(moves) ** 2 >= NEAR_DUPLICATE * size


def may_be_named(match: Match) -> bool:
    """Whether an accepted reference may be named: it leaves little unexplained and has no unlike rival."""
    return match.purity >= MIN_PURITY and not match.rivals
