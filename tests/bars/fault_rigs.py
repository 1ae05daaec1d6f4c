"""Open drivers on emulators, with operations whose outcome is checked against what the emulator did."""

import hashlib
import math
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from emulated import Emulated
from light_log import LightLog

from instrument.errors import InstrumentError, LaserMayBeOn
from instrument.interfaces import Capability, Laser, Spectrometer, Unit
from spectra.values import FloatArray

#: Light of a laser is in its log before it answers; a driver that reads back slowly finds it there.
SETTLED_S = 0.02


class Wrong(Exception):
    """A driver returned what the emulator did not do; worse than any error."""


class Rig(Protocol):
    """A driver under faults."""

    operations: tuple[str, ...]
    """What it can be asked to do."""

    def prepare(self, operation: str) -> None:
        """Bring the device to where the operation makes sense."""
        ...

    def perform(self, operation: str, rng: random.Random) -> None:
        """Do it once; raises an error of the package, or `Wrong`."""
        ...

    def check_after(self, error: InstrumentError) -> None:
        """Raise `Wrong` where an operation that failed left something unsaid."""
        ...

    def close(self) -> None:
        """Let go of the driver."""
        ...


class SpectrometerRig:
    """A spectrometer: each spectrum has to be one that was made since it was asked for."""

    operations: tuple[str, ...] = ("acquire", "set_exposure", "status")

    def __init__(
        self, device: Spectrometer, emulator: Emulated, *, exposures: tuple[float, float] = (0.01, 0.04)
    ) -> None:
        self._device, self._emulator, self._exposures = device, emulator, exposures
        self._timed = Capability.EXPOSURE in device.capabilities
        if not self._timed:
            self.operations = ("acquire", "status")
        self._asked_s = 0.0

    def prepare(self, operation: str) -> None:
        """Nothing has to be prepared."""

    def perform(self, operation: str, rng: random.Random) -> None:
        """Acquire and compare, set another exposure, or ask how it is."""
        if operation == "acquire":
            self._acquire()
        elif operation == "set_exposure":
            self._set_exposure(rng)
        else:
            self._device.status()

    def good(self, rng: random.Random) -> None:
        """Do all of it."""
        if self._timed:
            self._set_exposure(rng)
        self._device.status()
        self._acquire()

    def check_after(self, error: InstrumentError) -> None:
        """Nothing is left unsaid by a spectrometer that said no."""

    def close(self) -> None:
        """Let go of the driver."""
        self._device.close()

    def _set_exposure(self, rng: random.Random) -> None:
        # Whole milliseconds: every device can expose for them.
        seconds = round(rng.uniform(*self._exposures), 3)
        self._asked_s = seconds
        self._device.set_exposure(seconds)

    def _acquire(self) -> None:
        before = self._emulator.control()["spectra_read"]
        counts = self._device.acquire()
        after = self._emulator.control()
        made = after["spectra_read"] - before
        recent = list(after.get("recent_truth_sha256", ())) or [after["last_truth_sha256"]]
        if made < 1:
            raise Wrong("a spectrum, though none was made since it was asked for")
        if digest(counts) not in recent[-made:]:
            raise Wrong(f"a spectrum that is none of the {made} made since it was asked for")
        if self._timed and not math.isclose(after["exposure_s"], self._asked_s, rel_tol=1e-3, abs_tol=2e-6):
            raise Wrong(f"exposed for {after['exposure_s']:g} s, asked for {self._asked_s:g} s")


