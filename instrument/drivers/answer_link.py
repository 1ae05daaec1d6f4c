"""Lines to and from a laser: one answer to each question, in order, none of it numbered.

An answer that came too late would be taken for the answer to the next question. So after any failure the link
asks the fence, a question whose answer cannot be mistaken (the serial number), and throws away everything
before its answer. Bytes that nobody asked for are such a failure too.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import ConnectionLost, DeviceTimeout, InstrumentError, ProtocolError
from ..transport.stream import ByteStream
from ..transport.transcript import Transcript
from .stream_opener import StreamOpener

#: Longest answer believed, bytes.
MAX_LINE = 256
#: Lines thrown away in search of the fence.
_MAX_STALE = 64
#: A line this quiet has nothing more to say, s; chosen, 100 times an answer's time at 115200 baud.
_QUIET_S = 0.1
#: Answers that may belong to many questions, and so make no fence.
_COMMON = frozenset({"", "OK", "0", "1"})

T = TypeVar("T")


class AnswerLink:
    """One conversation with one laser; dialects add what refusals look like and how commands are confirmed.

    Parameters
    ----------
    open_stream
        Opens the port; called again when it vanished.
    fence
        Question whose answer tells this laser from all others.
    line_end, answer_end
        What ends a line of ours, and one of the laser's.
    pause_s
        Least time between two lines of ours, s.
    timeout_s
        Longest time an answer may take, s.
    """

    def __init__(
        self,
        open_stream: StreamOpener,
        *,
        fence: str,
        line_end: bytes,
        answer_end: bytes,
        pause_s: float,
        timeout_s: float,
    ) -> None:
        self.transcript = Transcript()
        self.openings = 1
        """How often the port was opened."""
        self._open_stream = open_stream
        self._fence, self._fence_answer = fence, ""
        self._line_end, self._answer_end = line_end, answer_end
        self._pause_s, self._timeout_s = pause_s, timeout_s
        self._lock = threading.RLock()
        self._sent_at = 0.0
        self._trusted = self._closed = False
        self._stream: ByteStream | None = open_stream(self.transcript)
        self.name = self._stream.name

    @property
    def lost(self) -> bool:
        """Whether the port vanished and was not opened again."""
        return self._stream is None and not self._closed

    def query(self, question: str, *, before: float | None = None) -> str:
        """Ask and return the answer; see `ask`."""
        return self.ask(question, str, before=before)

    def ask(self, question: str, read: Callable[[str], T], *, before: float | None = None) -> T:
        """Ask and return what ``read`` makes of the answer; once more where it was lost or damaged.

        Parameters
        ----------
        read
            Makes a value of the answer, or raises `ProtocolError`.
        before
            Moment of the monotonic clock after which no answer is waited for; then nothing is asked twice.

        Raises
        ------
        DeviceRefused
            The laser does not know the question or will not.
        DeviceTimeout, ProtocolError, ConnectionLost
            No answer, none of this protocol, or no laser.
        """
        with self._lock:
            if before is None:
                try:
                    return self._exchange(question, read, None)
                except (DeviceTimeout, ProtocolError) as error:
                    self.transcript.note(f"asked again: {error}")
            return self._exchange(question, read, before)

    def ask_surely(self, question: str, read: Callable[[str], T], due: Callable[[T], bool]) -> T:
        """Ask, and where the answer is not the one that is due, once more behind the fence.

        An answer to another question may look like one to this; bad news counts only when it is said twice.
        Raises as `ask`.
        """
        with self._lock:
            answer = self.ask(question, read)
            if due(answer):
                return answer
            self.distrust()
            return self.ask(question, read)

    def learn_fence(self) -> str:
        """Ask the fence and return its answer, which from now on tells late answers.

        Raises
        ------
        ProtocolError
            Something that could be the answer to another question.
        """
        answer = self.query(self._fence)
        if answer in _COMMON:
            raise ProtocolError(
                f"{self.name}: {answer!r} in answer to {self._fence}; is it the right device?"
            )
        self._fence_answer = answer
        return answer

    def come_back(self, off: str) -> None:
        """Open a port that vanished, send ``off`` before anything else, and see that it is the same laser.

        Raises
        ------
        PortNotFound, PortBusy
            It cannot be opened yet.
        ProtocolError
            Another laser is there now; the port was let go of.
        """
        with self._lock:
            self._reopen()
            try:
                self._send(off, None)
                self._open().drain(_QUIET_S, MAX_LINE * _MAX_STALE)
                self._send(self._fence, None)
                answer = self._line(None)
            except InstrumentError:
                self._lose()
                raise
            if answer != self._fence_answer:
                self._lose()
                raise ProtocolError(
                    f"{self.name}: another device is here now, {answer[:80]!r}; plug the right one in"
                )
            self._trusted = True

    def distrust(self) -> None:
        """Say that answers and questions may have come out of step."""
        self._trusted = False

    def close(self) -> None:
        """Let go of the port; may be called twice."""
        with self._lock:
            self._closed = True
            if self._stream is not None:
                self._stream.close()

    def _refuse(self, question: str, answer: str) -> None:
        """Raise `DeviceRefused` for an answer that says no; for dialects."""

    def _exchange(self, question: str, read: Callable[[str], T], before: float | None) -> T:
        try:
            self._refuse_unasked()
            if not self._trusted:
                self._catch_up(before)
            self._send(question, before)
            answer = self._line(before)
            if self._pending():
                raise ProtocolError(f"{self.name}: more than one answer to {question}")
            self._refuse(question, answer)
            return self._understood(question, answer, read)
        except (DeviceTimeout, ProtocolError, ConnectionLost):
            self._trusted = False
            raise

    def _understood(self, question: str, answer: str, read: Callable[[str], T]) -> T:
        try:
            return read(answer)
        except ProtocolError as error:
            raise ProtocolError(f"{self.name}: in answer to {question}: {error}") from error

    def _refuse_unasked(self) -> None:
        """Distrust a laser that says something nobody asked for: it may be an answer sent twice."""
        if self._trusted and self._pending():
            self._trusted = False

    def _pending(self) -> bool:
        try:
            extra = self._open().receive(MAX_LINE, wait_s=0.0)
        except ConnectionLost:
            self._lose()
            raise
        if extra:
            self.transcript.note(f"unasked for: {extra!r}")
        return bool(extra)

    def _reopen(self) -> None:
        if self.lost:
            self._stream = self._open_stream(self.transcript)
            self.openings += 1
            self.transcript.note("port opened again")

    def _open(self) -> ByteStream:
        if self._stream is None or self._closed:
            raise ConnectionLost(f"{self.name}: no connection; open the device again")
        return self._stream

    def _send(self, text: str, before: float | None) -> None:
        time.sleep(max(0.0, self._sent_at + self._pause_s - time.monotonic()))
        try:
            self._open().write(text.encode("ascii") + self._line_end, deadline=self._deadline(before))
        except ConnectionLost:
            self._lose()
            raise
        finally:
            self._sent_at = time.monotonic()

    def _line(self, before: float | None) -> str:
        try:
            line = self._open().read_until(self._answer_end, limit=MAX_LINE, deadline=self._deadline(before))
        except ConnectionLost:
            self._lose()
            raise
        try:
            text = line.decode("ascii").strip()
        except UnicodeDecodeError as error:
            raise ProtocolError(f"{self.name}: an answer that is not ASCII; check device and baud") from error
        if not text.isprintable():
            raise ProtocolError(f"{self.name}: an answer that is not printable; check device and baud")
        return text

    def _catch_up(self, before: float | None) -> None:
        """Throw away answers that are still due."""
        if not self._fence_answer:
            self._open().drain(_QUIET_S, MAX_LINE * _MAX_STALE)
        else:
            self._send(self._fence, before)
            for _ in range(_MAX_STALE):
                if self._stale_line(before) == self._fence_answer:
                    break
            else:
                raise ProtocolError(f"{self.name}: answers, but not with its serial number")
        self._trusted = True

    def _stale_line(self, before: float | None) -> str:
        try:
            line = self._line(before)
        except ProtocolError:
            # Noise on the line is thrown away like any other stale answer.
            return ""
        self.transcript.note(f"caught up with {line!r}")
        return line

    def _lose(self) -> None:
        self._trusted = False
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _deadline(self, before: float | None) -> float:
        end = time.monotonic() + self._timeout_s
        if before is None:
            return end
        if before <= time.monotonic():
            raise DeviceTimeout(f"{self.name}: no time left for an answer")
        return min(end, before)
