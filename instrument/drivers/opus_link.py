"""Questions to OPUS over HTTP: one connection each, as often as OPUS likes, bounded in time and size."""

import threading
import time
from collections.abc import Callable

from ..errors import AcquisitionAborted, ConnectionLost, DeviceTimeout, PortNotFound
from ..interfaces import StopCheck, never_stop
from ..transport.stream import ByteStream, deadline_in
from ..transport.transcript import Transcript
from .opus_pages import MAX_PAGE, OpusPage, body_of, parse_page

#: OPUS takes about one request in so long, s (FINESSE, `OPUSInterface`).
PACE_S = 2.0
#: A page of OPUS comes at once or not at all; chosen, s.
ANSWER_S = 3.0
STATUS_PAGE = "stat.htm"
COMMAND_PAGE = "cmd.htm"
COMMANDS = frozenset({"connect", "start", "cancel"})
_STOP_INTERVAL_S = 0.04

#: Opens a connection that writes into the given transcript.
StreamOpener = Callable[[Transcript], ByteStream]


class OpusLink:
    """One OPUS program.

    Parameters
    ----------
    open_stream
        Opens a connection; every question has one of its own, so that no answer can come late.
    host
        Host for the request's header.
    path
        Folder of the pages, for example ``/opusrs``.
    pace_s
        Least time between two requests, s.
    """

    def __init__(self, open_stream: StreamOpener, *, host: str, path: str, pace_s: float = PACE_S) -> None:
        self.transcript = Transcript()
        self.name = f"OPUS at {host}"
        self.pace_s = pace_s
        self._open_stream = open_stream
        self._host, self._path = host, path.rstrip("/")
        self._ready_at = 0.0
        self._answered = False
        self._lock = threading.RLock()

    def may_ask(self) -> bool:
        """Whether OPUS takes a request now."""
        return time.monotonic() >= self._ready_at

    def status(self, *, stop: StopCheck = never_stop) -> OpusPage:
        """Ask for the state; raises as `command`."""
        return self._ask(STATUS_PAGE, stop)

    def command(self, name: str, *, stop: StopCheck = never_stop) -> OpusPage:
        """Send a command, once.

        Raises
        ------
        PortNotFound, ConnectionLost, DeviceTimeout, PortNotFound
            The network or OPUS failed; whether the command arrived is unknown.
        ProtocolError
            The answer is no page of OPUS.
        AcquisitionAborted
            ``stop`` said so.
        """
        if name not in COMMANDS:
            raise ValueError(f"{name!r} is no command of OPUS")
        return self._ask(f"{COMMAND_PAGE}?opusrs{name}", stop)

    def _ask(self, page: str, stop: StopCheck) -> OpusPage:
        with self._lock:
            while not self.may_ask():
                _check(stop)
                time.sleep(min(_STOP_INTERVAL_S, max(0.0, self._ready_at - time.monotonic())))
            _check(stop)
            try:
                return parse_page(self._get(page, stop))
            finally:
                self._ready_at = deadline_in(self.pace_s)

    def _get(self, page: str, stop: StopCheck) -> bytes:
        request = (
            f"GET {self._path}/{page} HTTP/1.0\r\nHost: {self._host}\r\nAccept: text/html\r\n"
            "Connection: close\r\n\r\n"
        )
        deadline = deadline_in(ANSWER_S)
        stream = self._connect()
        try:
            stream.write(request.encode("ascii"), deadline=deadline)
            return self._read(stream, deadline, stop)
        finally:
            stream.close()

    def _connect(self) -> ByteStream:
        try:
            stream = self._open_stream(self.transcript)
        except PortNotFound as error:
            if self._answered:
                raise ConnectionLost(f"{self.name}: OPUS went away; start it again ({error})") from error
            raise
        self._answered = True
        return stream

    def _read(self, stream: ByteStream, deadline: float, stop: StopCheck) -> bytes:
        reply = b""
        while True:
            _check(stop)
            left = deadline - time.monotonic()
            if left <= 0:
                raise DeviceTimeout(f"{self.name}: no complete answer in {ANSWER_S:g} s; is OPUS running?")
            try:
                data = stream.receive(MAX_PAGE + 1, wait_s=min(left, _STOP_INTERVAL_S))
            except ConnectionLost:
                if not reply:
                    raise
                whole = body_of(reply, closed=True)
                return whole if whole is not None else b""
            if data:
                reply += data
                whole = body_of(reply, closed=False)
                if whole is not None:
                    return whole


def _check(stop: StopCheck) -> None:
    if stop():
        raise AcquisitionAborted("stopped while talking to OPUS")
