"""Open configured devices, ask each what it is, and let it go; lasers are read back as off."""

from dataclasses import asdict
from typing import Any

from instrument.errors import InstrumentError
from instrument.interfaces import Laser, Spectrometer
from instrument.registry import contains_laser, open_laser, open_spectrometer, open_unit

Facts = dict[str, dict[str, Any]]


def identify_devices(url: str, laser_url: str | None) -> Facts:
    """Return what the spectrometer, and the laser that goes with it, say of themselves.

    Raises
    ------
    LaserMayBeOn
        A laser could not be read back as off.
    InstrumentError
        A device cannot be opened, or is another one.
    """
    if contains_laser(url):
        unit = open_unit(url)
        try:
            return {"spectrometer": _spectrometer(unit.spectrometer), "laser": _laser(unit.laser)}
        finally:
            unit.close()
    spectrometer = open_spectrometer(url)
    try:
        found = {"spectrometer": _spectrometer(spectrometer)}
    finally:
        spectrometer.close()
    if laser_url is not None:
        laser = open_laser(laser_url)
        try:
            found["laser"] = _laser(laser)
        finally:
            laser.close()
    return found


def _spectrometer(device: Spectrometer) -> dict[str, Any]:
    try:
        axis = device.axis()
        ends = [float(axis[0]), float(axis[-1])]
    except InstrumentError:
        # Devices with files know their axis only after a measurement.
        ends = []
    return {
        **asdict(device.info),
        **asdict(device.limits),
        "technique": str(device.technique),
        "axis": ends,
        "capabilities": sorted(map(str, device.capabilities)),
        "settings": [asdict(one) for one in device.available_settings()],
        "status": asdict(device.status()),
    }


def _laser(device: Laser) -> dict[str, Any]:
    status = asdict(device.status())
    return {
        **asdict(device.info),
        "wavelength_nm": device.wavelength_nm,
        "max_power_mw": device.max_power_mw,
        "emitting": status["emitting"],
        "status": status,
    }