class LaserRig:
    """A laser: what it says has to be what its light did.

    Parameters
    ----------
    device
        The open driver.
    emulator
        What is at the other end.
    light
        The light's log.
    release
        Control message that takes an open interlock or a fault away.
    """

    operations: tuple[str, ...] = ("set_power", "on", "off", "status")

    def __init__(self, device: Laser, emulator: Emulated, light: Path, *, release: Mapping[str, Any]) -> None:
        self._device, self._emulator, self.light = device, emulator, LightLog(light)
        self._release = dict(release)
        self._power_mw = 20.0

    def release(self) -> None:
        """Close the interlock, clear the fault."""
        self._emulator.control(**self._release)

    def light_up(self) -> None:
        """Have the laser on."""
        self._device.set_power(self._power_mw)
        self._device.on()

    def prepare(self, operation: str) -> None:
        """Have light for what needs light, and none for what needs none."""
        if operation in {"off", "status"}:
            self.light_up()
        else:
            self._device.off()

    def perform(self, operation: str, rng: random.Random) -> None:
        """Switch, set or ask, and compare."""
        if operation == "set_power":
            self._set_power(rng)
        elif operation == "on":
            self._device.on()
            self._compare(lit=True, what="on() returned")
        elif operation == "off":
            self._device.off()
            self._compare(lit=False, what="off() returned")
        else:
            self._status()

    def good(self, rng: random.Random) -> None:
        """Do all of it."""
        self._set_power(rng)
        self._device.on()
        self._compare(lit=True, what="on() returned")
        self._status()
        self._device.off()
        self._compare(lit=False, what="off() returned")

    def check_after(self, error: InstrumentError) -> None:
        """Light that stays on without anybody saying so is what must never be."""
        if not isinstance(error, LaserMayBeOn) and self._failed_dark and self.light.is_on:
            raise Wrong(f"the laser is on, and {type(error).__name__} does not say so")

    def refuses(self, allowed: tuple[type[InstrumentError], ...]) -> None:
        """Try to fire while something forbids it; raises `Wrong` unless that is said by name."""
        try:
            self._device.on()
        except allowed:
            if self.light.is_on:
                raise Wrong("it fired, though it said that it may not") from None
            return
        except InstrumentError as error:
            raise Wrong(f"a laser that may not fire says {type(error).__name__}: {error}") from error
        raise Wrong("on() returned, though the laser may not fire")

    def close(self) -> None:
        """Let go of the driver."""
        self._device.close()

    #: After a failed on() or off() the laser has to be dark; other operations leave it as it was.
    _failed_dark = False

    def begin(self, operation: str) -> None:
        """Note which operation is under way."""
        self._failed_dark = operation in {"on", "off"}

    def _set_power(self, rng: random.Random) -> None:
        self._power_mw = round(rng.uniform(5.0, 0.2 * self._device.max_power_mw), 1)
        self._device.set_power(self._power_mw)

    def _status(self) -> None:
        before = self.light.changes()
        status = self._device.status()
        after = self.light.changes()
        if before == after and status.emitting != self.light.is_on:
            raise Wrong(f"status says emitting={status.emitting}, the light is {self.light.is_on}")

    def _compare(self, *, lit: bool, what: str) -> None:
        if self.light.is_on != lit:
            time.sleep(SETTLED_S)
        if self.light.is_on != lit:
            raise Wrong(f"{what}, and the light is {'on' if self.light.is_on else 'off'}")


class UnitRig:
    """A spectrometer with its own laser, over one line."""

    def __init__(self, unit: Unit, spectrometer: SpectrometerRig, laser: LaserRig) -> None:
        self._unit, self._spectrometer, self.laser = unit, spectrometer, laser
        self.operations = (*spectrometer.operations, *(f"laser.{name}" for name in laser.operations))

    def prepare(self, operation: str) -> None:
        """Prepare the part concerned."""
        if operation.startswith("laser."):
            self.laser.prepare(operation.removeprefix("laser."))

    def perform(self, operation: str, rng: random.Random) -> None:
        """Have the part concerned do it."""
        if operation.startswith("laser."):
            self.laser.perform(operation.removeprefix("laser."), rng)
        else:
            self._spectrometer.perform(operation, rng)

    def begin(self, operation: str) -> None:
        """Note which operation is under way."""
        self.laser.begin(operation.removeprefix("laser."))

    def good(self, rng: random.Random) -> None:
        """Do all of it."""
        self.laser.good(rng)
        self._spectrometer.good(rng)

    def check_after(self, error: InstrumentError) -> None:
        """Check the laser."""
        self.laser.check_after(error)

    def close(self) -> None:
        """Let go of the driver."""
        self._unit.close()


AnyRig = SpectrometerRig | LaserRig | UnitRig
OpenRig = Callable[[Emulated, Path], AnyRig]


def laser_of(rig: AnyRig) -> LaserRig | None:
    """Return the laser's part of a rig."""
    if isinstance(rig, UnitRig):
        return rig.laser
    return rig if isinstance(rig, LaserRig) else None


def digest(counts: FloatArray) -> str:
    """Return what the emulators tell as the truth: SHA-256 over little-endian float64."""
    return hashlib.sha256(np.ascontiguousarray(counts, "<f8").tobytes()).hexdigest()
