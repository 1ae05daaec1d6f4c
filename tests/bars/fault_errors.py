"""Which named errors an operation may end in when a fault strikes it; every operation may also succeed."""

from instrument.emulators.faults import DEVICE_FAULTS, FaultKind
from instrument.errors import (
    ConnectionLost,
    DeviceRefused,
    DeviceTimeout,
    FileRefused,
    HardwareFault,
    InstrumentError,
    InterlockOpen,
    LaserMayBeOn,
    PortNotFound,
    ProtocolError,
)

Errors = tuple[type[InstrumentError], ...]

_SPOILED: Errors = (ProtocolError, DeviceTimeout)
_GONE: Errors = (ConnectionLost, PortNotFound, DeviceTimeout, LaserMayBeOn)

#: Fault → errors that name it. Faults of the device are told by status and refusals, never by a failed read.
ALLOWED: dict[FaultKind, Errors] = {
    FaultKind.DROP: (DeviceTimeout,),
    # So late a reply is a lost one; the laser's own deadline for going off is shorter than it.
    FaultKind.DELAY: (DeviceTimeout, LaserMayBeOn),
    FaultKind.FRAGMENT: (),
    FaultKind.GARBAGE: (ProtocolError,),
    FaultKind.GARBAGE_INSIDE: _SPOILED,
    FaultKind.CORRUPT: _SPOILED,
    FaultKind.BAD_FOOTER: _SPOILED,
    FaultKind.BAD_CHECKSUM: (ProtocolError,),
    FaultKind.TRUNCATE: _SPOILED,
    FaultKind.WRONG_TYPE: _SPOILED,
    FaultKind.DUPLICATE: (ProtocolError,),
    FaultKind.STALE: _SPOILED,
    FaultKind.NACK: (DeviceRefused,),
    FaultKind.DISCONNECT: _GONE,
    # Where the line stays, a device that forgot everything is silent, speaks at another speed, or says no.
    FaultKind.POWER_CUT: (*_GONE, ProtocolError, DeviceRefused),
    FaultKind.INTERLOCK: (InterlockOpen, DeviceRefused),
    FaultKind.LASER_FAULT: (HardwareFault, DeviceRefused),
    FaultKind.SATURATION: (),
    FaultKind.COSMIC: (),
    FaultKind.DRIFT: (),
}

#: What firing says while the fault stays; a laser that cannot tell its interlock from a fault says the other.
FORBIDS: dict[FaultKind, Errors] = {
    FaultKind.INTERLOCK: (InterlockOpen, HardwareFault, DeviceRefused),
    FaultKind.LASER_FAULT: (HardwareFault,),
}

#: Value given with a fault; those without one have none.
VALUES: dict[FaultKind, float] = {
    FaultKind.DISCONNECT: 1.0,
    FaultKind.POWER_CUT: 0.5,
    FaultKind.SATURATION: 2.0,
    FaultKind.COSMIC: 20.0,
    FaultKind.DRIFT: 8.0,
}


#: Faults after which a device that hangs up after each answer has left an incomplete one.
_INCOMPLETE = frozenset(
    {FaultKind.DROP, FaultKind.TRUNCATE, FaultKind.BAD_FOOTER, FaultKind.DELAY, FaultKind.CORRUPT}
)
#: Faults of a file, which is refused and left where it is; one that never comes is a time-out.
_OF_FILES = frozenset(FaultKind) - DEVICE_FAULTS - {FaultKind.FRAGMENT, FaultKind.NACK}


def allowed(kind: FaultKind, *, hangs_up: bool = False, files: bool = False) -> Errors:
    """Return the errors that name a fault.

    Parameters
    ----------
    kind
        The fault.
    hangs_up
        The device closes the connection after each answer.
    files
        Its spectra come as files.
    """
    errors = ALLOWED[kind]
    if hangs_up and kind in _INCOMPLETE:
        errors += (ConnectionLost,)
    if files and kind in _OF_FILES:
        errors += (FileRefused, DeviceTimeout)
    return errors


def spec(kind: FaultKind, number: int, *, delay_s: float) -> str:
    """Return ``KIND[:VALUE]`` for the control socket; every other stale reply comes instead of the right one."""
    if kind is FaultKind.STALE and number % 2:
        return f"{kind}:1"
    if kind is FaultKind.DELAY:
        return f"{kind}:{delay_s:g}"
    return f"{kind}:{VALUES[kind]:g}" if kind in VALUES else str(kind)


def is_of_laser(kind: FaultKind) -> bool:
    """Whether the fault is the laser's own."""
    return kind in DEVICE_FAULTS and kind in FORBIDS
