"""Question and answer with VISA devices that close the connection after each line."""

import threading
import time
from collections.abc import Callable

from ..errors import AcquisitionAborted, ConnectionLost, DeviceTimeout, ProtocolError
from ..interfaces import StopCheck, never_stop
from .stream import deadline_in
from .transcript import Transcript
from .visa import STOP_INTERVAL_S, VisaStream

#: Pause before the next connection; the maker's own client waits as long (spektralwerk_scpi_client, MIT).
RECONNECT_PAUSE_S = 0.02

#: Told what has come so far; returns the answer once it is whole.
_Whole = Callable[[bytearray], bytes | None]


class VisaLine:
    """Question and answer with a device that closes the connection after each line.

    Parameters
    ----------
    resource
        ``TCPIP0::host::port::SOCKET``.
    backend
        As for `VisaStream`.
    pause_s
        Least time between a connection and the next.
    """

    def __init__(self, resource: str, *, backend: str = "", pause_s: float = RECONNECT_PAUSE_S) -> None:
        self.name = resource
        self.transcript = Transcript()
        self._backend = backend
        self._pause_s = pause_s
        self._ready_at = 0.0
        self._lock = threading.RLock()
        self._closed = False

    def close(self) -> None:
        """Refuse further questions; may be called twice."""
        self._closed = True

    def ask(self, line: str, *, timeout_s: float, limit: int, stop: StopCheck = never_stop) -> str:
        """Send one line and return the answer without its line end.

        Raises
        ------
        PortNotFound, ConnectionLost, DeviceTimeout
            The wire failed.
        ProtocolError
            An answer longer than ``limit`` bytes, not ASCII, or more than one line.
        AcquisitionAborted
            ``stop`` said so; the connection was closed without waiting for the answer.
        """

        def whole(answer: bytearray) -> bytes | None:
            if b"\n" in answer[:-1]:
                raise ProtocolError(f"{self.name}: more than one line in answer to one")
            return bytes(answer).rstrip(b"\r\n") if answer.endswith(b"\n") else None

        answer = self._converse(line, whole, timeout_s, limit, stop)
        try:
            # Units are microseconds, which some firmware spells with the Greek letter.
            return answer.replace("µ".encode(), b"u").decode("ascii")
        except UnicodeDecodeError as error:
            raise ProtocolError(
                f"{self.name}: an answer that is not ASCII; is this the right device?"
            ) from error

    def ask_stream(
        self, line: str, *, separator: bytes, timeout_s: float, limit: int, stop: StopCheck = never_stop
    ) -> bytes:
        """Send one line that starts a stream, and return its first item that is not empty; then hang up.

        Empty items only say that the device is alive. Raises as `ask`.
        """

        def whole(answer: bytearray) -> bytes | None:
            items = bytes(answer).split(separator)[:-1]
            return next((item for item in items if item), None)

        return self._converse(line, whole, timeout_s, limit, stop)

    def _converse(self, line: str, whole: _Whole, timeout_s: float, limit: int, stop: StopCheck) -> bytes:
        with self._lock:
            if self._closed:
                raise ConnectionLost(f"{self.name}: already closed; open the device again")
            time.sleep(max(0.0, self._ready_at - time.monotonic()))
            try:
                with VisaStream(self.name, backend=self._backend, transcript=self.transcript) as stream:
                    stream.write(line.encode("ascii") + b"\n", deadline=deadline_in(timeout_s))
                    return _read(stream, whole, deadline_in(timeout_s), limit, stop)
            finally:
                self._ready_at = deadline_in(self._pause_s)


def _read(stream: VisaStream, whole: _Whole, deadline: float, limit: int, stop: StopCheck) -> bytes:
    answer = bytearray()
    while (result := whole(answer)) is None:
        if len(answer) > limit:
            raise ProtocolError(f"{stream.name}: an answer longer than {limit} bytes")
        if stop():
            raise AcquisitionAborted(f"{stream.name}: stopped while waiting for the answer")
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeviceTimeout(f"{stream.name}: no complete answer in time; check the device")
        answer += stream.receive(limit, wait_s=min(left, STOP_INTERVAL_S))
    if len(answer) > limit:
        raise ProtocolError(f"{stream.name}: an answer longer than {limit} bytes")
    return result
