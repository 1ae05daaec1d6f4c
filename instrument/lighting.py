"""The laser's side of a scan: set, switched on for frames, rested, read back as off on every way out."""

import time
from typing import Any

from .errors import DeviceRefused, HardwareFault, InterlockOpen, LaserMayBeOn
from .interfaces import Laser

__all__ = ["READOUT_S", "Lighting"]

#: Readout and transfer of one frame take at most about so long, s (QE Pro at 9600 baud: 4.4 s).
READOUT_S = 6.0


class Lighting:
    """Switch a laser for frames, and know whether it may still be on.

    Parameters
    ----------
    laser
        The laser; None where something else lights the sample: then nothing is done.
    on_max_s
        Longest uninterrupted emission, s.
    held_off
        Whether the laser stays off: what is measured has a light of its own.
    """

    def __init__(self, laser: Laser | None, *, on_max_s: float, held_off: bool = False) -> None:
        self._laser = laser
        self._held_off = held_off
        self._on_max_s = on_max_s
        self._on_since: float | None = None
        self.facts: dict[str, Any] = {}
        """What was set, as JSON values; stored with the scan."""

    def prepare(self, power_mw: float) -> None:
        """Verify that the laser is off, set its power and see that it may fire; raises `InterlockOpen`.

        A laser that stays off is neither set nor asked whether it may fire.
        """
        self.off(again=True)
        if self._laser is None:
            return
        if self._held_off:
            self.facts = {**self._named(), "held_off": True}
            return
        self._laser.set_power(power_mw)
        status = self._laser.status()
        if not status.interlock_closed:
            raise InterlockOpen("the laser's interlock is open: close it, then scan again")
        self.facts = {**self._laser.settings(), **self._named(), "setpoint_mw": status.setpoint_mw}

    def light_up(self, exposure_s: float) -> None:
        """Have the laser on for one frame; one that would be on for too long rests first."""
        if self._laser is None or self._held_off:
            return
        ready_at = time.monotonic() + exposure_s + READOUT_S
        if self._on_since is not None and ready_at - self._on_since > self._on_max_s:
            self.off()
        if self._on_since is None:
            self._on_since = time.monotonic()
            self._laser.on()
            # The guardian's warning came first, and is no emission.
            self._on_since = time.monotonic()

    def refuse_darkness(self) -> None:
        """Raise unless the laser is still on after a frame: one without light looks like an empty bag."""
        if self._laser is None:
            return
        if self._held_off:
            self.refuse_light()
            return
        status = self._laser.status()
        if not status.interlock_closed:
            raise InterlockOpen("the laser's interlock opened during the scan: close it, then scan again")
        if not status.emitting:
            words = f"the laser went off during the scan: {status.fault or 'reason unknown'}"
            raise HardwareFault(words) if status.fault else DeviceRefused(words)

    def refuse_light(self) -> None:
        """Raise `LaserMayBeOn` where the laser was on while frames without it were taken."""
        if self._laser is not None and self._laser.status().emitting:
            raise LaserMayBeOn(
                "the laser was on while frames without it were taken, though it had been turned off"
            )

    def off(self, *, again: bool = False) -> None:
        """Turn off and read back; with ``again`` also where it should be off already."""
        if self._laser is not None and (again or self._on_since is not None):
            self._laser.off()
            self._on_since = None

    def _named(self) -> dict[str, Any]:
        assert self._laser is not None
        info = self._laser.info
        return {"model": info.model, "serial": info.serial, "firmware": info.firmware}
