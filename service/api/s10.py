"""Item identifiers on labels: UPU S10 numbers with their check digit, and what cannot be one.

S10: two letters of the service, eight digits, a check digit, two letters of the country.
Check digit: weights 8 6 4 2 3 5 9 7 over the digits, C = 11 - (S mod 11), 10 → 0, 11 → 5
(Universal Postal Union, standard S10-12; 47312482 gives S = 200 and C = 9).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_FORM = re.compile(r"(?P<service>[A-Z]{2})(?P<serial>[0-9]{8})(?P<check>[0-9])(?P<country>[A-Z]{2})")


class ItemIdType(StrEnum):
    """Whose identifier the label carries."""

    S10 = "s10"
    CARRIER = "carrier"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Label:
    """An item identifier, read."""

    item_id: str
    """As it is kept and shown."""
    key: str
    """As it is looked up: upper case, no spaces; empty for no label."""
    kind: ItemIdType
    """As the caller said."""
    problem: str
    """Why a person has to look at the label; empty for a sound one."""

    @property
    def provisional(self) -> bool:
        """Whether the parcel can only be registered for the time being."""
        return bool(self.problem)


def check_digit(serial: str) -> int:
    """Return the check digit of the eight digits of an S10 identifier.

    Raises
    ------
    ValueError
        Not eight ASCII digits.
    """
    if not re.fullmatch(r"[0-9]{8}", serial):
        raise ValueError(f"{serial!r} is not eight digits")
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, serial, strict=True))
    check = 11 - total % 11
    return {10: 0, 11: 5}.get(check, check)


def read_label(text: str, kind: ItemIdType) -> Label:
    """Read an item identifier; a bad one is kept with its problem, never refused.

    Parameters
    ----------
    text
        As typed or scanned; spaces and lower case are tolerated.
    kind
        Whose identifier it is said to be.
    """
    key = re.sub(r"\s+", "", text).upper()
    if kind is ItemIdType.S10:
        return Label(key, key, kind, _s10_problem(key))
    shown = " ".join(text.split())
    if kind is ItemIdType.NONE:
        return Label(shown, key, kind, "the item has no readable label")
    return Label(shown, key, kind, _carrier_problem(key))


def _s10_problem(key: str) -> str:
    if not key:
        return "the label is empty"
    match = _FORM.fullmatch(key)
    if match is None:
        return "the label has not the form of an S10 identifier: two letters, nine digits, two letters"
    due = check_digit(match["serial"])
    if due != int(match["check"]):
        return f"the check digit is {match['check']} where {due} is due"
    return ""


def _carrier_problem(key: str) -> str:
    if not key:
        return "the label is empty"
    return "" if key.isprintable() else "the label holds control characters"
