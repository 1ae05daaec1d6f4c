"""The Wasatch driver over the maker's real package, with a USB device made of the published op-codes.

No handheld was tried; what is held here is our driver, and that the maker's code and ours understand each
other. Left out where the maker's package is not installed.
"""

import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    InterlockOpen,
    LaserMayBeOn,
    MissingExtra,
    PortNotFound,
    SettingOutOfRange,
    UnknownSetting,
)
from instrument.registry import contains_laser, open_spectrometer, open_unit

PIXELS = 1952
SERIAL = "WP-SIM-0001"


class Handheld:
    """A USB device with the op-codes of a SiG handheld: Wasatch.PY, ENG-0001."""

    bus, address = 1, 7

    def __init__(self, eeprom: Any) -> None:
        self.pages = eeprom.write_buffers
        self.exposure_ms = 100
        self.enabled = self.stuck = self.gone = False
        self.interlock_closed = True
        self.frames = 0
        self.watchdog = 0

    @property
    def firing(self) -> bool:
        return self.stuck or (self.enabled and self.interlock_closed)

    def find(self, **_: Any) -> list["Handheld"]:
        return [self]

    def set_configuration(self, *_: Any) -> None:
        self._check()

    claim_interface = release_interface = reset = set_configuration

    def _check(self) -> None:
        if self.gone:
            raise OSError(19, "No such device")

    def ctrl_transfer(self, _: Any, direction: int, request: int, value: int, index: int, data: Any) -> Any:
        self._check()
        if direction == 0x40:
            if request == 0xB2:
                self.exposure_ms = index << 16 | value
            elif request == 0xBE:
                self.enabled = bool(value)
            elif (request, value) == (0xFF, 0x18):
                self.watchdog = index
            return 0
        if request == 0xBF:
            return list(self.exposure_ms.to_bytes(3, "little")) + [0] * 3
        answers = {
            (0xFF, 0x01): lambda: self.pages[index],
            (0xFF, 0x0D): lambda: [int(self.firing)],
            (0xFF, 0x13): lambda: [128, 87, 1],
        }
        if request == 0xEF:
            return [8 if self.interlock_closed else 0]
        if (request, value) in answers:
            return answers[request, value]()
        return [0] * (data if isinstance(data, int) else 64)

    def read(self, *_: Any, **__: Any) -> bytes:
        end = time.monotonic() + self.exposure_ms / 1000
        while time.monotonic() < end:
            self._check()
            time.sleep(0.005)
        self.frames += 1
        counts = 800 + (4000 if self.firing else 0) + np.arange(PIXELS) % 13 + self.frames
        return struct.pack(f"<{PIXELS}H", *counts.tolist())


@pytest.fixture
def usb(monkeypatch: pytest.MonkeyPatch) -> Handheld:
    pytest.importorskip("wasatch", reason="the maker's package is an extra")
    from wasatch import DeviceFinderUSB, FeatureIdentificationDevice
    from wasatch.DeviceID import DeviceID
    from wasatch.EEPROM import EEPROM

    eeprom = EEPROM()
    facts = {
        "model": "WP-785X-ILP",
        "serial_number": SERIAL,
        "detector": "IMX385",
        "has_laser": True,
        "has_battery": True,
        "excitation_nm_float": 785.0,
        "max_laser_power_mW": 100.0,
        "min_laser_power_mW": 1.0,
        "active_pixels_horizontal": PIXELS,
        "actual_pixels_horizontal": PIXELS,
        "wavelength_coeffs": [800.0, 0.09, -1e-6, 0.0, 0.0],
        "startup_integration_time_ms": 20,
        "laser_watchdog_sec": 10,
        "detector_gain": 8.0,
        "format": 15,
    }
    for name, value in facts.items():
        setattr(eeprom, name, value)
    eeprom.multi_wavelength_calibration.initialize()
    eeprom.generate_write_buffers()
    device = Handheld(eeprom)
    # The maker's label is read with its numbers in decimal after two characters.
    label = DeviceID(label=f"USB:0x{0x24AA}:0x{0x4000}:{device.bus}:{device.address}")
    monkeypatch.setattr(
        DeviceFinderUSB.DeviceFinderUSB, "find_usb_devices", lambda *_: [] if device.gone else [label]
    )
    monkeypatch.setattr(FeatureIdentificationDevice, "RealUSBDevice", lambda _: device)
    return device


