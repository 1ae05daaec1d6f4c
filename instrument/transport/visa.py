"""VISA sockets through PyVISA, and devices that take one line per connection."""

import contextlib
import re
import select
import socket
import threading
import time
import warnings
from typing import Any

from ..errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceTimeout,
    DeviceURLError,
    PortNotFound,
    ProtocolError,
)
from ..interfaces import StopCheck, never_stop
from .stream import WireStream, deadline_in
from .transcript import Transcript

#: The pure-Python backend: no vendor library needed, and the one we tested.
BACKEND = "@py"
CONNECT_TIMEOUT_MS = 3000
#: Longest wait between two looks at the stop question, s.
STOP_INTERVAL_S = 0.04
#: Pause before the next connection; the maker's own client waits as long (spektralwerk_scpi_client, MIT).
RECONNECT_PAUSE_S = 0.02
_RESOURCE = re.compile(r"TCPIP\d*::([^:\s]+)::\d{1,5}::SOCKET", re.IGNORECASE)


class VisaStream(WireStream):
    """Bytes over a VISA socket resource, ``TCPIP0::host::port::SOCKET``.

    Raises
    ------
    DeviceURLError
        Not a socket resource. Serial ports have a transport of their own, with locking, which
        PyVISA-py cannot do.
    PortNotFound
        No such host, or nothing answers there.
    """

    def __init__(self, resource: str, *, transcript: Transcript | None = None) -> None:
        super().__init__(resource, transcript=transcript)
        match = _RESOURCE.fullmatch(resource)
        if match is None:
            raise DeviceURLError(
                f"{resource}: write TCPIP0::HOST::PORT::SOCKET; serial ports have other URLs"
            )
        # Here, and not above: PyVISA costs a third of a second that other devices need not wait for.
        import pyvisa

        self._visa_error = pyvisa.errors.VisaIOError
        self._timeout_code = pyvisa.constants.StatusCode.error_timeout
        self._more_code = pyvisa.constants.StatusCode.success_max_count_read
        try:
            # PyVISA-py leaks a socket for a host without an address.
            socket.gethostbyname(match[1])
            self._session: Any = pyvisa.ResourceManager(BACKEND).open_resource(
                resource, open_timeout=CONNECT_TIMEOUT_MS, read_termination=None, write_termination=None
            )
        # PyVISA-py raises bare Exception when it cannot connect.
        except Exception as error:
            message = f"{resource}: nothing answers there ({error}); check address, power and cable"
            raise PortNotFound(message) from error
        # Without this PyVISA-py drops the bytes it has when a read runs out of time.
        attribute = pyvisa.constants.ResourceAttribute.suppress_end_enabled
        self._session.set_visa_attribute(attribute, False)
        self._check_connected()

    def _check_connected(self) -> None:
        """Raise `PortNotFound` for a connection that was refused, which PyVISA-py does not look for."""
        raw = self._socket()
        number = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if raw else 0
        if number:
            self.close()
            raise PortNotFound(
                f"{self.name}: nothing answers there (error {number}); check address and power"
            )

    def _socket(self) -> socket.socket | None:
        session = getattr(self._session.visalib, "sessions", {}).get(self._session.session)
        raw = getattr(session, "interface", None)
        return raw if isinstance(raw, socket.socket) else None

    def _send(self, data: bytes, timeout_s: float) -> None:
        try:
            self._session.timeout = max(1.0, timeout_s * 1000)
            self._session.write_raw(data)
        except (self._visa_error, OSError) as error:
            raise self._failed(error) from error

    def _receive(self, limit: int, wait_s: float) -> bytes:
        end = deadline_in(wait_s)
        while True:
            left = end - time.monotonic()
            data = self._look(limit, min(max(left, 0.001), STOP_INTERVAL_S))
            if data or left <= STOP_INTERVAL_S:
                return data

    def _look(self, limit: int, wait_s: float) -> bytes:
        try:
            self._session.timeout = max(1.0, wait_s * 1000)
            # More bytes than asked for is what a stream is; PyVISA would warn of it.
            with self._session.ignore_warning(self._more_code):
                data, _ = self._session.visalib.read(self._session.session, limit)
        except self._visa_error as error:
            if error.error_code == self._timeout_code:
                # PyVISA-py takes a peer that hung up for a silent one, and spins.
                self._refuse_closed()
                return b""
            raise self._failed(error) from error
        except OSError as error:
            raise self._failed(error) from error
        return bytes(data)

    def _refuse_closed(self) -> None:
        raw = self._socket()
        try:
            gone = raw and select.select([raw], [], [], 0)[0] and not raw.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError) as error:
            raise self._failed(error) from error
        if gone:
            raise ConnectionLost(f"{self.name}: the device closed the connection without a full answer")

    def _failed(self, error: Exception) -> ConnectionLost | DeviceTimeout:
        if getattr(error, "error_code", None) == self._timeout_code:
            return DeviceTimeout(f"{self.name}: the device takes no bytes; check the network")
        return ConnectionLost(f"{self.name}: the device went away ({error}); check it and try again")

    def _shut(self) -> None:
        with contextlib.suppress(self._visa_error, OSError):
            self._session.close()


class VisaLine:
    """Question and answer with a device that closes the connection after each line.

    Parameters
    ----------
    resource
        ``TCPIP0::host::port::SOCKET``.
    pause_s
        Least time between a connection and the next.
    """

    def __init__(self, resource: str, *, pause_s: float = RECONNECT_PAUSE_S) -> None:
        self.name = resource
        self.transcript = Transcript()
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
        if self._closed:
            raise ConnectionLost(f"{self.name}: already closed; open the device again")
        with self._lock:
            time.sleep(max(0.0, self._ready_at - time.monotonic()))
            try:
                with VisaStream(self.name, transcript=self.transcript) as stream:
                    stream.write(line.encode("ascii") + b"\n", deadline=deadline_in(timeout_s))
                    answer = _read_line(stream, deadline_in(timeout_s), limit, stop)
            finally:
                self._ready_at = deadline_in(self._pause_s)
        try:
            return answer.decode("ascii")
        except UnicodeDecodeError as error:
            raise ProtocolError(
                f"{self.name}: an answer that is not ASCII; is this the right device?"
            ) from error


def _read_line(stream: VisaStream, deadline: float, limit: int, stop: StopCheck) -> bytes:
    answer = bytearray()
    while not answer.endswith(b"\n"):
        if stop():
            raise AcquisitionAborted(f"{stream.name}: stopped while waiting for the answer")
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeviceTimeout(f"{stream.name}: no complete answer in time; check the device")
        answer += stream.receive(limit, wait_s=min(left, STOP_INTERVAL_S))
        if len(answer) > limit or b"\n" in answer[:-1]:
            raise ProtocolError(f"{stream.name}: more than one line, or longer than {limit} bytes")
    return bytes(answer).rstrip(b"\r\n")


def visa_resources() -> tuple[str, ...]:
    """Return the VISA resources that can be found by asking: instruments, not bare sockets.

    Asks the network (VXI-11 broadcast), which takes about a second.
    """
    import pyvisa

    with warnings.catch_warnings():
        # PyVISA-py warns of optional packages that would let it look further.
        warnings.simplefilter("ignore")
        try:
            return tuple(pyvisa.ResourceManager(BACKEND).list_resources())
        # Broken network interfaces and USB libraries surface here as whatever they raise.
        except Exception:
            return ()
