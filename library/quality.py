"""Quality control: every entry examined by itself and against all others; nothing is ever repaired."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from spectra.recipe import Features, Recipe, default_recipe
from spectra.references import Grade, ReferenceEntry
from spectra.values import Technique

from .axis_check import check_axis
from .equivalents import compound_numbers
from .known_bands import known_bands
from .likeness import Rows
from .prepared import prepared
from .quality_codes import REFUSING, Severity
from .quality_facts import fact_findings
from .quality_figures import figures_of
from .quality_pairs import PairFinding, between
from .quality_rules import findings_of
from .quality_values import EntryQuality, Finding, in_order
from .substances import SubstanceTable

#: Called with the number of entries done since the last call.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What quality control says about entries."""

    entries: tuple[EntryQuality, ...]
    """One for each entry that was examined, in their order."""
    pairs: tuple[PairFinding, ...] = ()
    """What was found between two entries, most serious first, the most alike first."""

    def refused(self, accepted: frozenset[str] = frozenset()) -> dict[str, tuple[Finding, ...]]:
        """Return by identifier the findings that keep entries out, less those a person accepts."""
        keeping = REFUSING - accepted
        found = {
            one.reference_id: tuple(finding for finding in one.findings if finding.code in keeping)
            for one in self.entries
        }
        return {key: findings for key, findings in found.items() if findings}

    def counts(self) -> dict[str, int]:
        """Return how many entries have each code, in the order of their number."""
        codes = Counter(code for one in self.entries for code in {each.code for each in one.findings})
        return dict(sorted(codes.items(), key=lambda item: (-item[1], item[0])))

    def by_severity(self) -> dict[str, int]:
        """Return how many entries have findings of each severity at most, and how many have none."""
        worst = Counter(str(one.worst or "none") for one in self.entries)
        return {name: worst.get(name, 0) for name in (*map(str, Severity), "none")}

    @property
    def needs_person(self) -> bool:
        """Whether a person has to look at something."""
        return any(one.worst in (Severity.REFUSE, Severity.CHECK) for one in self.entries)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "severities": self.by_severity(),
            "codes": self.counts(),
            "entries": [one.to_json() for one in self.entries],
            "pairs": [one.to_json() for one in self.pairs],
        }


def check_entries(
    entries: Iterable[ReferenceEntry],
    *,
    held: Iterable[ReferenceEntry] = (),
    table: SubstanceTable | None = None,
    progress: Progress = lambda _done: None,
) -> QualityReport:
    """Examine entries by themselves, against each other, and against those a library holds.

    Parameters
    ----------
    entries
        What is examined.
    held
        Entries of a library they would join; only compared with. One of the same identifier as a new
        entry would be replaced by it and is passed over.
    table
        Substance table; the shipped one when None.
    progress
        Called as entries are done; the numbers add up to those of `entries`.
    """
    new = tuple(entries)
    taken = {entry.reference_id for entry in new}
    old = tuple(entry for entry in held if entry.reference_id not in taken)
    table = table or SubstanceTable.shipped()
    every = (*old, *new)
    results: dict[str, EntryQuality] = {}
    pairs: list[PairFinding] = []
    compounds = compound_numbers(every)
    for technique, enhanced in product(Technique, (False, True)):
        mine = [
            index
            for index, entry in enumerate(every)
            if entry.technique is technique and entry.enhanced is enhanced
        ]
        if not any(index >= len(old) for index in mine):
            continue
        chosen = [every[index] for index in mine]
        since = sum(index < len(old) for index in mine)
        recipe = default_recipe(technique)
        rows = _examined(chosen, since, recipe, table, results, progress)
        numbers = [compounds[index] for index in mine]
        pairs += between(chosen, rows, numbers, recipe=recipe, since=since)
    _tell_both(results, pairs)
    return QualityReport(tuple(results[entry.reference_id] for entry in new), tuple(pairs))


def _examined(
    entries: Sequence[ReferenceEntry],
    since: int,
    recipe: Recipe,
    table: SubstanceTable,
    results: dict[str, EntryQuality],
    progress: Progress,
) -> Rows:
    """Examine the entries from `since` on; return the derivatives of all, shape (entries, n)."""
    grid = recipe.grid()
    rows = np.zeros((len(entries), grid.size), dtype=np.float32)
    for ready in prepared(entries, recipe):
        features = ready.features
        if features is not None:
            rows[ready.index, features.first : features.first + features.axis.size] = features.values
        if ready.index >= since:
            entry = entries[ready.index]
            results[entry.reference_id] = _one(entry, features, recipe, table)
            progress(1)
    return rows


def _one(
    entry: ReferenceEntry, features: Features | None, recipe: Recipe, table: SubstanceTable
) -> EntryQuality:
    # The bands of a surface-enhanced spectrum are those of another surface.
    bands = () if entry.enhanced else known_bands(entry.substance, entry.technique)
    axis = None
    # What was rendered from the tables agrees with them by making.
    if features is not None and entry.grade is Grade.MEASURED and not entry.enhanced:
        axis = check_axis(features.axis, features.values, features.corrected, bands, recipe)
    figures = figures_of(entry.spectrum, features, recipe, axis, bands)
    measured = entry.grade is Grade.MEASURED
    findings = findings_of(entry.spectrum, figures, features, axis, measured=measured)
    findings += fact_findings(entry, table)
    return EntryQuality(entry.reference_id, entry.substance.name, figures, in_order(findings))


def _tell_both(results: dict[str, EntryQuality], pairs: Iterable[PairFinding]) -> None:
    """Give what was found between two entries to each of them that is examined."""
    told: dict[str, list[Finding]] = {}
    for pair in pairs:
        sides = ((pair.first, pair.second), (pair.second, pair.first))
        for mine, other in sides if pair.both else sides[:1]:
            words = f"{other.substance} ({other.reference_id}), likeness {pair.likeness:.3f}"
            numbers = {"other": other.reference_id, "likeness": round(pair.likeness, 4)}
            told.setdefault(mine.reference_id, []).append(Finding(pair.code, words, numbers))
    for key, findings in told.items():
        if (known := results.get(key)) is not None:
            results[key] = replace(known, findings=in_order([*known.findings, *findings]))
