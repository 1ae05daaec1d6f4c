"""The laser inside a Wasatch XS handheld. Not tried on hardware.

Source of every call: Wasatch.PY (MIT), ``FeatureIdentificationDevice.py``.
"""

import time
from typing import Any

from spectra.values import DeviceInfo

from ..errors import (
    DeviceRefused,
    InstrumentError,
    InterlockOpen,
    LaserMayBeOn,
    ProtocolError,
    SettingOutOfRange,
)
from ..interfaces import LaserStatus
from .wasatch_link import WasatchLink

#: Least power, as a share of the greatest: the maker's code fails at 0.
LEAST_SHARE = 0.01
#: How long `WasatchLaser.off` keeps trying, s.
OFF_DEADLINE_S = 1.5
_RETRY_S = 0.05


class WasatchLaser:
    """The laser of a handheld. Whether it fires is read from the firmware, not from what was asked."""

    def __init__(self, link: WasatchLink, *, url: str, emulated: bool) -> None:
        self._link = link
        self.transcript = link.transcript
        facts = link.settings
        self.info = DeviceInfo(
            f"{facts.full_model()} laser",
            link.serial,
            str(facts.microcontroller_firmware_version),
            url,
            emulated,
        )
        self.wavelength_nm = float(facts.excitation())
        self.max_power_mw = float(link.eeprom.max_laser_power_mW)
        if not (200 <= self.wavelength_nm <= 2000 and self.max_power_mw > 0):
            raise ProtocolError(
                f"wasatch: a laser of {self.wavelength_nm} nm and {self.max_power_mw} mW in the EEPROM"
            )
        self._setpoint_mw = 0.0
        self.off()

    def set_power(self, milliwatts: float) -> None:
        """Set the power as a pulse width; the device cannot be asked for it. 0 keeps the laser off."""
        if not 0.0 <= milliwatts <= self.max_power_mw:
            raise SettingOutOfRange(f"{milliwatts} mW; this laser takes 0 to {self.max_power_mw:g} mW")
        share = max(milliwatts / self.max_power_mw, LEAST_SHARE)
        self._link.call("set_laser_power_perc", 100.0 * share)
        self._setpoint_mw = milliwatts

    def on(self) -> None:
        """Switch on once and wait through the laser's own warning delay until it says that it fires."""
        if self._setpoint_mw <= 0:
            raise DeviceRefused("wasatch: no power is set; set the power before firing")
        if not self._link.call("can_laser_fire"):
            raise InterlockOpen("wasatch: the interlock is open; close it, then try again")
        try:
            delay = float(self._link.call("get_laser_warning_delay_sec") or 0.0)
            self._link.call("set_laser_enable", True)
            end = time.monotonic() + min(max(delay, 0.0), 30.0) + 1.0
            while not self._link.call("is_laser_firing"):
                if not self._link.call("can_laser_fire"):
                    raise InterlockOpen("wasatch: the interlock opened; close it, then try again")
                if time.monotonic() > end:
                    raise DeviceRefused("wasatch: the laser did not come on; check key and battery")
                time.sleep(_RETRY_S)
        except BaseException:
            self.off()
            raise

    def off(self) -> None:
        """Switch off until the firmware says that nothing fires; raises `LaserMayBeOn`."""
        end = time.monotonic() + OFF_DEADLINE_S
        reason: Exception | None = None
        while reason is None or time.monotonic() < end:
            try:
                self._link.call("set_laser_enable", False)
                if not self._link.call("is_laser_firing"):
                    return
                reason = DeviceRefused("wasatch: says that it still fires")
            except InstrumentError as error:
                reason = error
            time.sleep(_RETRY_S)
        raise LaserMayBeOn(f"wasatch: the laser could not be read back as off ({reason})") from reason

    def status(self) -> LaserStatus:
        """Ask whether it fires and may fire; the power is what was set, the device cannot measure it."""
        firing = bool(self._link.call("is_laser_firing"))
        closed = bool(self._link.call("can_laser_fire"))
        return LaserStatus(firing, closed, "", self._setpoint_mw if firing else 0.0, self._setpoint_mw)

    def settings(self) -> dict[str, Any]:
        """Return a snapshot as JSON values."""
        return {
            "setpoint_mw": self._setpoint_mw,
            "max_power_mw": self.max_power_mw,
            "power_measured": False,
            "watchdog_s": int(self._link.settings.state.laser_watchdog_sec or 0),
        }

    def close(self) -> None:
        """Let go of the handheld; may be called twice. Does not switch the laser."""
        self._link.close()
