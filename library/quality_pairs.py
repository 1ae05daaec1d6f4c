"""What quality control finds between two entries: one substance twice, two that look alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spectra.digest import array_digest
from spectra.recipe import Recipe
from spectra.references import ReferenceEntry
from spectra.values import FloatArray

from .likeness import Rows, compare_all, likeness
from .names import fold_name
from .quality_codes import CODES, Severity

#: Squared cosine of derivatives from which two spectra are practically the same, and from which they are
#: told as alike. Chosen on 80 open spectra: the three synonym pairs there have 0.97 to 0.995, the most
#: alike pair of two substances (sodium sulfate and benzene, one strong band each) 0.91.
SAME, ALIKE = 0.95, 0.8
#: Below this an entry does not look like the others of its own substance. Chosen: two forms of citric acid
#: have 0.7, strangers mostly below 0.2.
UNLIKE = 0.4
#: Pairs of one code that are told; the count tells the rest.
MOST_TOLD = 1_000


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two entries."""

    reference_id: str
    """Its identifier."""
    substance: str
    """Name of its substance."""


@dataclass(frozen=True, slots=True)
class PairFinding:
    """Something found between two entries."""

    code: str
    """Its code in `library.quality_codes.CODES`."""
    first: Side
    """One entry."""
    second: Side
    """The other."""
    likeness: float
    """Squared cosine of their derivatives at the best shift, 0 to 1."""
    both: bool = True
    """Whether it concerns both; False for the one entry that is unlike all others."""

    @property
    def sentence(self) -> str:
        """The finding in a sentence."""
        text = CODES[self.code].text.removesuffix(".")
        return f"{self.first.substance} / {self.second.substance} ({self.likeness:.3f}): {text}."

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "code": self.code,
            "severity": str(CODES[self.code].severity),
            "entries": [self.first.reference_id, self.second.reference_id],
            "substances": [self.first.substance, self.second.substance],
            "likeness": round(self.likeness, 4),
        }


def between(
    entries: Sequence[ReferenceEntry],
    rows: Rows,
    compounds: Sequence[int],
    *,
    recipe: Recipe,
    since: int,
) -> list[PairFinding]:
    """Compare entries of one technique with each other.

    Parameters
    ----------
    entries, rows
        The entries, and their derivatives on the recipe's axis, shape (entries, n).
    compounds
        Number of the compound of each, as `library.equivalents.compound_numbers` gives them.
    recipe
        The recipe of the rows.
    since
        Place of the first new entry: earlier ones are not compared among each other.

    Returns
    -------
    list of PairFinding
        The most serious first; of one severity the most alike first.
    """
    found = _same_numbers(entries, compounds, since)
    known = {frozenset((pair.first.reference_id, pair.second.reference_id)) for pair in found}
    compared = compare_all(rows, compounds, spacing=recipe.spacing, least=ALIKE, since=since)
    for pair in compared.pairs[:MOST_TOLD]:
        sides = _side(entries[pair.first]), _side(entries[pair.second])
        code = "same_or_alike" if pair.likeness >= SAME else "alike"
        if frozenset(side.reference_id for side in sides) not in known:
            found.append(PairFinding(code, *sides, pair.likeness))
    found += _within(entries, rows, compounds, compared.own, since, recipe.spacing)
    order = list(Severity)
    return sorted(found, key=lambda pair: (order.index(CODES[pair.code].severity), -pair.likeness))


def _side(entry: ReferenceEntry) -> Side:
    return Side(entry.reference_id, entry.substance.name)


def _same_numbers(
    entries: Sequence[ReferenceEntry], compounds: Sequence[int], since: int
) -> list[PairFinding]:
    """Return pairs of different compounds that hold the very same numbers."""
    seen: dict[str, int] = {}
    found = []
    for index, entry in enumerate(entries):
        digest = array_digest(entry.spectrum.axis, entry.spectrum.intensity)
        first = seen.setdefault(digest, index)
        if first != index and index >= since and compounds[first] != compounds[index]:
            found.append(PairFinding("same_numbers", _side(entries[first]), _side(entry), 1.0))
    return found[:MOST_TOLD]


def _within(
    entries: Sequence[ReferenceEntry],
    rows: Rows,
    compounds: Sequence[int],
    own: FloatArray,
    since: int,
    spacing: float,
) -> list[PairFinding]:
    """Return what is found between entries of one compound: other names, and entries unlike the rest."""
    members: dict[int, list[int]] = {}
    for index, compound in enumerate(compounds):
        members.setdefault(compound, []).append(index)
    found = []
    for group in members.values():
        if len(group) < 2 or group[-1] < since:
            continue
        first = group[0]
        for index in _named_otherwise(entries, group):
            value = likeness(rows[first], rows[index], spacing)
            found.append(PairFinding("duplicate", _side(entries[first]), _side(entries[index]), value))
        for index in group:
            # Vapour and solid, or two salts, differ by right.
            if index >= since and own[index] < UNLIKE and rows[index].any():
                other = _of_same_form(entries, rows, group, index)
                if other is not None:
                    value = float(own[index])
                    sides = _side(entries[index]), _side(entries[other])
                    found.append(PairFinding("unlike_same_name", *sides, value, both=len(group) == 2))
    return found


def _of_same_form(
    entries: Sequence[ReferenceEntry], rows: Rows, group: Sequence[int], index: int
) -> int | None:
    """Return the first other entry of a compound in the same form that can be compared."""
    form = entries[index].form
    others = (one for one in group if one != index and entries[one].form == form and rows[one].any())
    return next(others, None)


def _named_otherwise(entries: Sequence[ReferenceEntry], group: Sequence[int]) -> list[int]:
    """Return one entry for each further name of a compound."""
    seen = {fold_name(entries[group[0]].substance.name)}
    others = []
    for index in group[1:]:
        folded = fold_name(entries[index].substance.name)
        if folded not in seen:
            seen.add(folded)
            others.append(index)
    return others
