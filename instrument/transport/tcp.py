"""A TCP connection to a device."""

import contextlib
import select
import socket

from ..errors import ConnectionLost, DeviceTimeout, PortNotFound
from .stream import WireStream
from .transcript import Transcript

#: A device on the bench's own network answers in milliseconds; beyond this it is not there, s.
#: Chosen: a laser behind a lost connection has to be told of within two seconds.
CONNECT_TIMEOUT_S = 1.0


class TcpStream(WireStream):
    """Bytes over TCP.

    Raises
    ------
    PortNotFound
        No such host, nothing listens there, or no answer in `CONNECT_TIMEOUT_S`.
    """

    def __init__(self, host: str, port: int, *, transcript: Transcript | None = None) -> None:
        super().__init__(f"{host}:{port}", transcript=transcript)
        try:
            self._socket = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
        except OSError as error:
            message = f"{self.name}: nothing answers there ({error}); check address, power and cable"
            raise PortNotFound(message) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _send(self, data: bytes, timeout_s: float) -> None:
        try:
            self._socket.settimeout(timeout_s)
            self._socket.sendall(data)
        except TimeoutError as error:
            raise DeviceTimeout(f"{self.name}: the device takes no bytes; check the network") from error
        except OSError as error:
            raise self._lost(str(error)) from error

    def _receive(self, limit: int, wait_s: float) -> bytes:
        try:
            ready, _, _ = select.select([self._socket], [], [], wait_s)
            if not ready:
                return b""
            data = self._socket.recv(limit)
        except (OSError, ValueError) as error:
            raise self._lost(str(error)) from error
        if not data:
            raise self._lost("it closed the connection")
        return data

    def _shut(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _lost(self, why: str) -> ConnectionLost:
        return ConnectionLost(f"{self.name}: the device went away ({why}); check it and try again")
