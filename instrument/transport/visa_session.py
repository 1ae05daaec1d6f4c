"""Opening a VISA resource: its address taken apart, the backend chosen, the port locked.

Two kinds of resources carry bytes both ways: sockets, ``TCPIP0::host::port::SOCKET``, and serial ports,
``ASRL/dev/ttyUSB0::INSTR``. Backends are PyVISA-py, in pure Python, and a vendor's library such as NI-VISA,
asked for by ``backend=ivi`` in the URL or by the environment variable `BACKEND_VARIABLE`. Nothing here was
tried with NI-VISA: that it works is unproven.
"""

import errno
import fcntl
import os
import re
import socket
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import DeviceURLError, MissingExtra, PortBusy, PortNotFound

#: Where a URL says nothing: ``py`` (PyVISA-py) or ``ivi`` (NI-VISA or another vendor's library).
BACKEND_VARIABLE = "OPIOSCAN_VISA"
#: PyVISA-py: no vendor library needed, and the one we tested.
DEFAULT_BACKEND = "py"
BACKENDS = ("py", "ivi")
#: A host on the bench's own network answers in milliseconds; chosen.
CONNECT_TIMEOUT_MS = 3000
_SOCKET = re.compile(r"TCPIP\d*::([^:\s]{1,253})::(\d{1,5})::SOCKET", re.IGNORECASE)
_SERIAL = re.compile(r"ASRL(/(?:[^\s:]|:(?!:)){1,250}|\d{1,3})::INSTR", re.IGNORECASE)
_MISSING = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR, errno.EIO})


@dataclass(frozen=True, slots=True)
class VisaAddress:
    """A VISA resource string taken apart."""

    resource: str
    """As it was written."""
    host: str = ""
    """Host of a socket; empty for a serial port."""
    port: str = ""
    """Path of a serial port, or its number in NI-VISA; empty for a socket."""

    @classmethod
    def parse(cls, resource: str) -> "VisaAddress":
        """Take a resource string apart; raises `DeviceURLError` for any other kind of resource."""
        if found := _SOCKET.fullmatch(resource):
            return cls(resource, host=found[1])
        if found := _SERIAL.fullmatch(resource):
            return cls(resource, port=found[1])
        raise DeviceURLError(f"{resource[:80]}: write TCPIP0::HOST::PORT::SOCKET or ASRL/dev/ttyUSB0::INSTR")

    @property
    def serial(self) -> bool:
        """Whether it is a serial port."""
        return bool(self.port)


def visa_backend(asked: str = "") -> str:
    """Return the backend as PyVISA calls it, ``@py`` or ``@ivi``.

    Parameters
    ----------
    asked
        ``py`` or ``ivi``; empty for what `BACKEND_VARIABLE` says, or else `DEFAULT_BACKEND`.

    Raises
    ------
    DeviceURLError
        Another word.
    """
    word = (asked or os.environ.get(BACKEND_VARIABLE, "") or DEFAULT_BACKEND).removeprefix("@")
    if word not in BACKENDS:
        where = "backend" if asked else BACKEND_VARIABLE
        raise DeviceURLError(f"{where}={word[:40]}: write {' or '.join(BACKENDS)}")
    return f"@{word}"


def lock_port(path: str) -> int:
    """Open a serial port only to lock it, and return the descriptor that holds the lock.

    PyVISA-py cannot lock, and without a lock two readers of a port get random halves. The lock is taken
    before the port is opened, since opening alone would change the other program's baud rate.

    Raises
    ------
    PortNotFound
        No such port, or it is no serial port.
    PortBusy
        Another program has it, or this user may not open it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _MISSING:
            message = f"{path}: no such port; `opioscan devices list` shows what is there"
            raise PortNotFound(message) from error
        raise PortBusy(
            f"{path}: you may not open it, or another program has it ({error.strerror})"
        ) from error
    try:
        if not os.isatty(descriptor):
            raise PortNotFound(f"{path}: is no serial port")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, PortNotFound):
            raise
        raise PortBusy(f"{path}: another program has this port; close it and try again") from error
    return descriptor


def open_session(address: VisaAddress, *, backend: str, baud: int) -> Any:
    """Open a resource and return PyVISA's object for it.

    Raises
    ------
    PortNotFound
        Nothing answers there.
    MissingExtra
        The backend is not installed.
    DeviceURLError
        A serial port without a path, which only NI-VISA knows.
    """
    if backend == "@py" and address.serial and not address.port.startswith("/"):
        raise DeviceURLError(f"{address.resource}: write the path of the port, ASRL/dev/ttyUSB0::INSTR")
    # Here, and not above: PyVISA costs a third of a second that other devices need not wait for.
    import pyvisa

    try:
        manager = pyvisa.ResourceManager(backend)
    except (OSError, ValueError) as error:
        raise MissingExtra(
            f"{address.resource}: no VISA library for backend={backend[1:]} ({error}); "
            "install one, or use backend=py"
        ) from error
    try:
        if address.host:
            # PyVISA-py leaks a socket for a host without an address.
            socket.gethostbyname(address.host)
        if address.serial:
            return _open_serial(manager, address, backend=backend, baud=baud)
        session = manager.open_resource(
            address.resource, open_timeout=CONNECT_TIMEOUT_MS, read_termination=None, write_termination=None
        )
    # PyVISA-py raises bare Exception when it cannot connect.
    except Exception as error:
        _refuse(address, error)
    # Without this PyVISA-py drops the bytes it has when a read runs out of time.
    session.set_visa_attribute(pyvisa.constants.ResourceAttribute.suppress_end_enabled, False)
    return session


def _open_serial(manager: Any, address: VisaAddress, *, backend: str, baud: int) -> Any:
    """Open a serial port, 8N1 without flow control; reads end by count alone."""
    from pyvisa import constants

    # NI-VISA locks by itself where it is asked to (unproven); PyVISA-py refuses to try.
    mode = constants.AccessModes.no_lock if backend == "@py" else constants.AccessModes.exclusive_lock
    session = manager.open_resource(
        address.resource, access_mode=mode, read_termination=None, write_termination=None
    )
    try:
        session.baud_rate = baud
        session.data_bits = 8
        session.parity = constants.Parity.none
        session.stop_bits = constants.StopBits.one
        session.flow_control = constants.ControlFlow.none
        session.end_input = session.end_output = constants.SerialTermination.none
    except BaseException:
        session.close()
        raise
    return session


def _refuse(address: VisaAddress, error: Exception) -> NoReturn:
    if address.serial:
        raise PortNotFound(f"{address.resource}: cannot be opened as a serial port: {error}") from error
    raise PortNotFound(
        f"{address.resource}: nothing answers there ({error}); check address, power and cable"
    ) from error


def forget_session(library: Any, handle: Any) -> None:
    """Drop what PyVISA and PyVISA-py keep of a closed session: with a connection a line it would pile up."""
    for name in ("sessions", "_last_status_in_session", "_ignore_warning_in_session"):
        table = getattr(library, name, None)
        if isinstance(table, dict):
            table.pop(handle, None)
