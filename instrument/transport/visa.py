"""VISA sockets and serial ports through PyVISA."""

import contextlib
import os
import select
import socket
import time
import warnings

from ..errors import ConnectionLost, DeviceTimeout, PortNotFound
from .stream import WireStream, deadline_in
from .transcript import Transcript
from .visa_session import VisaAddress, forget_session, lock_port, open_session, visa_backend

#: Bits per second of a VISA serial port where nobody says otherwise: the USB lasers' own.
DEFAULT_BAUD = 115200
#: Longest wait between two looks at the stop question, s.
STOP_INTERVAL_S = 0.04


class VisaStream(WireStream):
    """Bytes over a VISA resource: ``TCPIP0::host::port::SOCKET`` or ``ASRL/dev/ttyUSB0::INSTR``.

    A serial port is ours alone while it is open (`instrument.transport.visa_session.lock_port`).

    Parameters
    ----------
    resource
        VISA resource string.
    baud
        Bits per second of a serial port, 8N1; sockets have none.
    backend
        ``py`` or ``ivi``; empty for what the environment says, or else ``py``.

    Raises
    ------
    DeviceURLError
        Neither a socket nor a serial port, or no such backend.
    MissingExtra
        The backend is not installed.
    PortNotFound
        No such port or host, or nothing answers there.
    PortBusy
        Another program has the port.
    """

    def __init__(
        self,
        resource: str,
        *,
        baud: int = DEFAULT_BAUD,
        backend: str = "",
        transcript: Transcript | None = None,
    ) -> None:
        super().__init__(resource, transcript=transcript)
        address = VisaAddress.parse(resource)
        chosen = visa_backend(backend)
        self._serial = address.serial
        ours = address.serial and address.port.startswith("/")
        self._lock_file = lock_port(address.port) if ours else None
        try:
            self._session = open_session(address, backend=chosen, baud=baud)
        except BaseException:
            self._unlock()
            raise
        import pyvisa

        self._visa_error = pyvisa.errors.VisaIOError
        self._timeout_code = pyvisa.constants.StatusCode.error_timeout
        self._more_code = pyvisa.constants.StatusCode.success_max_count_read
        self._check_connected()

    def _check_connected(self) -> None:
        """Raise `PortNotFound` for a connection that was refused, which PyVISA-py does not look for."""
        raw = self._socket()
        number = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if raw else 0
        if number:
            self.close()
            raise PortNotFound(
                f"{self.name}: nothing answers there ({os.strerror(number)}); check address and power"
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
            if self._serial:
                # A read that runs out of time drops what it has; so never ask for more than is there.
                limit = max(1, min(limit, self._session.bytes_in_buffer))
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
            return DeviceTimeout(f"{self.name}: the device takes no bytes; check the connection")
        return ConnectionLost(f"{self.name}: the device went away ({error}); check it and try again")

    def _shut(self) -> None:
        library, handle = self._session.visalib, self._session.session
        with contextlib.suppress(self._visa_error, OSError):
            self._session.close()
        forget_session(library, handle)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None


def visa_resources() -> tuple[str, ...]:
    """Return the VISA resources that can be found by asking: instruments, not bare sockets.

    Asks the network (VXI-11 broadcast), which takes about a second.
    """
    import pyvisa

    with warnings.catch_warnings():
        # PyVISA-py warns of optional packages that would let it look further.
        warnings.simplefilter("ignore")
        try:
            return tuple(pyvisa.ResourceManager(visa_backend()).list_resources())
        # Broken network interfaces and USB libraries surface here as whatever they raise.
        except Exception:
            return ()
