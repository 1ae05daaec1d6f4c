"""What every emulated device offers to the program that runs it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..errors import InstrumentError
from .faults import Fault
from .wire import LineTime, Wire


class EmulatorError(InstrumentError, RuntimeError):
    """The emulation cannot go on; the program says why and ends."""


@dataclass(slots=True)
class Emulator:
    """A device ready to be put on a wire."""

    about: dict[str, Any]
    """What the start-up line says of it."""
    serve: Callable[[Wire], Awaitable[None]]
    """Serve one client until it is gone."""
    control: Callable[[dict[str, Any]], None]
    """Carry out a control message."""
    control_keys: frozenset[str]
    """What a control message may hold."""
    state: Callable[[], dict[str, Any]]
    """What it is, as JSON values; spectrometers tell `spectra_read`, `last_truth_sha256` and `exposure_s`."""
    close: Callable[[], None]
    """Switch it off."""
    line: LineTime | None = None
    """Line time, where it is kept."""
    power_cut: Callable[[], None] | None = None
    """Lose power and come back with what the device has after power-on: the laser dark, nothing set."""
    device_fault: Callable[[Fault], bool | None] | None = None
    """Suffer a fault of the device itself; False when it cannot happen now and is to be tried again."""
    fault_row: str = ""
    """Its row in the table of faults; empty for its kind."""
    usb: bool = False
    """True where the serial port is the device's own: without power the port is gone too."""


def nothing() -> None:
    """Do nothing: what `Emulator.close` is to a device without anything to close."""
