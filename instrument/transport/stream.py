"""What every wire offers a driver, and the part all wires share.

Deadlines are moments of `time.monotonic`; none is optional, so nothing here can wait for ever.
"""

import threading
import time
from abc import ABC, abstractmethod
from typing import Protocol, Self

from ..errors import ConnectionLost, DeviceTimeout, ProtocolError
from .transcript import Transcript

#: Most bytes taken from the wire at once.
CHUNK = 1 << 16


def deadline_in(seconds: float) -> float:
    """Return the moment so many seconds from now, on the monotonic clock."""
    return time.monotonic() + seconds


class ByteStream(Protocol):
    """Bytes to a device and back."""

    name: str
    """What to call it in a message: a path, a host and port, a resource."""
    transcript: Transcript
    """Every byte that went over it."""
    baud: int | None
    """Bits per second; None where the wire has no speed that could be set."""

    def set_baud(self, baud: int) -> None:
        """Change the speed of the open port; raises `ConnectionLost`, or `ValueError` where there is none."""
        ...

    def write(self, data: bytes, *, deadline: float) -> None:
        """Send all bytes; raises `DeviceTimeout` or `ConnectionLost`."""
        ...

    def receive(self, limit: int, *, wait_s: float) -> bytes:
        """Return at most ``limit`` bytes as soon as there are any; none when ``wait_s`` passes first."""
        ...

    def read(self, n: int, *, deadline: float, gap_s: float | None = None) -> bytes:
        """Return exactly ``n`` bytes; raises `DeviceTimeout` at the deadline or after a silent gap."""
        ...

    def read_until(self, terminator: bytes, *, limit: int, deadline: float) -> bytes:
        """Return bytes up to and with ``terminator``; raises `ProtocolError` beyond ``limit`` bytes."""
        ...

    def drain(self, quiet_s: float, limit: int = CHUNK, *, within_s: float = 2.0) -> int:
        """Throw away what arrives until it is quiet for ``quiet_s``; return how many bytes that were.

        Raises `ProtocolError` when it does not fall silent within ``limit`` bytes or ``within_s``.
        """
        ...

    def close(self) -> None:
        """Let go of the wire; may be called twice."""
        ...


class WireStream(ABC):
    """A `ByteStream` over three operations: send, receive, shut."""

    baud: int | None = None

    def __init__(self, name: str, *, transcript: Transcript | None = None) -> None:
        self.name = name
        self.transcript = Transcript() if transcript is None else transcript
        self._surplus = bytearray()
        self._closed = False
        self._closing = threading.Lock()

    def set_baud(self, baud: int) -> None:
        """Change the speed of the open port; a wire without one refuses with `ValueError`."""
        raise ValueError(f"{self.name}: no speed to change to {baud}")

    @abstractmethod
    def _send(self, data: bytes, timeout_s: float) -> None:
        """Send all bytes or raise an error of this package."""

    @abstractmethod
    def _receive(self, limit: int, wait_s: float) -> bytes:
        """Return what is there, waiting at most ``wait_s`` for the first byte."""

    @abstractmethod
    def _shut(self) -> None:
        """Let go of the port; called once."""

    def write(self, data: bytes, *, deadline: float) -> None:
        """Send all bytes; raises `DeviceTimeout` or `ConnectionLost`."""
        self._check_open()
        self.transcript.record("w", data)
        self._send(data, max(deadline - time.monotonic(), 0.001))

    def receive(self, limit: int, *, wait_s: float) -> bytes:
        """Return at most ``limit`` bytes as soon as there are any; none when ``wait_s`` passes first."""
        if self._surplus:
            return self._take(min(limit, len(self._surplus)))
        return self._fetch(min(limit, CHUNK), wait_s)

    def read(self, n: int, *, deadline: float, gap_s: float | None = None) -> bytes:
        """Return exactly ``n`` bytes; raises `DeviceTimeout` at the deadline or after a silent gap."""
        while len(self._surplus) < n:
            self._grow(deadline, gap_s, f"{len(self._surplus)} of {n} bytes")
        return self._take(n)

    def read_until(self, terminator: bytes, *, limit: int, deadline: float) -> bytes:
        """Return bytes up to and with ``terminator``; raises `ProtocolError` beyond ``limit`` bytes."""
        while (at := self._surplus.find(terminator)) < 0 and len(self._surplus) < limit:
            self._grow(deadline, None, f"no end of line after {len(self._surplus)} bytes")
        if at < 0 or at + len(terminator) > limit:
            self._surplus.clear()
            raise ProtocolError(f"{self.name}: an answer longer than {limit} bytes; check device and baud")
        return self._take(at + len(terminator))

    def drain(self, quiet_s: float, limit: int = CHUNK, *, within_s: float = 2.0) -> int:
        """Throw away what arrives until it is quiet; return how many bytes that were."""
        end = deadline_in(within_s)
        lost = len(self._surplus)
        self._surplus.clear()
        while data := self._fetch(CHUNK, quiet_s):
            lost += len(data)
            if lost > limit or time.monotonic() > end:
                raise ProtocolError(f"{self.name}: does not stop talking; check device and baud")
        if lost:
            self.transcript.note(f"{lost} bytes thrown away")
        return lost

    def close(self) -> None:
        """Let go of the wire; may be called twice."""
        with self._closing:
            closed, self._closed = self._closed, True
        if not closed:
            self._shut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectionLost(f"{self.name}: already closed; open the device again")

    def _fetch(self, limit: int, wait_s: float) -> bytes:
        self._check_open()
        data = self._receive(limit, max(wait_s, 0.0))
        if data:
            self.transcript.record("r", data)
        return data

    def _grow(self, deadline: float, gap_s: float | None, state: str) -> None:
        left = deadline - time.monotonic()
        data = self._fetch(CHUNK, left if gap_s is None else min(left, gap_s)) if left > 0 else b""
        if not data:
            raise DeviceTimeout(f"{self.name}: no complete answer in time ({state}); check power and cable")
        self._surplus += data

    def _take(self, n: int) -> bytes:
        data = bytes(self._surplus[:n])
        del self._surplus[:n]
        return data
