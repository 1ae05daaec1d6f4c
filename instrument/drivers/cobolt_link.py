"""Lines to and from a Cobolt laser: one answer to each, in order, none of it numbered.

An answer that came too late would be taken for the answer to the next question. So after any failure the link
asks for the serial number, a question whose answer cannot be mistaken, and throws away everything before it.
"""

import threading
import time
from collections.abc import Callable

from ..errors import ConnectionLost, DeviceRefused, DeviceTimeout, InstrumentError, ProtocolError
from ..transport.stream import ByteStream
from ..transport.transcript import Transcript

#: Longest answer believed, bytes.
MAX_LINE = 256
#: Lines thrown away in search of the serial number.
_MAX_STALE = 64
#: Before the serial number is known, a line this quiet has nothing more to say, s.
_QUIET_S = 0.1
_FENCE = "sn?"


class CoboltLink:
    """One conversation with one laser.

    Parameters
    ----------
    open_stream
        Opens the port and lets it write into the given transcript.
    pause_s
        Least time between two lines of ours, s.
    timeout_s
        Longest time an answer may take, s.
    """

    def __init__(
        self, open_stream: Callable[[Transcript], ByteStream], *, pause_s: float, timeout_s: float
    ) -> None:
        self.transcript = Transcript()
        self._open_stream = open_stream
        self._pause_s = pause_s
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        self._sent_at = 0.0
        self._serial = ""
        self._trusted = False
        self._closed = False
        self._stream: ByteStream | None = open_stream(self.transcript)
        self.name = self._stream.name

    def query(self, question: str, *, before: float | None = None) -> str:
        """Ask and return the answer.

        Parameters
        ----------
        before
            Moment of the monotonic clock after which no answer is waited for.

        Raises
        ------
        DeviceRefused
            The laser does not know the question or will not.
        DeviceTimeout, ProtocolError, ConnectionLost
            No answer, none of this protocol, or no laser.
        """
        with self._lock:
            try:
                if not self._trusted:
                    self._catch_up(before)
                self._send(question, before)
                answer = self._line(before)
            except InstrumentError:
                self._trusted = False
                raise
        if answer.startswith(("Syntax error", "Error")):
            raise DeviceRefused(f"{self.name}: the laser refused {question!r}: {answer}")
        return answer

    def command(self, text: str, *, before: float | None = None) -> None:
        """Command, once; raises `DeviceRefused` unless the laser answers ``OK``."""
        answer = self.query(text, before=before)
        if answer != "OK":
            self.distrust()
            raise DeviceRefused(f"{self.name}: {answer!r} in answer to {text!r}")

    def urgent(self, text: str, *, before: float) -> None:
        """Command before anything else, even when earlier answers are still due; reopens a lost port.

        Whether it was obeyed has to be read back.
        """
        with self._lock:
            self._reopen()
            if self._trusted:
                self.command(text, before=before)
                return
            self._send(text, before)
            self._catch_up(before)

    def learn_fence(self) -> str:
        """Ask for the serial number, return it, and use it from now on to tell late answers.

        Raises
        ------
        ProtocolError
            Something that could be the answer to another question.
        """
        serial = self.query(_FENCE)
        if not serial or serial in {"OK", "0", "1"}:
            raise ProtocolError(f"{self.name}: {serial!r} as serial number; is it a Cobolt laser?")
        self._serial = serial
        return serial

    def distrust(self) -> None:
        """Say that answers and questions may have come out of step."""
        self._trusted = False

    def close(self) -> None:
        """Let go of the port; may be called twice."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()

    def _reopen(self) -> None:
        if self._stream is None and not self._closed:
            self._stream = self._open_stream(self.transcript)
            self.transcript.note("port opened again")

    def _open(self) -> ByteStream:
        if self._stream is None or self._closed:
            raise ConnectionLost(f"{self.name}: no connection; open the device again")
        return self._stream

    def _send(self, text: str, before: float | None) -> None:
        time.sleep(max(0.0, self._sent_at + self._pause_s - time.monotonic()))
        try:
            self._open().write(text.encode("ascii") + b"\r", deadline=self._deadline(before))
        except ConnectionLost:
            self._lose()
            raise
        finally:
            self._sent_at = time.monotonic()

    def _line(self, before: float | None) -> str:
        try:
            line = self._open().read_until(b"\r\n", limit=MAX_LINE, deadline=self._deadline(before))
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
        if not self._serial:
            self._open().drain(_QUIET_S, MAX_LINE * _MAX_STALE)
        else:
            self._send(_FENCE, before)
            for _ in range(_MAX_STALE):
                if self._stale_line(before) == self._serial:
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
