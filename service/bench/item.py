"""The label of a parcel as it comes from a barcode scanner or a keyboard."""

import re
import uuid

from ..errors import UsageError

#: UPU S10: two letters, eight digits and a check digit, two letters of the country.
_S10 = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")

#: No carrier prints more; a longer text is not a label.
MAX_LABEL = 64

#: What an item without a readable label is called until it is merged with a known parcel.
UNLABELLED = "NOLABEL-"


def clean_label(text: str) -> str:
    """Return a label as it is kept: trimmed, upper case, an S10 number without its print spaces.

    Raises
    ------
    UsageError
        The text is longer than 64 characters or holds characters no label has.
    """
    label = text.strip().upper()
    if len(label) > MAX_LABEL or not label.isprintable():
        raise UsageError(f"that is no item label: at most {MAX_LABEL} printable characters are")
    joined = re.sub(r"\s+", "", label)
    return joined if _S10.fullmatch(joined) else label


def label_type(label: str) -> str:
    """Return ``s10``, ``carrier`` or ``none`` for a cleaned label."""
    if not label or label.startswith(UNLABELLED):
        return "none"
    return "s10" if _S10.fullmatch(label) else "carrier"


def new_unlabelled() -> str:
    """Return a fresh identifier for an item whose label is missing or unreadable.

    Each such item gets one of its own: two parcels without a label are two parcels.
    """
    return UNLABELLED + uuid.uuid4().hex[:8].upper()
