"""All lasers of the bench at once: stopped, read back, and said to be on where that fails."""

import logging
from collections.abc import Sequence

from instrument.errors import InstrumentError, LaserMayBeOn

from .device import Device

_log = logging.getLogger(__name__)

#: How long a stop waits for scans to wind up, s; the promise to the officer is two seconds in all.
WIND_UP_S = 1.2


def stop_all(devices: Sequence[Device]) -> tuple[list[str], LaserMayBeOn | None]:
    """Stop every scan and read every laser back as off.

    Returns
    -------
    list of str
        Names of the devices on which a scan was under way.
    LaserMayBeOn or None
        What to shout: a laser that could not be read back, or a scan that does not end.
    """
    running = [device for device in devices if device.busy]
    failure: LaserMayBeOn | None = None
    for device in devices:
        try:
            device.stop()
        except LaserMayBeOn as error:
            failure = error
        except InstrumentError as error:
            failure = LaserMayBeOn(f"{device.config.name}: {error}")
    for device in running:
        if not device.wait_idle(WIND_UP_S) and device.has_laser:
            failure = failure or LaserMayBeOn(f"the scan on {device.config.name} does not end")
    return [device.config.name for device in running], failure


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
