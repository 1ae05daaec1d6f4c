"""Injectable faults: what a reply, or the device itself, may suffer.

A specification is a comma-separated list of ``KIND:PROBABILITY[:VALUE]``, for example
``drop:0.1,delay:0.2:1.5``. What the value means is said with each kind; kinds that do not speak of one take
none.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from ..errors import InstrumentError


class FaultKind(StrEnum):
    """What may happen to a reply or to the device."""

    DROP = "drop"
    """The reply is never sent."""
    DELAY = "delay"
    """The reply comes VALUE seconds late (1)."""
    FRAGMENT = "fragment"
    """The reply comes in pieces of seven bytes."""
    GARBAGE = "garbage"
    """Bytes of line noise come before the reply."""
    GARBAGE_INSIDE = "garbage_inside"
    """Bytes of line noise come in the middle of the reply."""
    CORRUPT = "corrupt"
    """One byte in the middle of the reply is inverted."""
    BAD_FOOTER = "bad_footer"
    """The last byte of the reply is inverted."""
    BAD_CHECKSUM = "bad_checksum"
    """The reply's checksum is wrong."""
    TRUNCATE = "truncate"
    """Only the first half of the reply comes."""
    WRONG_TYPE = "wrong_type"
    """The reply belongs to another question."""
    DUPLICATE = "duplicate"
    """The reply comes twice."""
    STALE = "stale"
    """An earlier reply of the same kind comes before this one; with VALUE 1 instead of it."""
    NACK = "nack"
    """The device refuses, with VALUE as the number of the error (by default one that fits)."""
    DISCONNECT = "disconnect"
    """The connection is cut, and comes back after VALUE seconds (1)."""
    POWER_CUT = "power_cut"
    """The device loses power, is silent for VALUE seconds (1), and comes back as after power-on."""
    INTERLOCK = "interlock"
    """The interlock opens while the laser is on; with a VALUE it closes so many seconds later."""
    LASER_FAULT = "laser_fault"
    """The laser has a fault, with VALUE as its number (by default one that fits)."""
    SATURATION = "saturation"
    """The next VALUE frames (1) are flooded with light."""
    COSMIC = "cosmic"
    """VALUE cosmic rays (5) hit the next frame."""
    DRIFT = "drift"
    """The device's temperature changes by VALUE °C (5); the axis moves with it."""


#: Faults of the device itself; all others are of the wire.
DEVICE_FAULTS = frozenset(
    {FaultKind.INTERLOCK, FaultKind.LASER_FAULT, FaultKind.SATURATION, FaultKind.COSMIC, FaultKind.DRIFT}
)
_LONGEST_S = 3600.0
# Kinds with a value: least, greatest.
_VALUES: dict[FaultKind, tuple[float, float]] = {
    FaultKind.DELAY: (0.0, _LONGEST_S),
    FaultKind.DISCONNECT: (0.0, _LONGEST_S),
    FaultKind.POWER_CUT: (0.0, _LONGEST_S),
    FaultKind.INTERLOCK: (0.0, _LONGEST_S),
    FaultKind.STALE: (0.0, 1.0),
    # SCPI numbers its errors downwards from −100, OBP from 1 to 255, an IPS laser up to 3097.
    FaultKind.NACK: (-1000.0, 65535.0),
    FaultKind.LASER_FAULT: (-1000.0, 65535.0),
    FaultKind.SATURATION: (1.0, 1000.0),
    FaultKind.COSMIC: (1.0, 1000.0),
    FaultKind.DRIFT: (-50.0, 50.0),
}


class FaultSpecError(InstrumentError, ValueError):
    """A fault nobody can act on: of no known kind, out of range, or none this device can have."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a specification."""

    kind: FaultKind
    """What may happen."""
    probability: float = 1.0
    """How often, 0..1 for each reply."""
    value: float | None = None
    """What the kind says it means; None for its default."""

    def or_else(self, default: float) -> float:
        """Return the value, or the default where none was given."""
        return default if self.value is None else self.value

    @property
    def seconds(self) -> float:
        """The value as a duration, by default 1 s."""
        return self.or_else(1.0)

    @property
    def number(self) -> int | None:
        """The value as the number of an error; None for one that fits."""
        return None if self.value is None else round(self.value)


def parse_faults(spec: str) -> tuple[Fault, ...]:
    """Read a specification; an empty one means no faults.

    Raises
    ------
    FaultSpecError
        An unknown kind, or a number out of range.
    """
    return tuple(_parse_fault(part.strip()) for part in spec.split(",") if part.strip())


def parse_once(spec: str) -> Fault:
    """Read ``KIND[:VALUE]``, a fault that happens once; raises `FaultSpecError`."""
    kind, colon, value = spec.strip().partition(":")
    return _fault(spec, kind, "1", value if colon else None)


def _parse_fault(part: str) -> Fault:
    kind, _, rest = part.partition(":")
    probability, colon, value = rest.partition(":")
    return _fault(part, kind, probability, value if colon else None)


def _fault(part: str, kind: str, probability: str, value: str | None) -> Fault:
    try:
        fault = Fault(FaultKind(kind), float(probability), None if value is None else float(value))
    except ValueError:
        kinds = "|".join(FaultKind)
        raise FaultSpecError(f"fault {part!r}: write KIND:PROBABILITY[:VALUE], KIND one of {kinds}") from None
    if not 0.0 <= fault.probability <= 1.0:
        raise FaultSpecError(f"fault {part!r}: a probability is a number from 0 to 1")
    if fault.value is not None:
        _check_value(part, fault.kind, fault.value)
    return fault


def _check_value(part: str, kind: FaultKind, value: float) -> None:
    if kind not in _VALUES:
        raise FaultSpecError(f"fault {part!r}: {kind} takes no value")
    low, high = _VALUES[kind]
    if math.isnan(value) or not low <= value <= high:
        raise FaultSpecError(f"fault {part!r}: the value of {kind} is a number from {low:g} to {high:g}")
