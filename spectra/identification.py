"""Identification: from a spectrum and a method to an answer."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import find_peaks

from .answer import FOREIGN, Component, Curves, Identification, InstrumentState, Quality, software
from .class_findings import class_findings
from .decide import ClassFinding, Evidence, decide
from .errors import SpectrumMismatch
from .fitting import Fit, fit_terms
from .limits import detectable_share, measured_area
from .method import Method, may_exclude, naming_bar
from .promise import search_share
from .recipe import Features, Recipe, prepare
from .references import Grade
from .refset import ReferenceSet
from .search import SHIFTS, Query, areas, make_query
from .select import Match, Selection, may_be_named, select
from .values import FloatArray, Spectrum
from .widths import WIDTHS

#: P-value of what did not enter the model from which the answer says that something may be there. It names
#: nothing and forbids nothing, so that it may be told more often than the promised rate. Chosen.
HINT = 0.05

#: A band of the query counts as matched within this distance of the reference's, cm⁻¹.
BAND_TOLERANCE = 8.0

#: Blanks kept prepared: a bench uses few at a time, each for many scans. Chosen.
BLANKS = 8

#: Entries shown in the ranking.
RANKED = 5


def identify(
    query: Spectrum,
    method: Method,
    *,
    now: str,
    blank: Spectrum | None = None,
    state: InstrumentState = FOREIGN,
    source: str = "",
    scan_id: str = "",
    rate: float | None = None,
) -> Identification:
    """Say what a spectrum holds, by a method.

    Parameters
    ----------
    query
        The calibrated spectrum.
    method
        References, recipe, thresholds and watch list.
    now
        Time of the answer, RFC 3339 in UTC; handed in because this package has no clock.
    blank
        Spectrum of the empty container on the same instrument.
    state
        How far the instrument can be trusted; by default that of a foreign file.
    source, scan_id
        Where the spectrum came from, for the record.
    rate
        Rate of false answers of this look at a growing scan (`spectra.sequential`); by default the
        method's whole rate.

    Raises
    ------
    MethodError
        The method has no references of this technique, or its null table cannot test ``rate``.
    SpectrumMismatch
        The spectrum covers less than half of the recipe's range, or the blank is of another technique.
    """
    if blank is not None and blank.technique is not query.technique:
        raise SpectrumMismatch(f"the blank is {blank.technique}, the scan is {query.technique}")
    references = method.reference_set(query.technique)
    features = prepare(query, references.recipe)
    empty = _prepared_blank(blank, references.recipe) if blank is not None else None
    ready = make_query(features, references, blank=empty)
    spent = method.false_alarm_rate if rate is None else rate
    part = spent * search_share(len(method.class_models.get(query.technique, ())))
    threshold = method.threshold(query.technique, part, ready.regime)
    selection = select(ready, references, threshold=threshold)
    named = [match for match in selection.matches if may_be_named(match)]
    components = _components(ready, references, selection, named, method)
    quality = _quality(query, features, ready, selection)
    total = max(float(areas(ready, selection.fit).sum()), measured_area(features, references.recipe.spacing))
    limits = _limits(ready, references, selection, method, threshold, total)
    classes = class_findings(
        ready, references, selection, method, threshold=threshold, rate=spent, total_area=total
    )
    hinted = method.p_value(query.technique, selection.best_absent, ready.regime) <= HINT
    evidence = _evidence(ready, references, selection, components, quality, limits, classes, hinted=hinted)
    evidence = replace(evidence, barred=_barred(references, selection, training=method.training))
    decision = decide(evidence, method, state)
    return Identification(
        source=source,
        scan_id=scan_id,
        technique=query.technique,
        laser_nm=query.laser_nm,
        training=method.training,
        verdict=decision.verdict,
        reasons=decision.reasons,
        components=decision.components,
        ranking=_ranking(ready, references, selection),
        classes=decision.classes,
        not_excluded=(*limits, *_class_limits(method, classes)),
        quality=quality,
        provenance=_provenance(method, references, state, spent),
        created_at=now,
        curves=_curves(ready, references, selection),
    )


@lru_cache(maxsize=BLANKS)
def _prepared_blank(blank: Spectrum, recipe: Recipe) -> Features:
    """Return a prepared blank, one of those used last where it is among them."""
    return prepare(blank, recipe)


def _evidence(
    query: Query,
    references: ReferenceSet,
    selection: Selection,
    components: tuple[Component, ...],
    quality: Quality,
    limits: tuple[dict[str, Any], ...],
    classes: tuple[ClassFinding, ...],
    *,
    hinted: bool,
) -> Evidence:
    """Gather what is judged."""
    doubtful = [match for match in selection.matches if not may_be_named(match)]
    named = [match for match in selection.matches if may_be_named(match)]
    rows = dict.fromkeys(row for match in doubtful for row in (match.term.row, *match.rivals))
    also = dict.fromkeys(row for match in selection.matches for row in match.alternatives)
    return Evidence(
        components=components,
        doubtful=tuple(references.entries[row].substance.name for row in {**rows, **also}),
        unresolved=any(match.rivals for match in doubtful) or hinted,
        unexplained=selection.unexplained / max(query.energy - query.noise_energy, selection.unexplained, 1),
        blank=query.blank is not None,
        quality=quality,
        limits=limits,
        axis_at_bound=_axis_at_bound(named, references),
        coverage=query.points / references.axis.size,
        blank_noise=query.blank_noise,
        classes=classes,
    )


def _barred(references: ReferenceSet, selection: Selection, *, training: bool) -> dict[str, str]:
    """Return the fitted references that may not name their substance, with the code of the reason."""
    fitted = [references.entries[match.term.row] for match in selection.matches]
    bars = {entry.reference_id: naming_bar(entry, training=training) for entry in fitted}
    return {key: bar for key, bar in bars.items() if bar}


def _components(
    query: Query,
    references: ReferenceSet,
    selection: Selection,
    named: list[Match],
    method: Method,
) -> tuple[Component, ...]:
    """Put accepted references into words, content before container, larger shares first."""
    size = areas(query, selection.fit)
    total = max(float(size.sum()), 1e-300)
    place = {term.row: k for k, term in enumerate(selection.fit.terms)}
    made = []
    for match in named:
        entry = references.entries[match.term.row]
        k = place[match.term.row]
        others = selection.fit.parts.sum(axis=0) - selection.fit.parts[k]
        names = {entry.substance.name, *entry.equivalents}
        same = [n for n in entry.equivalents if n != entry.substance.name]
        rivals = [references.entries[row].substance.name for row in match.alternatives]
        made.append(
            Component(
                substance=entry.substance.name,
                reference_id=entry.reference_id,
                role="container" if entry.packaging else "content",
                controlled=entry.substance.controlled,
                substance_class=entry.substance.substance_class,
                evidence=str(entry.grade),
                spectral_share=round(float(size[k]) / total, 6),
                statistic=round(match.statistic, 3),
                p_value=method.p_value(references.recipe.technique, match.statistic, query.regime),
                hqi=round(
                    _squared_cosine(query.values - others, selection.fit.parts[k], query.weight > 0), 6
                ),
                shift_cm1=match.term.shift,
                bands_cm1=_bands(query.values - others, references, match),
                alternatives=tuple(dict.fromkeys([*same, *rivals])),
                watch_list=method.watched(sorted(names)),
            )
        )
    return tuple(sorted(made, key=lambda c: (c.role == "container", -c.spectral_share)))


def _squared_cosine(left: FloatArray, right: FloatArray, where: npt.NDArray[np.bool_]) -> float:
    left, right = left[where], right[where]
    size = float(left @ left) * float(right @ right)
    return float(left @ right) ** 2 / size if size > 0 else 0.0


def _bands(rest: FloatArray, references: ReferenceSet, match: Match) -> tuple[int, ...]:
    """Return the reference's strong bands that the query shows too, in the query's cm⁻¹."""
    spacing = references.recipe.spacing
    shape = np.cumsum(references.row(match.term.row)) * spacing
    seen = np.cumsum(rest) * spacing
    theirs, _ = find_peaks(shape, prominence=0.08 * float(np.ptp(shape)))
    ours, _ = find_peaks(seen, prominence=0.04 * float(np.ptp(seen)))
    strongest = sorted(theirs, key=lambda i: -shape[i])[:8]
    found = references.axis[ours]
    wanted = [references.axis[i] + match.term.shift for i in strongest]
    hits = [
        position for position in wanted if found.size and np.min(np.abs(found - position)) <= BAND_TOLERANCE
    ]
    return tuple(sorted(round(position) for position in hits))


def _quality(query: Spectrum, features: Features, ready: Query, selection: Selection) -> Quality:
    area = float(np.sum(np.abs(features.corrected)))
    signal = max(ready.energy - ready.noise_energy, 1e-300)
    rest = max(selection.fit.rss - ready.noise_energy, 0.0)
    strongest = float(np.max(features.corrected))
    noise = float(np.median(features.sigma))
    return Quality(
        snr=round(min(strongest / max(noise, 1e-300), 1e9), 3),
        saturated=query.saturated,
        fluorescence_ratio=round(float(np.sum(np.abs(features.background))) / max(area, 1e-300), 6),
        coverage_cm1=(float(features.axis[0]), float(features.axis[-1])),
        explained=round(min(max(1.0 - rest / signal, 0.0), 1.0), 6),
    )


def _limits(
    query: Query,
    references: ReferenceSet,
    selection: Selection,
    method: Method,
    threshold: float,
    total: float,
) -> tuple[dict[str, Any], ...]:
    """State for each watch-list substance the share at which it would have been seen."""
    width = selection.matches[0].term.width if selection.matches else WIDTHS.index(8.0)
    result: list[dict[str, Any]] = []
    for item in method.watch_list:
        rows = [
            row
            for row in references.rows_of(item.substance)
            if (entry := references.entries[row]).grade is not Grade.LITERATURE
            and may_exclude(entry, training=method.training)
        ]
        share = detectable_share(
            query,
            references,
            _without(query, references, selection, rows),
            rows,
            threshold=threshold,
            total_area=total,
            width=width,
        )
        result.append(
            {"substance": item.substance, "detectable_share": None if share is None else round(share, 6)}
        )
    return tuple(result)


def _without(query: Query, references: ReferenceSet, selection: Selection, rows: list[int]) -> Fit:
    """Return the model without a substance, so that a limit can be stated for what was found as well."""
    mine = frozenset[int]().union(*(references.same_answer(row) for row in rows))
    others = [term for term in selection.fit.terms if term.row not in mine]
    if len(others) == len(selection.fit.terms):
        return selection.fit
    return replace(fit_terms(query, references, others), residual=selection.fit.residual)


def _class_limits(method: Method, classes: tuple[ClassFinding, ...]) -> tuple[dict[str, Any], ...]:
    """State for each class the share at which a member would have been seen, null where untrained."""
    shares = {one.name: one.detectable_share for one in classes}
    return tuple(
        {"substance": f"any {name.replace('_', ' ')}", "detectable_share": shares.get(name)}
        for name in method.classes
    )


def _axis_at_bound(named: list[Match], references: ReferenceSet) -> bool:
    """Whether a sharp, strong match sits at the end of the shifts that are fitted.

    Broad spectra (oils, alcohols) say little about the axis; a reference counts as sharp where
    moving it by 2 cm⁻¹ changes a tenth of its energy.
    """
    if not named or abs(named[0].term.shift) < SHIFTS[-1] or named[0].purity < 0.5:
        return False
    row = references.row(named[0].term.row, named[0].term.width)
    moved = np.interp(references.axis + 2.0, references.axis, row)
    return 1.0 - _squared_cosine(row, moved, np.ones(row.size, dtype=bool)) > 0.1


def _ranking(query: Query, references: ReferenceSet, selection: Selection) -> tuple[dict[str, Any], ...]:
    """List the references that explain most on their own, with their hit quality index."""
    known = selection.fit.parts[0] if query.blank is not None and len(selection.fit.parts) else 0.0
    rest = query.values - known
    inside = query.weight > 0
    ranked = []
    for row, _ in selection.leader[:RANKED]:
        best = max(_squared_cosine(rest, references.row(row, w), inside) for w in range(len(WIDTHS)))
        entry = references.entries[row]
        ranked.append(
            {"substance": entry.substance.name, "reference_id": entry.reference_id, "hqi": round(best, 6)}
        )
    return tuple(ranked)


def _provenance(
    method: Method, references: ReferenceSet, state: InstrumentState, rate: float
) -> dict[str, Any]:
    return {
        "method": {"name": method.name, "version": method.version, "digest": method.digest},
        "library": {"name": method.library_name, "digest": method.library_digest},
        "recipe": {"name": references.recipe.name, "digest": references.recipe.digest},
        "calibration": state.to_json(),
        "false_alarm_rate": rate,
        "null_count": method.nulls[references.recipe.technique].count,
        "software": software(),
        "build": "",
    }


def _curves(query: Query, references: ReferenceSet, selection: Selection) -> Curves:
    """Integrate what was compared back into bands, for people to look at."""
    spacing = references.recipe.spacing

    def bands(values: FloatArray) -> tuple[float, ...]:
        return tuple((np.cumsum(values) * spacing).tolist())

    names = [
        "blank" if term.row < 0 else references.entries[term.row].substance.name
        for term in selection.fit.terms
    ]
    return Curves(
        axis=tuple(references.axis.tolist()),
        query=bands(query.values),
        fit=bands(selection.fit.parts.sum(axis=0)) if len(names) else tuple(0.0 for _ in references.axis),
        parts=tuple((name, bands(part)) for name, part in zip(names, selection.fit.parts, strict=True)),
    )


__all__ = [
    "FOREIGN",
    "Component",
    "Curves",
    "Identification",
    "InstrumentState",
    "Quality",
    "identify",
]
