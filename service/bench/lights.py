"""All lasers of the bench at once: stopped, read back, and said to be on where that fails."""

import logging
import threading
import time
from collections.abc import Sequence

from instrument.errors import InstrumentError, LaserMayBeOn

from .device import Device

_log = logging.getLogger(__name__)

#: How long lasers are given to be read back as off, s; the promise to the officer is two seconds in all.
OFF_S = 1.5
#: How long scans are given to wind up, from the same moment on, s.
WIND_UP_S = 1.7


def stop_all(devices: Sequence[Device]) -> tuple[list[str], LaserMayBeOn | None]:
    """Stop every scan and read every laser back as off, all at the same time.

    Returns
    -------
    list of str
        Names of the devices on which a scan was under way.
    LaserMayBeOn or None
        What to shout: a laser that could not be read back, or a scan that does not end.
    """
    begun = time.monotonic()
    running = [device for device in devices if device.busy]
    stops = [_Stop(device) for device in devices]
    failures = [stop.failure(begun + OFF_S) for stop in stops]
    failure = next((error for error in failures if error is not None), None)
    for device in running:
        left_s = max(begun + WIND_UP_S - time.monotonic(), 0.0)
        if not device.wait_idle(left_s) and device.has_laser:
            failure = failure or LaserMayBeOn(f"the scan on {device.config.name} does not end")
    return [device.config.name for device in running], failure


class _Stop:
    """One device being stopped, without keeping the others waiting."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="stop", daemon=True)
        self._thread.start()

    def failure(self, deadline: float) -> LaserMayBeOn | None:
        """Return what to shout, at the latest at a moment of the monotonic clock."""
        self._thread.join(max(deadline - time.monotonic(), 0.0))
        name = self._device.config.name
        if self._thread.is_alive():
            return LaserMayBeOn(f"{name}: the laser was not read back as off in time")
        if self._error is None or isinstance(self._error, LaserMayBeOn):
            return self._error
        return LaserMayBeOn(f"{name}: {self._error}")

    def _run(self) -> None:
        try:
            self._device.stop()
        except Exception as error:
            # Whatever kept it from being read back as off is to be shouted.
            self._error = error


def alarm(devices: Sequence[Device]) -> str:
    """Return which lasers may be on and why; empty while all were last read back as off."""
    words = [f"{device.config.name}: {device.laser_alarm}" for device in devices if device.laser_alarm]
    return "; ".join(words)


def unverified(devices: Sequence[Device]) -> bool:
    """Whether a laser is in use or may be on."""
    return any(device.has_laser and (device.busy or device.laser_alarm) for device in devices)


def check_off(devices: Sequence[Device]) -> None:
    """Read every laser that may be on back as off; raises `LaserMayBeOn` for the first that is not."""
    for device in devices:
        if device.laser_alarm:
            device.force_off()


def force_off(devices: Sequence[Device]) -> None:
    """Force every laser off before anything else happens.

    A laser that is not plugged in is no alarm; one that cannot be read back is, and stays one.
    """
    for device in devices:
        if device.has_laser:
            try:
                device.force_off()
            except InstrumentError as error:
                _log.warning("%s: the laser was not read back as off: %s", device.config.name, error)
