"""Questions and commands over OBP: deadlines that know the line, one repetition, and never of a spectrum.

After any failure the link is *doubtful*: the device may have been reset, or be another one. Whoever uses the
link then has to make sure of both before trusting it again; see `obp_session`.
"""

import time
from collections.abc import Container
from contextlib import suppress

from ..errors import DeviceRefused, DeviceTimeout, ProtocolError
from ..interfaces import StopCheck
from ..obp_frames import MIN_FRAME, NO_FLAGS, Flag, Message, MessageType
from ..transport.stream import deadline_in
from .obp_refusals import refusal
from .obp_wire import ObpWire, Opener

#: What a healthy device may take beyond exposure and line time, s.
MARGIN_S = 1.0
#: What a device may take to acknowledge that it gives up an exposure, s: chosen.
ABORT_S = 0.2
#: A QE Pro spectrum is the longest that may still be on its way, bytes.
_LONGEST_FRAME = 4300


class ObpLink(ObpWire):
    """One conversation with one device.

    Parameters
    ----------
    open_stream
        Opens the wire; called again when it was lost.
    margin_s
        What the device may take beyond exposure and line time, s.
    first_regarding
        First sequence number; random by default, so that answers to an earlier program are stale too.
    """

    def __init__(
        self, open_stream: Opener, *, margin_s: float = MARGIN_S, first_regarding: int | None = None
    ) -> None:
        super().__init__(open_stream, first_regarding=first_regarding)
        self.margin_s = margin_s
        """What the device may take beyond exposure and line time, s."""
        self._busy_until = 0.0

    @property
    def busy(self) -> bool:
        """Whether an exposure may still be under way."""
        return self._busy_until > time.monotonic()

    def keep_busy(self, seconds: float) -> None:
        """Note that the device exposes for so long; until then its answers may take longer."""
        self._busy_until = deadline_in(seconds)

    def query(
        self, kind: MessageType, operand: bytes = b"", *, size: int = 16, before: float | None = None
    ) -> bytes:
        """Ask and return the answer's data; asked once more when the answer was damaged or missing.

        Parameters
        ----------
        size
            Bytes expected, for the deadline.
        before
            Moment of the monotonic clock after which no answer is waited for.

        Raises
        ------
        DeviceRefused
            The device said no.
        DeviceTimeout, ProtocolError, ConnectionLost
            No answer, a wrong one, or no device, twice.
        """
        return self._data(kind, self._twice(kind, operand, NO_FLAGS, size, before))

    def find(
        self, kind: MessageType, operand: bytes = b"", *, size: int = 16, absent: Container[int]
    ) -> bytes | None:
        """Ask, and return None where the device refuses with one of the numbers in ``absent``."""
        answer = self._twice(kind, operand, NO_FLAGS, size)
        return None if answer.error in absent else self._data(kind, answer)

    def command(self, kind: MessageType, operand: bytes = b"", *, before: float | None = None) -> None:
        """Command, with an acknowledgement asked for; repeated once, since every setting here is idempotent.

        Raises
        ------
        DeviceRefused
            The device said no.
        DeviceTimeout, ProtocolError, ConnectionLost
            No acknowledgement, a wrong one, or no device, twice.
        """
        self._data(kind, self._twice(kind, operand, Flag.ACK_REQUESTED, len(operand), before))

    def offer(self, kind: MessageType, operand: bytes = b"", *, absent: Container[int]) -> bool:
        """Command, and return False where the device refuses with one of the numbers in ``absent``."""
        answer = self._twice(kind, operand, Flag.ACK_REQUESTED, len(operand))
        if answer.error in absent:
            return False
        self._data(kind, answer)
        return True

    def attempt(
        self,
        kind: MessageType,
        operand: bytes = b"",
        *,
        flags: Flag = NO_FLAGS,
        margin_s: float,
        before: float | None = None,
    ) -> bytes:
        """Ask or command once, with a margin of its own; raises as `query`."""
        with self.lock:
            wait = self._wait(len(operand), margin_s, before=before)
            return self._data(kind, self.ask(kind, operand, flags, wait))

    def tell(self, kind: MessageType, operand: bytes = b"") -> None:
        """Command without an acknowledgement: whether it was obeyed has to be read back."""
        self.send(kind, operand, NO_FLAGS, self.margin_s)

    def acquire(
        self, kind: MessageType, operand: bytes = b"", *, exposure_s: float, size: int, stop: StopCheck
    ) -> bytes:
        """Ask for a spectrum; never asked twice, for it would be another exposure.

        Raises
        ------
        AcquisitionAborted
            ``stop`` said so, or somebody had something more urgent; the answer, should it come, is stale.
        """
        with self.lock:
            wait = exposure_s + self._wait(size)
            self.keep_busy(exposure_s + self.line_time(size))
            try:
                answer = self.ask(kind, operand, NO_FLAGS, wait, stop, grace_s=self.margin_s)
            except (DeviceTimeout, ProtocolError) as error:
                self._busy_until = 0.0
                if isinstance(error, DeviceTimeout):
                    # It may be waiting for a trigger, and deaf to everything else until then.
                    self.abort()
                # What comes next is in doubt anyway; what went wrong first is what is told.
                with suppress(ProtocolError):
                    self.resync()
                raise
            self._busy_until = 0.0
            return self._data(kind, answer)

    def abort(self) -> None:
        """Ask the device to give up its exposure; failure means only that a late answer comes."""
        if self.urgent:
            # Who waits for the wire aborts; it is to be free now.
            return
        with self.lock:
            busy, self._busy_until = self._busy_until, 0.0
            try:
                self.attempt(MessageType.ABORT_ACQUISITION, flags=Flag.ACK_REQUESTED, margin_s=ABORT_S)
            except (DeviceRefused, DeviceTimeout, ProtocolError) as error:
                self._busy_until = busy
                self.transcript.note(f"abort: {error}")

    def resync(self) -> None:
        """Throw away everything on its way; the next answer must be to the next question."""
        self.drain(MARGIN_S + self.line_time(_LONGEST_FRAME))

    def _twice(
        self, kind: MessageType, operand: bytes, flags: Flag, size: int, before: float | None = None
    ) -> Message:
        with self.lock:
            try:
                return self.ask(kind, operand, flags, self._wait(size, before=before))
            except (DeviceTimeout, ProtocolError):
                self.resync()
                return self.ask(kind, operand, flags, self._wait(size, before=before))

    def _data(self, kind: MessageType, answer: Message) -> bytes:
        error = refusal(self.name, kind, answer)
        if error is not None:
            raise error
        return answer.operand

    def _wait(self, size: int, margin_s: float | None = None, *, before: float | None = None) -> float:
        """Return how long an answer of ``size`` bytes may take; an exposure given up may still run."""
        now = time.monotonic()
        margin = self.margin_s if margin_s is None else margin_s
        wait = max(0.0, self._busy_until - now) + self.line_time(2 * MIN_FRAME + size) + margin
        if before is None:
            return wait
        if before <= now:
            raise DeviceTimeout(f"{self.name}: no time left for an answer")
        return min(wait, before - now)
