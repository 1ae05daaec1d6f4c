"""A serial line: how long bytes take, and what becomes of them when the two ends differ about the speed."""

import termios
from collections.abc import Callable

#: Bits of a byte on a serial line: start, eight data bits, stop.
BITS_PER_BYTE = 10
_SPEEDS = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit() and int(name[1:]) > 0
}


def terminal_baud(fd: int) -> int | None:
    """Return the speed a client set on a pseudo-terminal, bit/s; None for one without a name of its own."""
    return _SPEEDS.get(termios.tcgetattr(fd)[5])


class LineTime:
    """How long bytes take on a serial line whose baud rate the host may change.

    Parameters
    ----------
    baud
        Speed of the device, bit/s.
    """

    def __init__(self, baud: Callable[[], int]) -> None:
        self._baud = baud
        self.host_baud: Callable[[], int | None] = lambda: None
        """Speed of the host, bit/s; None where it cannot be known, as over TCP."""

    def seconds(self, count: int) -> float:
        """Return the time of so many bytes, s."""
        return count * BITS_PER_BYTE / self._baud()

    def heard(self, data: bytes) -> bytes:
        """Return what the other end hears: framing errors where the speeds differ.

        The bytes are inverted rather than computed bit by bit: what matters is that nothing is understood.
        """
        host = self.host_baud()
        if host is None or host == self._baud():
            return data
        return bytes(byte ^ 0xFF for byte in data)
