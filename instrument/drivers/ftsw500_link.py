"""Lines to and from FTSW500: ``command LF``, answered by ``ACK[&value] LF`` or ``NAK&message LF``.

Answers carry no number. So whatever goes wrong closes the connection: a late answer then has none to arrive
on. Bytes nobody asked for are such a failure too.
"""

import contextlib
import re
import threading
import time
from collections.abc import Callable

from ..errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceRefused,
    DeviceTimeout,
    InstrumentError,
    PortNotFound,
    ProtocolError,
)
from ..interfaces import StopCheck, never_stop
from ..transport.stream import ByteStream, deadline_in
from ..transport.transcript import Transcript

#: Longest answer believed, bytes; FINESSE reads 1024.
MAX_LINE = 1024
#: The program answers at once; chosen, as FINESSE waits (`FTSW500_TIMEOUT` is 5 s there), s.
ANSWER_S = 3.0
STATES = range(-1, 4)
_STOP_INTERVAL_S = 0.04
_ANSWER = re.compile(rb"(ACK|NAK)(?:&([\x20-\x7e]*))?\r?\n", re.ASCII)

#: Opens a connection that writes into the given transcript.
StreamOpener = Callable[[Transcript], ByteStream]


class FtswLink:
    """One conversation with one FTSW500 program; a lost connection is opened again for the next line.

    Parameters
    ----------
    name
        What to call it in a message.
    open_stream
        Opens a connection.
    """

    def __init__(self, name: str, open_stream: StreamOpener) -> None:
        self.name = name
        self.transcript = Transcript()
        self._open_stream = open_stream
        self._lock = threading.RLock()
        self._closed = False
        self._stream: ByteStream | None = open_stream(self.transcript)

    def state(self, *, stop: StopCheck = never_stop) -> int:
        """Return the state, −1 (between two states) to 3; raises as `ask`."""
        answer = self.ask("getFTSW500State", stop=stop)
        if not re.fullmatch(r"-?[0-9]", answer) or int(answer) not in STATES:
            self._drop()
            raise ProtocolError(f"{self.name}: {answer[:40]!r} is no state of FTSW500")
        return int(answer)

    def ask(self, command: str, *, stop: StopCheck = never_stop) -> str:
        """Send a command, once, and return the value of its answer; empty where it has none.

        Raises
        ------
        DeviceRefused
            The program said no.
        ConnectionLost, DeviceTimeout
            Whether the command arrived is unknown.
        ProtocolError
            The answer is none of FTSW500's.
        AcquisitionAborted
            ``stop`` said so.
        """
        with self._lock:
            stream = self._connected()
            try:
                if stream.receive(MAX_LINE, wait_s=0.0):
                    raise ProtocolError(f"{self.name}: bytes nobody asked for; starting anew")
                deadline = deadline_in(ANSWER_S)
                stream.write(command.encode("ascii") + b"\n", deadline=deadline)
                word, value = self._answer(stream, deadline, stop)
            except InstrumentError:
                self._drop()
                raise
        if word == "NAK":
            raise DeviceRefused(f"{self.name}: FTSW500 refused {command}: {value or 'it does not say why'}")
        return value

    def close(self) -> None:
        """Hang up; may be called twice."""
        self._closed = True
        self._drop()

    def _connected(self) -> ByteStream:
        if self._closed:
            raise ConnectionLost(f"{self.name}: already closed; open the device again")
        if self._stream is None:
            try:
                self._stream = self._open_stream(self.transcript)
            except PortNotFound as error:
                raise ConnectionLost(f"{self.name}: FTSW500 went away; start it again ({error})") from error
        return self._stream

    def _answer(self, stream: ByteStream, deadline: float, stop: StopCheck) -> tuple[str, str]:
        answer = b""
        while b"\n" not in answer:
            if stop():
                raise AcquisitionAborted(f"{self.name}: stopped while waiting for an answer")
            left = deadline - time.monotonic()
            if left <= 0:
                raise DeviceTimeout(f"{self.name}: no complete answer in {ANSWER_S:g} s; is FTSW500 running?")
            answer += stream.receive(MAX_LINE, wait_s=min(left, _STOP_INTERVAL_S))
            if len(answer) > MAX_LINE:
                raise ProtocolError(f"{self.name}: an answer longer than {MAX_LINE} bytes; is it FTSW500?")
        found = _ANSWER.fullmatch(answer)
        if found is None:
            raise ProtocolError(f"{self.name}: {answer[:40]!r} is no answer of FTSW500")
        return found[1].decode(), (found[2] or b"").decode("ascii").strip()

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(InstrumentError):
                stream.close()
