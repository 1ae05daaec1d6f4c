"""Questions, commands and their answers over the Ocean Binary Protocol.

The field ``regarding`` carries a sequence number: an answer counts only when it repeats the number and the
type of what was asked. Everything else is thrown away and noted, so that a late answer can never pass for a
new one.
"""

import secrets
import threading
import time
from collections.abc import Callable

from ..errors import AcquisitionAborted, DeviceRefused, DeviceTimeout, ProtocolError
from ..interfaces import StopCheck, never_stop
from ..obp_frames import (
    MIN_FRAME,
    NO_FLAGS,
    ChecksumType,
    ErrorNumber,
    Flag,
    FrameError,
    FrameFault,
    FrameParser,
    Message,
    MessageType,
    encode,
)
from ..transport.stream import CHUNK, ByteStream, deadline_in

#: Longest wait between two looks at the stop question, s.
STOP_INTERVAL_S = 0.04
#: What a healthy device may take beyond exposure and line time, s.
MARGIN_S = 1.0
#: A line this quiet has nothing more to say, s.
QUIET_S = 0.06
#: Bits of one byte on the line: start, eight data, stop.
LINE_BITS = 10
#: A QE Pro spectrum is the longest that may still be on its way, bytes.
_LONGEST_FRAME = 4300
_ANSWERS = Flag.RESPONSE | Flag.ACK | Flag.NACK


