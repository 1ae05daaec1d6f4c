"""One OBP exchange at a time over a wire that may be lost and opened again.

The field ``regarding`` carries a sequence number: an answer counts only when it repeats the number and the
type of what was asked. Everything else is thrown away and noted, so that a late answer can never pass for a
new one.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import AcquisitionAborted, ConnectionLost, DeviceTimeout, ProtocolError
from ..interfaces import StopCheck, never_stop
from ..obp_frames import (
    MAX_PAYLOAD,
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
from ..transport.transcript import Transcript
from .obp_turns import Turns

#: Opens the wire and lets it write into the given transcript.
Opener = Callable[[Transcript], ByteStream]

#: Longest wait between two looks at the stop question, s.
STOP_INTERVAL_S = 0.04
#: A line this quiet has nothing more to say, s.
QUIET_S = 0.06
#: Longest silence within an answer that is still coming when its time is over, s: chosen.
GAP_S = 0.15
#: Bits of one byte on the line: start, eight data, stop.
LINE_BITS = 10
_ANSWERS = Flag.RESPONSE | Flag.ACK | Flag.NACK


class ObpWire(Turns):
    """The wire to one device; one thread at a time has it.

    Parameters
    ----------
    open_stream
        Opens the wire; called again when it was lost.
    first_regarding
        First sequence number; random by default, so that answers to an earlier program are stale too.
    """

    def __init__(self, open_stream: Opener, *, first_regarding: int | None = None) -> None:
        super().__init__()
        self.transcript = Transcript()
        self.stale = 0
        """Valid frames thrown away because nobody had asked for them."""
        self.unsigned = 0
        """Answers without the checksum they should have had."""
        self.md5 = False
        """Whether our frames carry an MD5 and answers have to."""
        self.doubtful = True
        """Whether the device may have been reset, or changed, since somebody last made sure of it."""
        self.openings = 1
        """How often the wire was opened."""
        self._open_stream = open_stream
        self._regarding = secrets.randbits(31) if first_regarding is None else first_regarding - 1
        self._parser = FrameParser()
        self._closed = False
        self._stream: ByteStream | None = open_stream(self.transcript)
        self.name = self._stream.name

    @property
    def stream(self) -> ByteStream:
        """The wire; raises `ConnectionLost` while there is none."""
        if self._stream is None or self._closed:
            raise ConnectionLost(f"{self.name}: no connection; open the device again")
        return self._stream

    @property
    def connected(self) -> bool:
        """Whether there is a wire."""
        return self._stream is not None and not self._closed

    @property
    def baud(self) -> int | None:
        """Speed of the line, bits per second; None where its own time does not count (TCP)."""
        return None if self._stream is None else self._stream.baud

    def line_time(self, frame_bytes: int) -> float:
        """Return how long so many bytes take on the line, s."""
        return LINE_BITS * frame_bytes / self.baud if self.baud else 0.0

    def set_baud(self, baud: int) -> None:
        """Change the speed of our end of the line."""
        if baud != self.baud:
            with self._losing():
                self.stream.set_baud(baud)

    def ask(
        self,
        kind: MessageType,
        operand: bytes,
        flags: Flag,
        timeout_s: float,
        stop: StopCheck = never_stop,
        *,
        grace_s: float = 0.0,
    ) -> Message:
        """Send one message and return the answer to it, be it a refusal.

        Parameters
        ----------
        timeout_s
            Time for the whole answer.
        grace_s
            So much longer while bytes of it keep coming.
        stop
            Asked at least every 50 ms.

        Raises
        ------
        DeviceTimeout, ProtocolError, ConnectionLost
            No answer, a damaged or wrong one, or no device.
        AcquisitionAborted
            ``stop`` said so, or somebody has something more urgent; an answer that still comes is stale.
        """
        with self.lock, self._losing():
            number = self.send(kind, operand, flags, timeout_s)
            deadline = deadline_in(timeout_s)
            answer = self._await(kind, number, deadline, deadline + grace_s, stop)
            if self.md5 and answer.checksum is not ChecksumType.MD5:
                self.unsigned += 1
                raise ProtocolError(f"{self.name}: an answer to {kind.name} without its checksum")
            asked = flags & Flag.ACK_REQUESTED and not answer.flags & Flag.NACK and not answer.error
            if asked and not answer.flags & (Flag.ACK | Flag.EXCEPTION):
                raise ProtocolError(f"{self.name}: {kind.name} was answered but not acknowledged")
            if answer.error == ErrorNumber.DEVICE_RESET:
                self.doubtful = True
            return answer

    def send(self, kind: MessageType, operand: bytes, flags: Flag, timeout_s: float) -> int:
        """Send one message without waiting, and return its sequence number."""
        with self.lock, self._losing():
            self._regarding = (self._regarding + 1) & 0xFFFFFFFF
            checksum = ChecksumType.MD5 if self.md5 else ChecksumType.NONE
            frame = encode(Message(kind, operand, flags, regarding=self._regarding, checksum=checksum))
            self.stream.write(frame, deadline=deadline_in(timeout_s))
            return self._regarding

    def drain(self, within_s: float) -> None:
        """Throw away everything on its way; the next answer must be to the next question."""
        with self.lock, self._losing():
            self._parser.reset()
            self.stream.drain(QUIET_S, MAX_PAYLOAD, within_s=within_s)

    def reopen(self) -> None:
        """Open a lost wire again; nothing where there is one. Raises as the opener does."""
        with self.lock:
            if self._closed:
                raise ConnectionLost(f"{self.name}: already closed; open the device again")
            if self._stream is None:
                self._stream = self._open_stream(self.transcript)
                self.openings += 1
                self.transcript.note("opened again")

    def lose(self) -> None:
        """Let go of the wire until `reopen`."""
        self.doubtful = True
        self._parser.reset()
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def close(self) -> None:
        """Let go of the wire for good; may be called twice."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()

    @contextmanager
    def _losing(self) -> Iterator[None]:
        """Let go of a wire that is gone; note that after any failure the device is not the one it was."""
        try:
            yield
        except ConnectionLost:
            if not self._closed:
                self.lose()
            raise
        except (DeviceTimeout, ProtocolError):
            self.doubtful = True
            raise

    def _await(
        self, kind: MessageType, number: int, deadline: float, latest: float, stop: StopCheck
    ) -> Message:
        while (left := deadline - time.monotonic()) > 0:
            if stop():
                raise AcquisitionAborted(f"{self.name}: stopped during {kind.name}")
            if self.urgent:
                raise AcquisitionAborted(f"{self.name}: {kind.name} given up, for the laser goes off first")
            data = self.stream.receive(CHUNK, wait_s=min(left, STOP_INTERVAL_S))
            for event in self._parser.feed(data):
                if isinstance(event, FrameError):
                    self._take_damage(kind, event)
                elif self._is_answer(kind, number, event):
                    return event
            if data and self._parser.pending:
                deadline = max(deadline, min(deadline_in(GAP_S), latest))
        pending = self._parser.pending
        self._parser.reset()
        state = f"{pending} bytes of a frame came" if pending else "nothing came"
        message = f"{self.name}: no answer to {kind.name} in time ({state}); check model, baud and cable"
        raise DeviceTimeout(message)

    def _take_damage(self, kind: MessageType, event: FrameError) -> None:
        """Skip garbage between frames; raise `ProtocolError` for a frame that was damaged."""
        self.transcript.note(f"not a frame: {event.fault}")
        if event.fault is not FrameFault.GARBAGE:
            raise ProtocolError(f"{self.name}: a damaged frame ({event.fault}) in answer to {kind.name}")

    def _is_answer(self, kind: MessageType, number: int, message: Message) -> bool:
        if message.regarding != number or not message.flags & _ANSWERS:
            self.stale += 1
            self.transcript.note(f"stale frame 0x{message.type:08X} regarding {message.regarding}")
            return False
        if message.type != kind:
            raise ProtocolError(
                f"{self.name}: 0x{message.type:08X} in answer to {kind.name}; is the model right?"
            )
        # "Do not ACK or NACK yet" (data sheet page 10): with a NACK it is a refusal like any other.
        return message.error != ErrorNumber.DEFERRED or bool(message.flags & Flag.NACK)
