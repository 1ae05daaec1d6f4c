"""A serial port that is ours alone."""

import errno
import fcntl
import select
import termios
from collections.abc import Callable
from typing import NoReturn

import serial

from ..errors import ConnectionLost, DeviceTimeout, PortBusy, PortNotFound
from .stream import WireStream
from .transcript import Transcript

_MISSING = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR})
_BUSY = frozenset({errno.EBUSY, errno.EAGAIN, errno.EACCES, errno.EPERM})


class SerialStream(WireStream):
    """Bytes over a serial port, 8N1 without flow control.

    A second opener of a tty gets every other byte unless both lock it, and PyVISA-py cannot
    lock at all; so the port is opened with pyserial's ``exclusive`` and the lock is taken once more by our
    own hand, where a pyserial without it would say nothing.

    Parameters
    ----------
    path
        Port, for example ``/dev/ttyUSB0`` or ``COM3``.
    baud
        Bits per second.

    Raises
    ------
    PortNotFound
        No such port, or it is no serial port.
    PortBusy
        Another program has it, or this user may not open it.
    """

    def __init__(self, path: str, baud: int, *, transcript: Transcript | None = None) -> None:
        super().__init__(path, transcript=transcript)
        self.baud: int | None = baud
        try:
            self._port = serial.Serial(path, baudrate=baud, timeout=0, write_timeout=1.0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            _refuse_open(path, error)
        try:
            fcntl.flock(self._port.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._port.close()
            raise PortBusy(f"{path}: another program has this port; close it and try again") from error

    def set_baud(self, baud: int) -> None:
        """Change the speed of the open port; what has not left it yet goes at the new one.

        Raises
        ------
        ConnectionLost
            The port is closed or gone.
        PortNotFound
            It does not know this speed; the old one stays.
        """
        self._check_open()
        old, self.baud = self.baud, baud
        try:
            self._port.baudrate = baud
        except ValueError as error:
            self.baud = old
            raise PortNotFound(f"{self.name}: no port with {baud} bits per second: {error}") from error
        except (serial.SerialException, OSError, termios.error) as error:
            raise self._lost(error) from error
        self.transcript.note(f"{baud} bits per second")

    def _send(self, data: bytes, timeout_s: float) -> None:
        try:
            self._port.write_timeout = timeout_s
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise DeviceTimeout(f"{self.name}: the port takes no bytes; check the cable") from error
        except (serial.SerialException, OSError, termios.error) as error:
            raise self._lost(error) from error

    def _receive(self, limit: int, wait_s: float) -> bytes:
        try:
            ready, _, _ = select.select([self._port.fileno()], [], [], wait_s)
            if not ready:
                return b""
            # A port that is readable but holds nothing has gone; pyserial says so only when asked for a byte.
            return self._port.read(max(1, min(limit, self._port.in_waiting)))
        except (serial.SerialException, OSError, ValueError) as error:
            raise self._lost(error) from error

    def _shut(self) -> None:
        self._port.close()

    def _lost(self, error: Exception) -> ConnectionLost:
        return ConnectionLost(f"{self.name}: the device went away ({error}); plug it in and try again")


def serial_opener(path: str, baud: int) -> Callable[[Transcript], SerialStream]:
    """Return what opens a port, and opens it again after it vanished.

    A pseudo-terminal is opened once: Linux gives the number of a closed one to the next program that asks.
    A symbolic link to one may be opened again.

    Raises
    ------
    PortNotFound, PortBusy
        Raised by what is returned; see `SerialStream`.
    """
    opened = False

    def open_port(transcript: Transcript) -> SerialStream:
        nonlocal opened
        if opened and path.startswith("/dev/pts/"):
            raise PortNotFound(f"{path}: the pseudo-terminal is gone; open the device again")
        stream = SerialStream(path, baud, transcript=transcript)
        opened = True
        return stream

    return open_port


def _refuse_open(path: str, error: Exception) -> NoReturn:
    number = getattr(error, "errno", None)
    if number in _MISSING:
        raise PortNotFound(f"{path}: no such port; `opioscan devices list` shows what is there") from error
    if number in _BUSY:
        message = f"{path}: another program has this port, or you may not open it; close it and try again"
        raise PortBusy(message) from error
    raise PortNotFound(f"{path}: cannot be opened as a serial port: {error}") from error
