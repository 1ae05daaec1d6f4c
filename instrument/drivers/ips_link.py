"""Lines to and from an IPS digital U-type laser: commands are silent, so the error queue is asked after each.

Sources: the public module ``lumed_ips``; numbers come back with their unit.
"""

import re
from collections.abc import Callable

from ..errors import DeviceRefused, DeviceTimeout, HardwareFault, ProtocolError
from .answer_link import AnswerLink
from .stream_opener import StreamOpener

#: Most errors fetched from the queue at once.
_MAX_ERRORS = 32
#: Codes of hardware errors, with our words; others of the thousands are hardware too.
_HARDWARE = {
    3011: "housekeeping",
    3012: "flash initialization failed",
    3013: "flash housekeeping failed",
    3014: "supply voltage low",
    3015: "bad 3.3 V",
    3016: "bad input voltage",
    3017: "bad cooler voltage",
    3018: "input current high",
    3019: "cooler: board state bad",
    3020: "cooler: temperature bad for long",
    3021: "cooler: temperature away from its set point",
    3022: "cooler: temperature out of range",
    3097: "power-on self-test failed",
    3098: "parameters in flash were reinitialized",
    3099: "unidentified",
}
_ERROR = re.compile(r"([+-]?\d{1,5})\s*(?:,(.{0,200}))?")
_QUANTITY = re.compile(r"([+-]?\d{1,7}(?:\.\d{1,6})?)\s*([A-Za-z%]{0,8})")


def is_hardware(code: int) -> bool:
    """Return whether an error code tells of the hardware, and not of what was sent."""
    return 3000 <= code <= 3999


def fault_words(code: int, text: str) -> str:
    """Return an error in words, with its number."""
    said = text.strip(' "') or "unknown"
    return f"{_HARDWARE.get(code, said)} ({code})"


def read_error(answer: str) -> tuple[int, str]:
    """Return code and text of an answer ``code,"text"``; raises `ProtocolError`."""
    found = _ERROR.fullmatch(answer)
    if found is None:
        raise ProtocolError(f"{answer[:80]!r} is no error message")
    return int(found[1]), found[2] or ""


def quantity(unit: str) -> Callable[[str], float]:
    """Return a reader of numbers with this unit; without any too, as old firmware sends them."""

    def read(answer: str) -> float:
        found = _QUANTITY.fullmatch(answer)
        if found is None or found[2].lower() not in {"", unit.lower()}:
            raise ProtocolError(f"{answer[:80]!r} is no number of {unit or 'things'}")
        return float(found[1])

    return read


class IpsLink(AnswerLink):
    """One conversation with one IPS laser; its identification is the fence.

    Parameters
    ----------
    open_stream, pause_s, timeout_s
        As for `AnswerLink`.
    """

    def __init__(self, open_stream: StreamOpener, *, pause_s: float, timeout_s: float) -> None:
        super().__init__(
            open_stream, fence="*IDN?", line_end=b"\n", answer_end=b"\n", pause_s=pause_s, timeout_s=timeout_s
        )
        self.last_fault = ""
        """The last hardware errors that were fetched, in words: whoever asks for errors takes them away."""

    def command(self, text: str, *, again: bool = False) -> None:
        """Command, once, and ask for the error; with ``again`` once more where that was lost or damaged.

        Raises
        ------
        DeviceRefused
            The laser said no; `HardwareFault` where its hardware is why.
        DeviceTimeout, ProtocolError, ConnectionLost
            Nobody knows whether it was obeyed.
        """
        with self._lock:
            try:
                self._command_once(text)
            except (DeviceTimeout, ProtocolError):
                if not again:
                    raise
                self._command_once(text)

    def urgent(self, text: str, *, before: float) -> None:
        """Command before anything else, even when earlier answers are due; reopens a lost port.

        Whether it was obeyed has to be read back.
        """
        with self._lock:
            self._reopen()
            self._send(text, before)
            if not self._trusted:
                self._catch_up(before)

    def errors(self, *, before: float | None = None) -> list[tuple[int, str]]:
        """Fetch and return what is in the error queue, oldest first; empty when there is nothing.

        Raises
        ------
        ProtocolError
            The queue does not become empty.
        """
        found: list[tuple[int, str]] = []
        for _ in range(_MAX_ERRORS):
            code, text = self.ask("Error?", read_error, before=before)
            if code == 0:
                self._remember(found)
                return found
            found.append((code, text))
        raise ProtocolError(f"{self.name}: more than {_MAX_ERRORS} errors in its queue")

    def _command_once(self, text: str) -> None:
        try:
            self._refuse_unasked()
            if not self._trusted:
                self._catch_up(None)
            self._send(text, None)
            first = self._exchange("Error?", read_error, None)
        except DeviceTimeout:
            self._trusted = False
            raise
        if first[0] == 0:
            return
        self._remember([first, *self.errors()])
        kind = HardwareFault if is_hardware(first[0]) else DeviceRefused
        raise kind(f"{self.name}: the laser refused {text!r}: {fault_words(*first)}")

    def _remember(self, errors: list[tuple[int, str]]) -> None:
        hardware = [fault_words(code, text) for code, text in errors if is_hardware(code)]
        self.last_fault = ", ".join(hardware) or self.last_fault