class ObpLink:
    """One conversation with one device.

    Parameters
    ----------
    stream
        The wire; the link owns and closes it.
    baud
        Line speed for the deadlines; None where the wire's own time does not count (TCP).
    margin_s
        What the device may take beyond exposure and line time, s.
    first_regarding
        First sequence number; random by default, so that answers to an earlier program are stale too.
    """

    def __init__(
        self,
        stream: ByteStream,
        *,
        baud: int | None = None,
        margin_s: float = MARGIN_S,
        first_regarding: int | None = None,
    ) -> None:
        self.stream = stream
        self.baud = baud
        self.stale = 0
        """Valid frames thrown away because nobody had asked for them."""
        self._margin_s = margin_s
        self._regarding = secrets.randbits(31) if first_regarding is None else first_regarding - 1
        self._parser = FrameParser()
        self._lock = threading.RLock()
        self._busy_until = 0.0

    def line_time(self, frame_bytes: int) -> float:
        """Return how long so many bytes take on the line, s."""
        return LINE_BITS * frame_bytes / self.baud if self.baud else 0.0

    def query(self, kind: MessageType, operand: bytes = b"", *, size: int = 16) -> bytes:
        """Ask and return the answer's data; asked once more when the answer was damaged or missing.

        Parameters
        ----------
        size
            Bytes expected, for the deadline.

        Raises
        ------
        DeviceRefused
            The device said no.
        DeviceTimeout, ProtocolError, ConnectionLost
            No answer, a wrong one, or no device, twice.
        """
        with self._lock:
            try:
                return self._exchange(kind, operand, NO_FLAGS, self._wait(size))
            except (DeviceTimeout, ProtocolError):
                self.resync()
                return self._exchange(kind, operand, NO_FLAGS, self._wait(size))

    def acquire(self, kind: MessageType, *, exposure_s: float, size: int, stop: StopCheck) -> bytes:
        """Ask for a spectrum; never asked twice, for it would be another exposure.

        Raises
        ------
        AcquisitionAborted
            ``stop`` said so; the answer, should it come, will be stale.
        """
        with self._lock:
            try:
                return self._exchange(kind, b"", NO_FLAGS, exposure_s + self._wait(size), stop)
            except AcquisitionAborted:
                self._busy_until = deadline_in(exposure_s + self.line_time(size))
                raise
            except (DeviceTimeout, ProtocolError):
                self.resync()
                raise

    def command(self, kind: MessageType, operand: bytes = b"") -> None:
        """Command, with an acknowledgement asked for; repeated once, since every setting here is idempotent.

        Raises
        ------
        DeviceRefused
            The device said no.
        DeviceTimeout, ProtocolError, ConnectionLost
            No acknowledgement, a wrong one, or no device, twice.
        """
        with self._lock:
            try:
                self._exchange(kind, operand, Flag.ACK_REQUESTED, self._wait(len(operand)))
            except (DeviceTimeout, ProtocolError):
                self.resync()
                self._exchange(kind, operand, Flag.ACK_REQUESTED, self._wait(len(operand)))

    def abort(self) -> None:
        """Ask the device to give up its exposure; failure means only that a late answer comes."""
        wait = 0.2 + self.line_time(2 * MIN_FRAME)
        with self._lock:
            try:
                self._exchange(MessageType.ABORT_ACQUISITION, b"", Flag.ACK_REQUESTED, wait)
                self._busy_until = 0.0
            except (DeviceRefused, DeviceTimeout, ProtocolError) as error:
                self.stream.transcript.note(f"abort: {error}")

    def resync(self) -> None:
        """Throw away everything on its way; the next answer must be to the next question."""
        with self._lock:
            self._parser.reset()
            self.stream.drain(QUIET_S, within_s=MARGIN_S + self.line_time(_LONGEST_FRAME))

    def _wait(self, size: int) -> float:
        """Return how long an answer of ``size`` bytes may take; an exposure given up may still run."""
        busy = max(0.0, self._busy_until - time.monotonic())
        return busy + self.line_time(2 * MIN_FRAME + size) + self._margin_s

    def _exchange(
        self, kind: MessageType, operand: bytes, flags: Flag, timeout_s: float, stop: StopCheck = never_stop
    ) -> bytes:
        self._regarding = (self._regarding + 1) & 0xFFFFFFFF
        frame = encode(Message(kind, operand, flags, regarding=self._regarding, checksum=ChecksumType.NONE))
        deadline = deadline_in(timeout_s)
        self.stream.write(frame, deadline=deadline)
        answer = self._await(kind, deadline, stop)
        _refuse_nack(self.stream.name, kind, answer)
        if flags & Flag.ACK_REQUESTED and not answer.flags & Flag.ACK:
            raise ProtocolError(f"{self.stream.name}: {kind.name} was answered but not acknowledged")
        return answer.operand

    def _await(self, kind: MessageType, deadline: float, stop: StopCheck) -> Message:
        while (left := deadline - time.monotonic()) > 0:
            if stop():
                raise AcquisitionAborted(f"{self.stream.name}: stopped during {kind.name}")
            data = self.stream.receive(CHUNK, wait_s=min(left, STOP_INTERVAL_S))
            for event in self._parser.feed(data):
                if isinstance(event, FrameError):
                    self._take_damage(kind, event)
                elif self._is_answer(kind, event):
                    return event
        pending = self._parser.pending
        self._parser.reset()
        state = f"{pending} bytes of a frame came" if pending else "nothing came"
        message = (
            f"{self.stream.name}: no answer to {kind.name} in time ({state}); check model, baud and cable"
        )
        raise DeviceTimeout(message)

    def _take_damage(self, kind: MessageType, event: FrameError) -> None:
        """Skip garbage between frames; raise `ProtocolError` for a frame that was damaged."""
        self.stream.transcript.note(f"not a frame: {event.fault}")
        if event.fault is not FrameFault.GARBAGE:
            raise ProtocolError(
                f"{self.stream.name}: a damaged frame ({event.fault}) in answer to {kind.name}"
            )

    def _is_answer(self, kind: MessageType, message: Message) -> bool:
        if message.regarding != self._regarding or not message.flags & _ANSWERS:
            self.stale += 1
            self.stream.transcript.note(f"stale frame 0x{message.type:08X} regarding {message.regarding}")
            return False
        if message.type != kind:
            raise ProtocolError(
                f"{self.stream.name}: 0x{message.type:08X} in answer to {kind.name}; is the model right?"
            )
        return message.error != ErrorNumber.DEFERRED


def optional(ask: Callable[[], bytes]) -> bytes | None:
    """Return an answer, or None where the device does not know the question or has no such information."""
    try:
        return ask()
    except DeviceRefused:
        return None


def _refuse_nack(name: str, kind: MessageType, answer: Message) -> None:
    if answer.flags & Flag.NACK or answer.error:
        known = answer.error in ErrorNumber.__members__.values()
        words = ErrorNumber(answer.error).name.lower().replace("_", " ") if known else "unknown error"
        raise DeviceRefused(f"{name}: the device refused {kind.name}: {words} ({answer.error})")
    if answer.flags & Flag.EXCEPTION:
        raise DeviceRefused(f"{name}: hardware exception during {kind.name}; the data may not be valid")
