"""One compound under several names: entries that a search must not play off against each other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from spectra.references import ReferenceEntry, Substance

from .names import fold_name, sort_key


def link_equivalents(entries: Iterable[ReferenceEntry]) -> tuple[ReferenceEntry, ...]:
    """Record in every entry the other names its compound has among these entries.

    Two entries are of one compound where they share a name or synonym (as folded by
    `fold_name`), a whole InChIKey or a CAS number, directly or through a third.

    Returns
    -------
    tuple of ReferenceEntry
        The entries in their order; those whose `equivalents` were right already unchanged.
    """
    given = tuple(entries)
    linked = list(given)
    for group in _groups([entry.substance for entry in given]):
        names = {given[index].substance.name for index in group}
        for index in group:
            others = tuple(sorted(names - {given[index].substance.name}, key=sort_key))
            if given[index].equivalents != others:
                linked[index] = replace(given[index], equivalents=others)
    return tuple(linked)


def synonym_groups(entries: Iterable[ReferenceEntry]) -> tuple[tuple[str, ...], ...]:
    """Return the groups of names that `link_equivalents` found to be one compound, sorted."""
    groups = {
        tuple(sorted({entry.substance.name, *entry.equivalents}, key=sort_key))
        for entry in entries
        if entry.equivalents
    }
    return tuple(sorted(groups))


def compound_numbers(entries: Iterable[ReferenceEntry]) -> list[int]:
    """Return a number for each entry; entries of one compound, as `link_equivalents` joins them, share it."""
    given = [entry.substance for entry in entries]
    numbers = [0] * len(given)
    for number, group in enumerate(_groups(given)):
        for index in group:
            numbers[index] = number
    return numbers


def _groups(substances: Sequence[Substance]) -> list[list[int]]:
    """Group indices by shared keys: union-find with path halving."""
    parent = list(range(len(substances)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[str, int] = {}
    for index, substance in enumerate(substances):
        for key in _keys(substance):
            parent[root(index)] = root(first.setdefault(key, index))
    groups: dict[int, list[int]] = {}
    for index in range(len(substances)):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())


def _keys(substance: Substance) -> Iterator[str]:
    for name in (substance.name, *substance.synonyms):
        # a synonym of "-" stands for none, and is no bond between substances
        if folded := fold_name(name):
            yield f"name:{folded}"
    if substance.inchikey:
        yield f"inchikey:{substance.inchikey.upper()}"
    if substance.cas:
        yield f"cas:{substance.cas}"
