"""Injectable faults of the wire: what a reply may suffer, with a probability and a seed.

A specification is a comma-separated list of ``KIND:PROBABILITY[:SECONDS]``, for example
``drop:0.1,delay:0.2:1.5``. The first fault drawn is the one that happens; seconds are of use to ``delay``
alone.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..errors import InstrumentError


class FaultKind(StrEnum):
    """What may happen to a reply."""

    DROP = "drop"
    """It is never sent."""
    DELAY = "delay"
    """It comes late."""
    GARBAGE = "garbage"
    """Random bytes come before it."""
    CORRUPT = "corrupt"
    """Its last byte is another one."""
    TRUNCATE = "truncate"
    """Only its first half comes."""
    NACK = "nack"
    """The device refuses instead."""
    DISCONNECT = "disconnect"
    """The connection is cut; a serial device is unplugged, and the emulator ends."""


class FaultSpecError(InstrumentError, ValueError):
    """A fault specification nobody can act on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a specification."""

    kind: FaultKind
    """What may happen."""
    probability: float
    """How often, 0..1 for each reply."""
    seconds: float = 1.0
    """How late a delayed reply comes, s."""


def parse_faults(spec: str) -> tuple[Fault, ...]:
    """Read a specification; an empty one means no faults.

    Raises
    ------
    FaultSpecError
        An unknown kind, or a number out of range.
    """
    return tuple(_parse_fault(part) for part in spec.split(",") if part.strip())


def _parse_fault(part: str) -> Fault:
    kind, _, rest = part.strip().partition(":")
    probability, _, seconds = rest.partition(":")
    try:
        fault = Fault(FaultKind(kind), float(probability), float(seconds or 1.0))
    except ValueError:
        kinds = "|".join(FaultKind)
        raise FaultSpecError(
            f"fault {part!r}: write KIND:PROBABILITY[:SECONDS], KIND one of {kinds}"
        ) from None
    if not (0.0 <= fault.probability <= 1.0 and 0.0 <= fault.seconds <= 3600.0):
        raise FaultSpecError(f"fault {part!r}: a probability from 0 to 1, and at most 3600 s")
    return fault


class FaultSource:
    """Draw the fault of each reply."""

    def __init__(self, faults: tuple[Fault, ...] = (), *, seed: int = 0) -> None:
        self.faults = faults
        self._rng = np.random.default_rng([seed, 3])

    def draw(self) -> Fault | None:
        """Return what happens to the next reply; None for nothing."""
        for fault in self.faults:
            if self._rng.random() < fault.probability:
                return fault
        return None

    def garbage(self) -> bytes:
        """Return 1 to 40 random bytes."""
        return self._rng.bytes(int(self._rng.integers(1, 41)))
