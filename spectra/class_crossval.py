"""How good a class model is on members and negatives it has never seen.

Nested: for each substance the whole fit (width, ridge, threshold, null table) is made anew
without it and without every other spectrum of its skeleton; then its scans are judged, pure and
mixed with known partners. Nothing of the outer fold enters a choice.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .class_evidence import class_evidence
from .class_fit import MEMBER_DRAWS, NULL_DRAWS, fit_class_model, group_of
from .class_value import MIN_CLASS_MEMBERS, NEITHER, ClassModel
from .errors import MethodError
from .recipe import Recipe, prepare
from .references import ReferenceEntry
from .simulation import detector_axis, mix
from .validation import clopper_pearson
from .values import FloatArray, Spectrum

#: Signal-to-noise ratio of simulated mixtures (strongest band over standard deviation), that of the panels.
SNR = 100.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One scan judged by a model that has not seen its substance."""

    name: str
    """Substance asked about."""
    is_member: bool
    """Whether it is a member of the class."""
    partner: str
    """The known substance mixed in; empty for a pure scan."""
    share: float
    """Share of spectral area of the substance asked about, 0 to 1; 1 for a pure scan."""
    statistic: float
    """As in `spectra.class_evidence.ClassEvidence`."""
    p_value: float
    """As there."""
    detected: bool
    """Whether the class counted as present."""


@dataclass(frozen=True, slots=True)
class CrossvalReport:
    """All trials of one class."""

    name: str
    """The class."""
    rate: float
    """False alarms allowed per scan."""
    trials: tuple[Trial, ...]
    """Pure scans and mixtures, in the order they were judged."""

    def counts(self, *, members: bool, mixed: bool) -> tuple[int, int]:
        """Return how many of the members' (or negatives') scans were detected, and of how many."""
        chosen = self._chosen(members=members, mixed=mixed)
        return sum(trial.detected for trial in chosen), len(chosen)

    def wrong(self, *, mixed: bool) -> tuple[Trial, ...]:
        """Return members missed and negatives detected."""
        return tuple(t for t in self.trials if bool(t.partner) == mixed and t.detected != t.is_member)

    def roc(self, *, mixed: bool) -> tuple[tuple[float, float, float], ...]:
        """Return (threshold of the statistic, share of false alarms, share of members found), best first."""
        ours = np.array([t.statistic for t in self._chosen(members=True, mixed=mixed)])
        others = np.array([t.statistic for t in self._chosen(members=False, mixed=mixed)])
        if not ours.size or not others.size:
            return ()
        steps = np.unique(np.concatenate((ours, others)))[::-1]
        return tuple((float(t), float(np.mean(others >= t)), float(np.mean(ours >= t))) for t in steps)

    def area(self, *, mixed: bool) -> float:
        """Return the area under the ROC curve: how often a member outscores a negative, 0 to 1."""
        ours = np.array([t.statistic for t in self._chosen(members=True, mixed=mixed)])
        others = np.array([t.statistic for t in self._chosen(members=False, mixed=mixed)])
        if not ours.size or not others.size:
            return float("nan")
        return float(np.mean((ours[:, None] > others) + 0.5 * (ours[:, None] == others)))

    def to_json(self) -> dict[str, Any]:
        """Return counts with exact 95 % intervals, ROC curves and every trial as JSON values."""
        parts: dict[str, Any] = {}
        for mixed in (False, True):
            if not any(bool(trial.partner) == mixed for trial in self.trials):
                continue
            rates = {}
            for members in (True, False):
                k, n = self.counts(members=members, mixed=mixed)
                rates["members" if members else "negatives"] = {
                    "detected": k,
                    "of": n,
                    "interval_95": list(clopper_pearson(k, n)),
                }
            area = self.area(mixed=mixed)
            curve = [list(point) for point in self.roc(mixed=mixed)]
            area_or_none = None if np.isnan(area) else area
            parts["mixed" if mixed else "pure"] = {**rates, "roc": curve, "roc_area": area_or_none}
        trials = [{key: getattr(t, key) for key in Trial.__slots__} for t in self.trials]
        return {"class": self.name, "rate": self.rate, **parts, "trials": trials}

    def _chosen(self, *, members: bool, mixed: bool) -> list[Trial]:
        return [t for t in self.trials if t.is_member == members and bool(t.partner) == mixed]


def outer_groups(
    name: str, members: Sequence[ReferenceEntry], negatives: Sequence[ReferenceEntry]
) -> tuple[str, ...]:
    """Return what is left out in turn: the skeletons of members, then of negatives."""
    return tuple(dict.fromkeys(group_of(entry) for entry, _ in _asked(name, members, negatives)))


