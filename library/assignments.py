"""What a person types to change a fact: ``field=value``, read strictly."""

import re
from dataclasses import dataclass
from typing import Any

from .errors import EditRefused
from .manifest import is_cas, is_inchikey
from .names import fold_name

#: What may be set → field of the substance; the rest are fields of the entry.
SUBSTANCE_FIELDS = {
    "name": "name",
    "synonyms": "synonyms",
    "class": "substance_class",
    "controlled": "controlled",
    "schedule": "schedule",
    "jurisdiction": "jurisdiction",
    "cas": "cas",
    "inchikey": "inchikey",
}
ENTRY_FIELDS = ("form", "instrument", "source", "licence", "packaging", "enhanced")
FIELDS = (*SUBSTANCE_FIELDS, *ENTRY_FIELDS)
_FLAGS = {"controlled", "packaging", "enhanced"}
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}
#: Longest value of a field, characters.
MAX_VALUE = 2_000

_ASSIGNMENT = re.compile(r"([a-z]+)(\+=|-=|=)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One fact to be set."""

    field: str
    """Which, of `FIELDS`."""
    operator: str
    """``=`` sets; ``+=`` and ``-=`` add to and take from the synonyms."""
    value: str
    """To what; synonyms are separated by ``|``."""


def parse_assignment(text: str) -> Assignment:
    """Read ``field=value``, ``synonyms+=value`` or ``synonyms-=value``.

    Raises
    ------
    EditRefused
        It is none of these, or the value cannot be.
    """
    found = _ASSIGNMENT.fullmatch(text)
    if not found or found[1] not in FIELDS:
        raise EditRefused(f"{text!r:.80}: say FIELD=VALUE; fields are {', '.join(FIELDS)}")
    field, operator, value = found[1], found[2], found[3].strip()
    if operator != "=" and field != "synonyms":
        raise EditRefused(f"{text!r:.80}: only synonyms take += and -=")
    if len(value) > MAX_VALUE or not value.isprintable():
        raise EditRefused(f"{field}: at most {MAX_VALUE} printable characters")
    if field == "name" and not value:
        raise EditRefused("name: an entry needs a name")
    if field in _FLAGS and value.lower() not in _YES_NO:
        raise EditRefused(f"{field}: say yes or no")
    if field == "cas" and value and not is_cas(value):
        raise EditRefused(f"cas: {value!r:.40} is no CAS number: its form or check digit is wrong")
    if field == "inchikey" and value and not is_inchikey(value):
        raise EditRefused(f"inchikey: {value!r:.40} is no InChIKey")
    return Assignment(field, operator, value)


def value_of(one: Assignment, synonyms: tuple[str, ...]) -> Any:
    """Return the new value of a field; synonyms are those there are."""
    if one.field in _FLAGS:
        return _YES_NO[one.value.lower()]
    if one.field != "synonyms":
        return one.value
    names = tuple(dict.fromkeys(name.strip() for name in one.value.split("|") if name.strip()))
    if one.operator == "=":
        return names
    folded = {fold_name(name) for name in names}
    kept = tuple(name for name in synonyms if fold_name(name) not in folded)
    return (*kept, *names) if one.operator == "+=" else kept
