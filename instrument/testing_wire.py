"""A wire with one conversation written down beforehand; part of the test kit `instrument.testing`."""

import time
from collections import deque
from collections.abc import Sequence

from .transport.stream import WireStream
from .transport.transcript import Transcript

#: One step of a conversation: what the driver has to write, and what the device then answers. None for
#: nothing written (the device speaks unasked) or nothing answered; an exception happens to the next read.
Exchange = tuple[bytes | None, bytes | Exception | None]


class TranscriptStream(WireStream):
    """A wire with one conversation written down beforehand.

    Wrong bytes fail where they are written; bytes never written, and answers never read, fail at
    `assert_finished`, which leaving the ``with`` block calls.

    Parameters
    ----------
    exchanges
        The conversation, in order.
    fragment
        Most bytes given to the driver at once.
    """

    def __init__(
        self, exchanges: Sequence[Exchange], *, fragment: int = 1 << 16, transcript: Transcript | None = None
    ) -> None:
        super().__init__("transcript", transcript=transcript)
        self._ahead = deque(exchanges)
        self._fragment = fragment
        self._written = bytearray()
        self._answers: deque[bytes | Exception] = deque()
        self._speak_unasked()

    def assert_finished(self) -> None:
        """Fail unless the whole conversation took place."""
        assert not self._written, f"written, but only the start of what is due: {bytes(self._written)!r}"
        assert not self._ahead, f"never written: {self._ahead[0][0]!r} and {len(self._ahead) - 1} more"
        assert not self._answers, f"never read: {self._answers[0]!r}"
        assert not self._surplus, f"never used: {bytes(self._surplus)!r}"

    def __exit__(self, *error: object) -> None:
        self.close()
        if error[0] is None:
            self.assert_finished()

    def _send(self, data: bytes, timeout_s: float) -> None:
        self._written += data
        while self._written:
            assert self._ahead, f"nothing more is due, but written: {bytes(self._written)!r}"
            due, answer = self._ahead[0]
            assert due is not None
            if not self._written.startswith(due):
                assert due.startswith(self._written), f"due {due!r}, written {bytes(self._written)!r}"
                return
            del self._written[: len(due)]
            self._ahead.popleft()
            if answer is not None:
                self._answers.append(answer)
            self._speak_unasked()

    def _speak_unasked(self) -> None:
        while self._ahead and self._ahead[0][0] is None:
            answer = self._ahead.popleft()[1]
            if answer is not None:
                self._answers.append(answer)

    def _receive(self, limit: int, wait_s: float) -> bytes:
        if not self._answers:
            # Nothing can come any more; a driver that asks again and again shall not spin.
            time.sleep(min(wait_s, 0.005))
            return b""
        answer = self._answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        size = min(limit, self._fragment)
        if len(answer) > size:
            self._answers.appendleft(answer[size:])
        return answer[:size]

    def _shut(self) -> None:
        """Nothing to let go of."""
