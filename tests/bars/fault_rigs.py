"""Open drivers on emulators, with operations whose outcome is checked against what the emulator did."""

import hashlib
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from emulated import Emulated
from fault_laser_rig import LaserRig
from fault_wrong import Wrong

from instrument.errors import InstrumentError
from instrument.interfaces import Capability, Spectrometer, Unit
from spectra.values import FloatArray


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
