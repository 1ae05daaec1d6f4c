"""A device in this process whose answers are right but for one: for parsers that live inside drivers."""

from collections import deque
from collections.abc import Callable

from instrument.errors import DeviceTimeout
from instrument.transport.stream import WireStream
from instrument.transport.transcript import Transcript

#: What a device answers to bytes written to it; nothing where it does not.
Answer = Callable[[bytes], bytes]
#: Bytes of conversation kept, so that a hundred thousand conversations fit.
_KEPT = 1 << 12
#: Answers one operation may ask for; more are a driver that never comes to an end.
_MOST = 400


class Device:
    """A device that answers rightly, and wrongly where it is told to.

    Parameters
    ----------
    answer
        The right answers.
    brief_s
        Whoever waits no longer than this for more only looks whether there is any, s.
    """

    def __init__(self, answer: Answer, *, brief_s: float = 0.2) -> None:
        self._answer = answer
        self.brief_s = brief_s
        self._number = self._wrong_at = 0
        self._wrong: bytes | None = None

    def begin(self, wrong_at: int = -1, wrong: bytes | None = None) -> None:
        """Begin an operation: its answer of that number will be another one."""
        self._number, self._wrong_at, self._wrong = 0, wrong_at, wrong

    def open(self, _transcript: Transcript) -> "Dialogue":
        """Return a new connection."""
        return Dialogue(self)

    def answer(self, data: bytes) -> bytes:
        """Return the answer to what was written."""
        answer = self._answer(data)
        if not answer:
            return b""
        if self._number > _MOST:
            raise AssertionError("the driver asks without end")
        if self._number == self._wrong_at and self._wrong is not None:
            answer = self._wrong
        self._number += 1
        return answer


class Dialogue(WireStream):
    """A connection to a `Device`; waiting for more than there is times out at once."""

    baud = None

    def __init__(self, device: Device) -> None:
        super().__init__("fuzzed", transcript=Transcript(limit=_KEPT))
        self._device = device
        self._ready: deque[bytes] = deque()

    def set_baud(self, baud: int) -> None:
        """There is no speed."""

    def _send(self, data: bytes, timeout_s: float) -> None:
        answer = self._device.answer(data)
        if answer:
            self._ready.append(answer)

    def _receive(self, limit: int, wait_s: float) -> bytes:
        if not self._ready:
            if wait_s > self._device.brief_s:
                # Nothing more will come; waiting for it would tell nothing.
                raise DeviceTimeout("fuzzed: no more")
            return b""
        data = self._ready.popleft()
        if len(data) > limit:
            self._ready.appendleft(data[limit:])
        return data[:limit]

    def _shut(self) -> None:
        """Nothing to let go of."""