def crossval(
    name: str,
    members: Sequence[ReferenceEntry],
    negatives: Sequence[ReferenceEntry],
    *,
    recipe: Recipe,
    partners: Sequence[ReferenceEntry] = (),
    share: float = 0.5,
    rate: float = 0.01,
    seed: int = 0,
    least: int = MIN_CLASS_MEMBERS,
    draws: tuple[int, int] = (NULL_DRAWS, MEMBER_DRAWS),
    groups: Iterable[str] | None = None,
    group: Callable[[ReferenceEntry], str] = group_of,
    advance: Callable[[float], None] | None = None,
) -> CrossvalReport:
    """Leave each substance out in turn, fit without it, and judge its scans.

    Parameters
    ----------
    name, members, negatives, recipe, least, draws
        As in `spectra.class_fit.fit_class_model`; the outer fold has one member fewer than `members`,
        so `least` must be lower than their number.
    partners
        Known substances (cuts) each substance is mixed with as well; they stay in the fold, as
        they stay in the library.
    share
        Share of spectral area of the substance asked about in a mixture, above 0 and below 1.
    rate
        False alarms allowed per scan.
    seed
        Seed of the fits' draws and of the mixtures' noise.
    groups
        Which groups to leave out; all by default. Parts of a cross-validation may run in different
        processes and be put together with `gathered`.
    group
        What is left out together; by default spectra of one molecular skeleton.
    advance
        Told of each group done, for a progress bar.

    Raises
    ------
    MethodError
        A fold has too few members or negatives.
    """
    every = _asked(name, members, negatives)
    trials: list[Trial] = []
    for left in dict.fromkeys(group(e) for e, _ in every) if groups is None else groups:
        kept = [(entry, own) for entry, own in every if group(entry) != left]
        model = fit_class_model(
            name,
            [entry for entry, own in kept if own],
            [entry for entry, own in kept if not own],
            recipe=recipe,
            seed=seed,
            least=least,
            draws=draws,
        )
        for entry, own in every:
            if group(entry) == left:
                beside = [None, *(p for p in partners if group(p) != left)]
                trials += [
                    judged(model, entry, own, partner, recipe=recipe, share=share, rate=rate, seed=seed)
                    for partner in beside
                ]
        if advance is not None:
            advance(1.0)
    return CrossvalReport(name, rate, tuple(trials))


def _asked(
    name: str, members: Sequence[ReferenceEntry], negatives: Sequence[ReferenceEntry]
) -> list[tuple[ReferenceEntry, bool]]:
    """Return who is asked about, members first, and whether each is one; relatives are neither."""
    apart = (name, *NEITHER.get(name, ()))
    others = [entry for entry in negatives if entry.substance.substance_class not in apart]
    return [(entry, True) for entry in members] + [(entry, False) for entry in others]


def gathered(reports: Sequence[CrossvalReport]) -> CrossvalReport:
    """Put parts of one cross-validation together.

    Raises
    ------
    MethodError
        There is none, or they are of different classes or rates.
    """
    if not reports or len({(report.name, report.rate) for report in reports}) != 1:
        raise MethodError("parts of a cross-validation must be of one class and one rate")
    return CrossvalReport(
        reports[0].name, reports[0].rate, tuple(trial for report in reports for trial in report.trials)
    )


def judged(
    model: ClassModel,
    entry: ReferenceEntry,
    is_member: bool,
    partner: ReferenceEntry | None = None,
    *,
    recipe: Recipe,
    share: float = 0.5,
    rate: float = 0.01,
    seed: int = 0,
    known_of: Callable[[Spectrum], FloatArray] | None = None,
) -> Trial:
    """Judge one scan of a substance the model has not seen.

    Parameters
    ----------
    model
        A model fitted without the substance.
    entry, is_member
        The substance, and whether it is a member.
    partner
        What is mixed in; None for a pure scan.
    known_of
        Returns the fitted parts of what is known to be in a scan, shape (k, n), by a search, for
        example. Without it the partner counts as known, and nothing else.
    """
    spectrum = entry.spectrum if partner is None else mixture(entry, partner, share=share, seed=seed)
    values, variance = _laid(spectrum, recipe)
    if known_of is not None:
        known = known_of(spectrum)
    else:
        known = np.zeros((0, values.size)) if partner is None else _part(values, partner, recipe)
    evidence = class_evidence(values, variance, known, model)
    return Trial(
        name=entry.substance.name,
        is_member=is_member,
        partner="" if partner is None else partner.substance.name,
        share=1.0 if partner is None else share,
        statistic=evidence.statistic,
        p_value=evidence.p_value,
        detected=evidence.detected(rate),
    )


def mixture(entry: ReferenceEntry, partner: ReferenceEntry, *, share: float, seed: int) -> Spectrum:
    """Simulate a scan of a mixture; its noise depends on the names alone, so that any order repeats it."""
    words = f"{entry.reference_id} {partner.reference_id}".encode()
    rng = np.random.default_rng([seed, *words])
    pair = (entry, partner)
    shift = rng.uniform(-1.0, 1.0)
    return mix(pair, (share, 1.0 - share), axis=detector_axis(pair), snr=SNR, shift=shift, rng=rng)


def _laid(spectrum: Spectrum, recipe: Recipe) -> tuple[FloatArray, FloatArray]:
    """Carry out the recipe; values and variance on its full axis, zero where not measured."""
    features = prepare(spectrum, recipe)
    values, variance = np.zeros(recipe.grid().size), np.zeros(recipe.grid().size)
    here = slice(features.first, features.first + features.axis.size)
    values[here], variance[here] = features.values, features.variance
    return values, variance


def _part(values: FloatArray, partner: ReferenceEntry, recipe: Recipe) -> FloatArray:
    """Return the partner's part of a scan, by least squares: what a search that names it would fit."""
    row, _ = _laid(partner.spectrum, recipe)
    amplitude = max(float(values @ row) / max(float(row @ row), 1e-300), 0.0)
    return np.asarray(amplitude * row[None])