@pytest.fixture
def handheld(usb: Handheld) -> Iterator[Any]:
    opened = open_unit("wasatch://usb?emulated=1")
    yield opened
    opened.close()


def test_is_a_unit_that_only_a_guardian_opens() -> None:
    assert contains_laser("wasatch://usb")
    with pytest.raises(ValueError, match="guardian"):
        open_spectrometer("wasatch://usb")


def test_says_what_it_is(handheld: Any, usb: Handheld) -> None:
    assert not usb.firing
    spectrometer, laser = handheld.spectrometer, handheld.laser
    assert (spectrometer.info.serial, spectrometer.info.emulated) == (SERIAL, True)
    assert spectrometer.axis().shape == (PIXELS,)
    assert (laser.wavelength_nm, laser.max_power_mw) == (785.0, 100.0)
    assert spectrometer.status().battery == pytest.approx(0.875)
    assert "not tried on hardware" in spectrometer.settings()["driver"]
    assert usb.watchdog == 10


def test_light_only_with_the_laser(handheld: Any, usb: Handheld) -> None:
    spectrometer, laser = handheld.spectrometer, handheld.laser
    spectrometer.set_exposure(0.02)
    dark = spectrometer.acquire()
    laser.set_power(50.0)
    laser.on()
    assert laser.status().emitting
    lit = spectrometer.acquire()
    laser.off()
    assert not usb.firing
    assert not laser.status().emitting
    assert lit.mean() > dark.mean() + 3000
    assert not lit.flags.writeable


def test_a_frame_is_thrown_away_after_a_change_of_exposure(handheld: Any, usb: Handheld) -> None:
    handheld.spectrometer.set_exposure(0.01)
    handheld.spectrometer.acquire()
    before = usb.frames
    handheld.spectrometer.acquire()
    assert usb.frames == before + 1
    handheld.spectrometer.set_exposure(0.02)
    handheld.spectrometer.acquire()
    assert usb.frames == before + 3


def test_interlock(handheld: Any, usb: Handheld) -> None:
    handheld.laser.set_power(10.0)
    usb.interlock_closed = False
    with pytest.raises(InterlockOpen):
        handheld.laser.on()
    assert not usb.enabled
    assert not handheld.laser.status().interlock_closed


def test_a_laser_that_stays_on_is_shouted(handheld: Any, usb: Handheld) -> None:
    usb.stuck = True
    with pytest.raises(LaserMayBeOn):
        handheld.laser.off()


def test_stop_is_heard_and_the_laser_goes_off_during_an_exposure(handheld: Any, usb: Handheld) -> None:
    handheld.laser.set_power(10.0)
    handheld.laser.on()
    handheld.spectrometer.set_exposure(1.0)
    begun = time.monotonic()
    with pytest.raises(AcquisitionAborted):
        handheld.spectrometer.acquire(stop=lambda: time.monotonic() - begun > 0.1)
    handheld.laser.off()
    assert time.monotonic() - begun < 0.6
    assert not usb.firing
    handheld.spectrometer.set_exposure(0.01)
    assert handheld.spectrometer.acquire().mean() < 4000


def test_comes_back_after_it_was_unplugged(handheld: Any, usb: Handheld) -> None:
    usb.gone = True
    with pytest.raises(ConnectionLost):
        handheld.laser.status()
    with pytest.raises(PortNotFound):
        handheld.laser.status()
    usb.gone = False
    assert not handheld.laser.status().emitting


def test_settings_have_limits(handheld: Any) -> None:
    spectrometer = handheld.spectrometer
    spectrometer.set("gain_db", 12.0)
    assert spectrometer.settings()["gain_db"] == 12.0
    for name, value in (("gain_db", 99.0), ("exposure_s", 0.0), ("exposure_s", "long")):
        with pytest.raises(SettingOutOfRange):
            spectrometer.set(name, value)
    with pytest.raises(UnknownSetting):
        spectrometer.set("colour", 1.0)
    with pytest.raises(SettingOutOfRange):
        handheld.laser.set_power(1e6)


def test_another_serial_number_is_not_there(usb: Handheld) -> None:
    with pytest.raises(PortNotFound):
        open_unit("wasatch://WP-OTHER")


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] == "wasatch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "wasatch", None)
    with pytest.raises(MissingExtra, match=r"opioscan\[wasatch\]"):
        open_unit("wasatch://usb")
