"""An open laser driver on an emulator, checked against the light's own log."""

import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulated import Emulated
from fault_wrong import Wrong
from light_log import LightLog

from instrument.errors import InstrumentError, LaserMayBeOn
from instrument.interfaces import Laser

#: Light of a laser is in its log before it answers; a driver that reads back slowly finds it there, s.
SETTLED_S = 0.02


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
    tells
        Whether the device can tell that its interlock is open; one that cannot is only dark.
    """

    operations: tuple[str, ...] = ("set_power", "on", "off", "status")

    def __init__(
        self,
        device: Laser,
        emulator: Emulated,
        light: Path,
        *,
        release: Mapping[str, Any],
        tells: bool = True,
    ) -> None:
        self._device, self._emulator, self.light = device, emulator, LightLog(light)
        self._tells = tells
        self._release = dict(release)
        self._power_mw = 20.0

    def release(self) -> None:
        """Close the interlock, clear the fault."""
        if not self._tells:
            # Without a word from the device, only being switched off keeps it dark from here on.
            self._device.off()
        self._emulator.control(**self._release)
        self._compare(lit=False, what="the interlock was closed again")

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
            if not self._silently_dark():
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
        if not self._tells:
            self._device.on()
            self._compare(lit=False, what="on() returned while the interlock is open")
            return
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
        if before == after and status.emitting != self.light.is_on and not self._silently_dark():
            raise Wrong(f"status says emitting={status.emitting}, the light is {self.light.is_on}")

    def _silently_dark(self) -> bool:
        """Whether an interlock is open that the device cannot tell of."""
        return not self._tells and self._emulator.control()["laser"]["interlock"] == "open"

    def _compare(self, *, lit: bool, what: str) -> None:
        if self.light.is_on != lit:
            time.sleep(SETTLED_S)
        if self.light.is_on != lit:
            raise Wrong(f"{what}, and the light is {'on' if self.light.is_on else 'off'}")
