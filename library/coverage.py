"""What a library covers: classes, techniques, and which controlled substances have no usable reference."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spectra.recipe import MIN_COVERAGE, default_recipe
from spectra.references import ReferenceEntry, Substance
from spectra.values import Technique

from .documenting import is_documented
from .names import fold_name, sort_key
from .substances import SubstanceTable


@dataclass(frozen=True, slots=True)
class Covered:
    """What a library holds of one technique."""

    technique: Technique
    """The technique."""
    entries: int
    """References of it."""
    substances: int
    """Different compounds among them, by name."""
    grades: dict[str, int]
    """References by grade."""
    classes: dict[str, tuple[int, int]]
    """For each class the substances with a usable reference, and those the substance table lists."""
    usable: tuple[str, ...]
    """Controlled substances of the table with a measured reference that somebody is on record for."""
    hints: tuple[str, ...]
    """Those whose references are derived, of literature or vouched for by nobody: they may not name them."""
    missing: tuple[str, ...]
    """Those without any reference that covers enough of the range."""
    others: tuple[str, ...]
    """Controlled substances of the library that the table does not list."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "technique": str(self.technique),
            "entries": self.entries,
            "substances": self.substances,
            "grades": self.grades,
            "classes": {name: {"covered": a, "of": b} for name, (a, b) in self.classes.items()},
            "controlled": {
                "usable": list(self.usable),
                "hints_only": list(self.hints),
                "missing": list(self.missing),
                "not_in_table": list(self.others),
            },
        }


def coverage(
    entries: Iterable[ReferenceEntry], *, table: SubstanceTable | None = None
) -> tuple[Covered, ...]:
    """Return what a library covers, one for each technique.

    A reference is usable where it covers at least `spectra.recipe.MIN_COVERAGE` of the default recipe's
    range: with less, no search uses it.

    Parameters
    ----------
    entries
        The entries of the library; surface-enhanced ones cover nothing, because no scan is searched in them.
    table
        Substances it should cover; the shipped table when None.
    """
    table = table or SubstanceTable.shipped()
    given = tuple(entries)
    return tuple(
        _covered(technique, [e for e in given if e.technique is technique and not e.enhanced], table)
        for technique in Technique
    )


def _covered(technique: Technique, entries: Sequence[ReferenceEntry], table: SubstanceTable) -> Covered:
    usable = [entry for entry in entries if _is_usable(entry)]
    named: dict[str, bool] = {}
    others: set[str] = set()
    for entry in usable:
        known = _known(entry.substance, entry.form, table)
        if known is not None:
            named[known.name] = named.get(known.name, False) or is_documented(entry)
        elif entry.substance.controlled:
            others.add(entry.substance.name)
    watched = [one.name for one in table.substances if one.controlled]
    hints = [name for name in watched if named.get(name) is False]
    listed = Counter(one.substance_class for one in table.substances)
    held = Counter(one.substance_class for one in table.substances if one.name in named)
    return Covered(
        technique=technique,
        entries=len(entries),
        substances=len({fold_name(entry.substance.name) for entry in entries}),
        grades=dict(sorted(Counter(str(entry.grade) for entry in entries).items())),
        classes={name: (held[name], count) for name, count in sorted(listed.items())},
        usable=tuple(sorted((name for name in watched if named.get(name)), key=sort_key)),
        hints=tuple(sorted(hints, key=sort_key)),
        missing=tuple(sorted((name for name in watched if name not in named), key=sort_key)),
        others=tuple(sorted(others, key=sort_key)),
    )


def _known(substance: Substance, form: str, table: SubstanceTable) -> Substance | None:
    names = (substance.name, *substance.synonyms)
    found = next((known for name in names if (known := table.resolve(name))), None)
    found = found or table.by_identifier(inchikey=substance.inchikey, cas=substance.cas)
    return found or table.resolve(substance.name, form=form)


def _is_usable(entry: ReferenceEntry) -> bool:
    grid, axis = default_recipe(entry.technique).grid(), entry.spectrum.axis
    inside = min(float(axis[-1]), float(grid[-1])) - max(float(axis[0]), float(grid[0]))
    return inside >= MIN_COVERAGE * float(grid[-1] - grid[0])
