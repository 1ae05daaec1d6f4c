"""Two versions of a library: what was added, removed, changed in its facts, or measured anew."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spectra.digest import array_digest
from spectra.errors import SpectraError
from spectra.recipe import default_recipe, prepare
from spectra.references import ReferenceEntry
from spectra.values import Spectrum

from .entry_json import entry_head
from .likeness import likeness


@dataclass(frozen=True, slots=True)
class EntryChange:
    """One entry that both versions have, under the same identifier."""

    reference_id: str
    """Its identifier."""
    substance: str
    """Name of its substance in the new version."""
    facts: tuple[tuple[str, Any, Any], ...] = ()
    """Field, old and new value of each fact that differs, JSON values."""
    spectrum: str = ""
    """How much its numbers differ, in words; empty where they are the same."""
    likeness: float | None = None
    """Squared cosine of both spectra's derivatives; None where they are the same or cannot be compared."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "reference_id": self.reference_id,
            "substance": self.substance,
            "facts": [{"field": field, "old": old, "new": new} for field, old, new in self.facts],
            "spectrum": self.spectrum,
            "likeness": self.likeness,
        }


@dataclass(frozen=True, slots=True)
class Remeasured:
    """An entry whose place another spectrum of the same substance and technique took."""

    substance: str
    """Name of the substance."""
    old: str
    """Identifier in the old version."""
    new: str
    """Identifier in the new version."""
    likeness: float | None
    """Squared cosine of their derivatives; None where they cannot be compared."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"substance": self.substance, "old": self.old, "new": self.new, "likeness": self.likeness}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two versions of a library differ."""

    added: tuple[ReferenceEntry, ...]
    """Entries only the new version has, but for those of `remeasured`."""
    removed: tuple[ReferenceEntry, ...]
    """Entries only the old version has, but for those of `remeasured`."""
    changed: tuple[EntryChange, ...]
    """Entries both have that differ."""
    remeasured: tuple[Remeasured, ...]
    """Substances with one spectrum gone and one come."""
    same: int
    """Entries that do not differ."""

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return bool(self.added or self.removed or self.changed or self.remeasured)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "added": [_named(entry) for entry in self.added],
            "removed": [_named(entry) for entry in self.removed],
            "changed": [one.to_json() for one in self.changed],
            "remeasured": [one.to_json() for one in self.remeasured],
            "same": self.same,
        }


def compare(old: Iterable[ReferenceEntry], new: Iterable[ReferenceEntry]) -> Comparison:
    """Compare two versions of a library, entry by entry.

    Entries belong together by their identifier. Of those left over, one old and one new entry of the same
    name and technique are taken for the same substance measured anew.
    """
    before = {entry.reference_id: entry for entry in old}
    after = {entry.reference_id: entry for entry in new}
    both = [key for key in before if key in after]
    changed = [change for key in both if (change := _change(before[key], after[key]))]
    gone = {key: entry for key, entry in before.items() if key not in after}
    come = {key: entry for key, entry in after.items() if key not in before}
    remeasured = []
    for place, (first, second) in _pairs(gone, come).items():
        value = _likeness(first.spectrum, second.spectrum)
        remeasured.append(Remeasured(place[0], first.reference_id, second.reference_id, value))
        del gone[first.reference_id], come[second.reference_id]
    return Comparison(
        tuple(come.values()),
        tuple(gone.values()),
        tuple(changed),
        tuple(remeasured),
        len(both) - len(changed),
    )


def _named(entry: ReferenceEntry) -> dict[str, Any]:
    return {"reference_id": entry.reference_id, "substance": entry.substance.name}


def _pairs(
    gone: dict[str, ReferenceEntry], come: dict[str, ReferenceEntry]
) -> dict[tuple[str, str], tuple[ReferenceEntry, ReferenceEntry]]:
    """Return what left and what came under one name and technique, where it is one of each."""
    found: dict[tuple[str, str], tuple[list[ReferenceEntry], list[ReferenceEntry]]] = {}
    for side, entries in enumerate((gone, come)):
        for entry in entries.values():
            place = (entry.substance.name, f"{entry.technique}{' enhanced' if entry.enhanced else ''}")
            found.setdefault(place, ([], []))[side].append(entry)
    return {place: (a[0], b[0]) for place, (a, b) in found.items() if len(a) == len(b) == 1}


def _change(old: ReferenceEntry, new: ReferenceEntry) -> EntryChange | None:
    before, after = _flat(old), _flat(new)
    facts = tuple(
        (field, before.get(field), after.get(field))
        for field in sorted({*before, *after})
        if before.get(field) != after.get(field)
    )
    words = _numbers(old.spectrum, new.spectrum)
    if not facts and not words:
        return None
    alike = _likeness(old.spectrum, new.spectrum) if words else None
    return EntryChange(new.reference_id, new.substance.name, facts, words, alike)


def _flat(entry: ReferenceEntry) -> dict[str, Any]:
    head = entry_head(entry)
    parts = {name: head.pop(name) for name in ("substance", "authentication") if name in head}
    inner = {f"{name}.{field}": value for name, part in parts.items() for field, value in part.items()}
    return {**head, **inner}


def _numbers(old: Spectrum, new: Spectrum) -> str:
    """Say how much the numbers differ; empty where they do not."""
    digests = [array_digest(one.axis, one.intensity, one.noise) for one in (old, new)]
    if digests[0] == digests[1]:
        return ""
    if not np.array_equal(old.axis, new.axis):
        return "another axis"
    if np.array_equal(old.intensity, new.intensity):
        return "another noise"
    size = float(np.max(np.abs(old.intensity))) or 1.0
    most = float(np.max(np.abs(new.intensity - old.intensity))) / size
    return f"intensities differ by up to {most:.3g} of the strongest"


def _likeness(old: Spectrum, new: Spectrum) -> float | None:
    recipe = default_recipe(old.technique)
    grid = recipe.grid()
    rows = []
    try:
        for spectrum in (old, new):
            features = prepare(spectrum, recipe)
            row = np.zeros(grid.size, dtype=np.float32)
            row[features.first : features.first + features.axis.size] = features.values
            rows.append(row)
    except SpectraError:
        return None
    return round(likeness(rows[0], rows[1], recipe.spacing), 4)
