"""Which names mean one substance, by a method's references and the shipped substance table."""

from collections.abc import Iterable, Iterator

from library.names import fold_name
from library.substances import SubstanceTable
from spectra.references import ReferenceEntry, Substance


class KnownNames:
    """Substances by any of their names; fits `spectra.validation.Names`.

    What the references say about each other (`ReferenceEntry.equivalents`, synonyms) comes first, then the
    table, whose names lead to a reference as well. A preferred name wins over a synonym.

    Parameters
    ----------
    entries
        The references of a method.
    table
        The substance table; by default the shipped one.
    """

    def __init__(self, entries: Iterable[ReferenceEntry], table: SubstanceTable | None = None) -> None:
        self._table = SubstanceTable.shipped() if table is None else table
        self._keys: dict[str, str] = {}
        self._classes: dict[str, str] = {}
        given = tuple(entries)
        self._held: set[str] = set()
        for entry in given:
            names = (entry.substance.name, *entry.equivalents)
            folded = [fold_name(name) for name in names]
            key = next((self._keys[name] for name in folded if name in self._keys), min(folded))
            for name in folded:
                self._keys.setdefault(name, key)
            self._held.add(key)
            self._classify(key, entry.substance)
        for entry in given:
            key = self._keys[fold_name(entry.substance.name)]
            for name in self._others(entry.substance):
                self._keys.setdefault(fold_name(name), key)

    def key(self, name: str) -> str:
        """Return one text for all names of a substance; the folded name itself where it is unknown."""
        folded = fold_name(name)
        if folded not in self._keys:
            found = self._table.resolve(name)
            names = [] if found is None else [fold_name(one) for one in (found.name, *found.synonyms)]
            known = (self._keys[one] for one in names if one in self._keys)
            self._keys[folded] = next(known, names[0] if names else folded)
            if found is not None:
                self._classify(self._keys[folded], found)
        return self._keys[folded]

    def held(self, name: str) -> bool:
        """Whether there is a reference of a substance."""
        return self.key(name) in self._held

    def class_of(self, name: str) -> str:
        """Return a substance's class; empty where it has none."""
        return self._classes.get(self.key(name), "")

    def _classify(self, key: str, substance: Substance) -> None:
        if substance.substance_class not in {"", "unknown"}:
            self._classes.setdefault(key, substance.substance_class)

    def _others(self, substance: Substance) -> Iterator[str]:
        yield from substance.synonyms
        listed = self._table.resolve(substance.name)
        if listed is not None:
            yield listed.name
            yield from listed.synonyms
