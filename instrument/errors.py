"""Errors of the package ``instrument``.

::

    InstrumentError
    ├── DeviceURLError (ValueError)        a device URL or configuration nobody can act on
    ├── PortBusy (OSError)                 the port exists but somebody else has it
    ├── PortNotFound (FileNotFoundError)   no such port, host or resource
    ├── ConnectionLost (ConnectionError)   the device went away
    ├── DeviceTimeout (TimeoutError)       no complete answer in time
    ├── ProtocolError (ValueError)         an answer that is not of the protocol
    ├── DeviceRefused (RuntimeError)       the device said no (NACK, error queue)
    │   ├── InterlockOpen                  the laser may not fire
    │   ├── DeviceNotReady                 busy, warming up or cooling down: wait, then try again
    │   └── HardwareFault                  the device reports that something in it is broken
    ├── SettingOutOfRange (ValueError)     a setting outside the device's limits
    │   └── UnknownSetting                 a setting this device does not have
    ├── FileRefused (ValueError)           a file beside a device that cannot be taken for its spectrum
    ├── MissingExtra (ImportError)         a driver whose optional package is not installed
    ├── AcquisitionAborted (RuntimeError)  somebody asked to stop; the laser was verified off
    └── LaserMayBeOn (RuntimeError)        the laser could not be verified off: shouted, never swallowed
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spectra.values import Scan


class InstrumentError(Exception):
    """Base of every error raised by ``instrument``."""

    scan: "Scan | None" = None
    """What had been measured when the error struck, as an aborted scan; None where nothing was."""


class DeviceURLError(InstrumentError, ValueError):
    """A device URL or configuration nobody can act on."""


class PortBusy(InstrumentError, OSError):
    """The port exists, but another program has it."""


class PortNotFound(InstrumentError, FileNotFoundError):
    """No such port, host or resource."""


class ConnectionLost(InstrumentError, ConnectionError):
    """The device went away in mid-conversation."""


class DeviceTimeout(InstrumentError, TimeoutError):
    """No complete answer in time."""


class ProtocolError(InstrumentError, ValueError):
    """An answer that is not of the protocol: bad frame, wrong type, wrong length."""


class DeviceRefused(InstrumentError, RuntimeError):
    """The device understood and said no."""


class InterlockOpen(DeviceRefused):
    """The laser's interlock or key forbids firing."""


class DeviceNotReady(DeviceRefused):
    """The device is busy, warming up or cooling down: wait, then try again."""


class HardwareFault(DeviceRefused):
    """The device reports that something in it is broken."""


class SettingOutOfRange(InstrumentError, ValueError):
    """A setting outside the device's limits; nothing was sent."""


class UnknownSetting(SettingOutOfRange):
    """A setting this device does not have, or that cannot be changed; nothing was sent."""


class FileRefused(InstrumentError, ValueError):
    """A file beside a device that cannot be taken for its spectrum; it was left where it is."""


class MissingExtra(InstrumentError, ImportError):
    """A driver whose optional package is not installed."""


class AcquisitionAborted(InstrumentError, RuntimeError):
    """Somebody asked to stop; the laser was read back as off."""


class LaserMayBeOn(InstrumentError, RuntimeError):
    """The laser could not be read back as off. Leave the beam path, use the key switch."""
