"""What a Cobolt laser says of itself besides its light: key switch, start sequence, temperatures, hours.

Every question costs the pause between commands, so answers that change slowly are kept for a while. Older
series do not know every question: what is refused once is not asked again.
"""

import re
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import DeviceRefused, ProtocolError
from .cobolt_link import CoboltLink

#: Codes of ``f?``; source: the maker's pycobolt (MIT).
FAULTS = {"0": "", "1": "temperature", "3": "interlock", "4": "constant power time-out"}
#: Codes of ``gom?``; source: the maker's pycobolt (MIT).
MODES = {
    "0": "off",
    "1": "waiting for key",
    "2": "continuous",
    "3": "on-off modulation",
    "4": "modulation",
    "5": "fault",
    "6": "aborted",
}
#: How long key switch and start sequence are believed, s; chosen, `Cobolt.on` finds out anew when it fails.
_SWITCH_AGE_S = 5.0
#: How long temperatures and hours are believed, s; chosen, heads warm up over minutes.
_SLOW_AGE_S = 60.0
#: A head whose temperature moves faster is warming up, °C/s; chosen, five times the last digit a second.
_SETTLED_C_PER_S = 0.05
#: Readings closer to each other say nothing about the speed, s; chosen.
_SETTLING_GAP_S = 0.5
_NUMBER = re.compile(r"[+-]?\d{1,6}(\.\d{1,9})?([eE][+-]?\d{1,2})?")

T = TypeVar("T")


def read_number(answer: str) -> float:
    """Return a number; raises `ProtocolError` for anything else."""
    if not _NUMBER.fullmatch(answer):
        raise ProtocolError(f"{answer!r} is no number")
    return float(answer)


def read_flag(answer: str) -> bool:
    """Return true for 1 and false for 0; raises `ProtocolError` for anything else."""
    if answer not in {"0", "1"}:
        raise ProtocolError(f"{answer!r} is neither 0 nor 1")
    return answer == "1"


def read_code(answer: str) -> str:
    """Return a short number as text; raises `ProtocolError` for anything else."""
    if not (answer.isascii() and answer.isdigit() and len(answer) <= 4):
        raise ProtocolError(f"{answer!r} is no code")
    return answer


class CoboltFacts:
    """Slow facts of one laser, asked for when they are too old."""

    def __init__(self, link: CoboltLink) -> None:
        self._link = link
        self._kept: dict[str, tuple[float, object]] = {}
        self._unknown: set[str] = set()
        self._settled = False

    def forget(self) -> None:
        """Ask everything anew: the laser may have been restarted."""
        self._kept.clear()
        self._settled = False

    def key_on(self, *, max_age_s: float = _SWITCH_AGE_S) -> bool | None:
        """Return the position of the key switch; None where the laser cannot tell."""
        return self._ask("@cobasks?", read_flag, max_age_s)

    def mode(self, *, max_age_s: float = _SWITCH_AGE_S) -> str | None:
        """Return the state of the start sequence in words; None where the laser cannot tell."""
        code = self._ask("gom?", read_code, max_age_s)
        return None if code is None else MODES.get(code, f"number {code}")

    def autostart(self) -> bool:
        """Return whether the laser starts by its own sequence, so that ``l1`` is refused."""
        return bool(self._ask("@cobas?", read_flag, _SLOW_AGE_S))

    def temperatures(self) -> dict[str, float]:
        """Return temperatures by place, °C."""
        asked = {"baseplate": "rbpt?", "tec": "rtect?"}
        found = {place: self._ask(question, read_number, _SLOW_AGE_S) for place, question in asked.items()}
        return {place: value for place, value in found.items() if value is not None}

    def hours(self) -> float | None:
        """Return the hours of operation; None where the laser cannot tell."""
        return self._ask("hrs?", read_number, _SLOW_AGE_S)

    def settling(self) -> bool:
        """Return whether the head's temperature is still moving: two readings some time apart tell."""
        if self._settled:
            return False
        kept = self._kept.get("rtect?")
        now = self._ask("rtect?", read_number, _SETTLING_GAP_S)
        if now is None:
            self._settled = True
        if now is None or kept is None or not isinstance(kept[1], float):
            return False
        elapsed = self._kept["rtect?"][0] - kept[0]
        if elapsed < _SETTLING_GAP_S:
            return False
        self._settled = abs(now - kept[1]) <= _SETTLED_C_PER_S * elapsed
        return not self._settled

    def _ask(self, question: str, read: Callable[[str], T], max_age_s: float) -> T | None:
        if question in self._unknown:
            return None
        kept = self._kept.get(question)
        if kept is not None and time.monotonic() - kept[0] <= max_age_s:
            # Each question has one reader.
            return kept[1]  # type: ignore[return-value]
        try:
            value = self._link.ask(question, read)
        except DeviceRefused:
            self._unknown.add(question)
            return None
        self._kept[question] = (time.monotonic(), value)
        return value
