"""What is said about an entry, against the substance table: names, identifiers, control."""

from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache

from spectra.references import ReferenceEntry, Substance

from .names import fold_name
from .quality_values import Finding
from .substances import SubstanceTable

#: A name of the table is proposed where one letter is wrong, or one too many or too few: two letters tell
#: substances of one family apart (cyclopentyl, cyclopentenyl). Shorter names are left alone. Chosen.
SHORTEST = 5
#: Names compared letter by letter, those that share most groups of three letters.
CLOSEST = 8
#: Identifiers are compared by their first block, which is the structure without stereochemistry.
_SKELETON = 14


def fact_findings(entry: ReferenceEntry, table: SubstanceTable) -> list[Finding]:
    """Return what the facts of an entry amount to against the substance table."""
    substance = entry.substance
    by_name = table.resolve(substance.name)
    by_identifier = table.by_identifier(inchikey=substance.inchikey, cas=substance.cas)
    found = []
    if by_name and by_identifier and _differ(by_name, by_identifier):
        words = f"the name is {by_name.name}, the identifier {by_identifier.name}"
        found.append(Finding("name_conflict", words))
    known = by_name or table.resolve(substance.name, form=entry.form) or by_identifier
    if known is None:
        near = spelling(substance.name)
        words = f"{substance.name}; perhaps {near}" if near else substance.name
        return [*found, Finding("name_unknown", words, {"proposal": near})]
    if fold_name(known.name) != fold_name(substance.name):
        found.append(Finding("name_variant", f"{substance.name} is {known.name}", {"proposal": known.name}))
    if known.controlled and not substance.controlled:
        said = substance.schedule or "none"
        found.append(Finding("control_lowered", f"table {known.schedule}, entry {said}"))
    return found


def _differ(one: Substance, other: Substance) -> bool:
    # A hydrate or salt beside its parent is told by the form.
    if fold_name(one.name).startswith(fold_name(other.name)) or fold_name(other.name).startswith(
        fold_name(one.name)
    ):
        return False
    mine, theirs = one.inchikey[:_SKELETON].upper(), other.inchikey[:_SKELETON].upper()
    return mine != theirs if mine and theirs else one.name != other.name


@lru_cache(maxsize=4096)
def spelling(name: str) -> str:
    """Return the preferred name in the substance table that is spelt almost like a name; empty for none."""
    folded = fold_name(name)
    names, index = _spellings()
    shared = Counter(place for part in _parts(folded) for place in index.get(part, ()))
    for place, _ in sorted(shared.items(), key=lambda item: (-item[1], item[0]))[:CLOSEST]:
        # A substance that differs in its locants alone is another substance.
        if _one_letter_off(folded, names[place][0]) and _digits(folded) == _digits(names[place][0]):
            return names[place][1]
    return ""


def _one_letter_off(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < SHORTEST:
        return False
    short, long = sorted((one, other), key=len)
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return short[same + (len(short) == len(long)) :] == long[same + 1 :]


@cache
def _spellings() -> tuple[tuple[tuple[str, str], ...], dict[str, list[int]]]:
    """Return every spelling with its preferred name, and which spellings hold a group of three letters."""
    substances = SubstanceTable.shipped().substances
    names = tuple((fold_name(spelt), one.name) for one in substances for spelt in (one.name, *one.synonyms))
    index: dict[str, list[int]] = {}
    for place, (spelt, _) in enumerate(names):
        for part in _parts(spelt):
            index.setdefault(part, []).append(place)
    return names, index


def _parts(folded: str) -> Iterable[str]:
    return {folded[i : i + 3] for i in range(len(folded) - 2)}


def _digits(folded: str) -> str:
    return "".join(char for char in folded if char.isdigit() or char == "'")
