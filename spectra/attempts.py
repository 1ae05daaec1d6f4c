"""Attempts as findings cite them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AttemptRef:
    """One attempt at one spot of an item, and what it said."""

    spot: int
    """Number of the spot on the item, from 1."""
    attempt: int
    """Number of the attempt at that spot, from 1."""
    technique: str
    """``raman`` or ``ftir``."""
    scan_id: str
    """Content address of its scan; empty where unknown."""
    verdict: str
    """What it said by itself."""
    reasons: tuple[str, ...]
    """Its reasons, as its identification lists them."""

    @property
    def place(self) -> tuple[int, int, str, str, str, tuple[str, ...]]:
        """By which attempts are listed: spot, then attempt, then the rest."""
        return self.spot, self.attempt, self.technique, self.scan_id, self.verdict, self.reasons

    def to_json(self) -> dict[str, Any]:
        """Return the attempt as JSON values."""
        return {
            "spot": self.spot,
            "attempt": self.attempt,
            "technique": self.technique,
            "scan_id": self.scan_id,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
        }


def attempt_of(identification: Mapping[str, Any]) -> AttemptRef:
    """Return the attempt an identification (JSON form, with ``spot`` and ``attempt``) was made by."""
    return AttemptRef(
        spot=int(identification.get("spot", 1)),
        attempt=int(identification.get("attempt", 1)),
        technique=str(identification["technique"]),
        scan_id=str(identification.get("scan_id", "")),
        verdict=str(identification["verdict"]),
        reasons=tuple(identification.get("reasons", ())),
    )
