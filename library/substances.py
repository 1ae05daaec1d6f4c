"""The substance table: names, synonyms, classes, identifiers and schedules, each with its source."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Self

from spectra.references import Substance

from .names import FORMS, fold_name
from .tables import read_table

COLUMNS = (
    "name",
    "synonyms",
    "class",
    "forms",
    "cas",
    "formula",
    "inchikey",
    "smiles",
    "us_schedule",
    "notes",
    "source",
)

#: Classes of which a substance without a settled schedule is treated as controlled: the safe side.
WATCHED_CLASSES = frozenset({"fentanyl_analogue", "nitazene", "opioid", "fentanyl_precursor", "other_drug"})

#: Preferred names of the materials parcels and containers are made of.
PACKAGING = frozenset(
    {
        "polyethylene",
        "polypropylene",
        "polyethylene terephthalate",
        "polytetrafluoroethylene",
        "polystyrene",
    }
)

#: How a schedule text begins that says: none. Every other text names a schedule of some jurisdiction.
_FREE = re.compile(
    r"\s*(?:schedule\s*[:=]?\s*)?(?:$|none\b|no\b|not\b|non[- ]|un(?:scheduled|controlled|listed)\b|free\b|"
    r"exempt|n/?a\b|[-–—]+\s*$|0\s*$)",
    re.IGNORECASE,
)
_UNSETTLED = re.compile(r"\s*check\b", re.IGNORECASE)


def is_controlled(schedule: str, substance_class: str) -> bool:
    """Whether a schedule text makes a substance one to look for.

    True for every text that does not say *none*, *not controlled* or the like: ``II``, ``CII``, ``Class A``
    and ``BtMG Anlage I`` alike, which is the safe side; and for an unsettled one (*check*) in a watched
    class.
    """
    if _FREE.match(schedule):
        return False
    return not _UNSETTLED.match(schedule) or substance_class in WATCHED_CLASSES


class SubstanceTable:
    """Substances, found by name, synonym, InChIKey or CAS number.

    A preferred name wins over a synonym, and an earlier row over a later one.

    Parameters
    ----------
    substances
        The substances, in order.
    """

    def __init__(self, substances: Iterable[Substance]) -> None:
        self.substances = tuple(substances)
        self._by_name: dict[str, Substance] = {}
        self._by_inchikey: dict[str, Substance] = {}
        self._by_cas: dict[str, Substance] = {}
        for one in self.substances:
            self._by_name.setdefault(fold_name(one.name), one)
            self._by_inchikey.setdefault(one.inchikey.upper(), one)
            self._by_cas.setdefault(one.cas, one)
        for one in self.substances:
            for synonym in one.synonyms:
                self._by_name.setdefault(fold_name(synonym), one)

    @classmethod
    def shipped(cls) -> Self:
        """Return the table shipped with the program.

        Raises
        ------
        TableError
            The table is missing or damaged.
        """
        return cls(_shipped_substances())

    def resolve(self, name: str, *, form: str = "") -> Substance | None:
        """Find a substance by name or synonym.

        Parameters
        ----------
        name
            In any case, with or without spaces, hyphens and underscores.
        form
            Salt or form, tried with the name where the name alone is unknown:
            ``Cocaine`` with ``HCl`` is cocaine hydrochloride.

        Returns
        -------
        Substance or None
            None where the table does not have it.
        """
        folded = fold_name(name)
        found = self._by_name.get(folded)
        if found is None and folded and form:
            word = FORMS.get(fold_name(form), fold_name(form))
            found = self._by_name.get(folded + word)
        return found

    def by_identifier(self, *, inchikey: str = "", cas: str = "") -> Substance | None:
        """Find a substance by its whole InChIKey, else by its CAS number; None where unknown."""
        if inchikey and (found := self._by_inchikey.get(inchikey.upper())):
            return found
        return self._by_cas.get(cas) if cas else None


@cache
def _shipped_substances() -> tuple[Substance, ...]:
    return tuple(_substance(row) for row in read_table("substances.csv", COLUMNS))


def _substance(row: dict[str, str]) -> Substance:
    schedule = row["us_schedule"].strip()
    told = [part.strip() for part in row["source"].split(";") if part.strip().startswith("schedule:")]
    basis = ", ".join(part.removeprefix("schedule:").strip() for part in told)
    return Substance(
        name=row["name"],
        synonyms=tuple(name for name in row["synonyms"].split("|") if name),
        substance_class=row["class"],
        controlled=is_controlled(schedule, row["class"]),
        schedule=f"{schedule} ({basis})" if basis else schedule,
        jurisdiction="US",
        cas=row["cas"],
        inchikey=row["inchikey"],
        source=row["source"],
    )
