"""How results stand to the flags that name them."""

from enum import StrEnum


class Standing(StrEnum):
    """How a result that a flag names stands to it."""

    FLAGGED = "flagged"
    AWAITED = "awaited"
    FOREIGN = "foreign"
