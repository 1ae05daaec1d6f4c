"""Every driver against the emulator of its device, a program of its own."""

import json
import socket
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from instrument.drivers.obp import ObpSpectrometer
from instrument.drivers.obp_link import ObpLink
from instrument.drivers.obp_models import obp_model
from instrument.drivers.obp_session import ObpSession
from instrument.errors import (
    ConnectionLost,
    DeviceRefused,
    DeviceTimeout,
    InterlockOpen,
    LaserMayBeOn,
    PortBusy,
    PortNotFound,
    ProtocolError,
)
from instrument.registry import open_laser, open_spectrometer
from instrument.testing import LaserContract, SpectrometerContract, running_emulator
from instrument.transport.serial_port import serial_opener


@pytest.fixture(scope="module")
def folder():
    # Short: a socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def emulated(folder, name, kind, *options):
    return running_emulator(kind, *options, "--control", str(folder / f"{name}.ctl"))


def tell(info, **message):
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rw") as lines:
        sock.settimeout(5)
        sock.connect(info["control"])
        lines.write(json.dumps(message) + "\n")
        lines.flush()
        state = json.loads(lines.readline())
    assert "error" not in state, state
    return state


def ramp(k, pixels):
    return 100 + (7 * np.arange(pixels) + 13 * k) % 4001


@pytest.fixture(scope="module")
def sts(folder):
    with emulated(folder, "sts", "obp", "--model", "STS", "--pty") as info:
        yield f"obp+serial://{info['address']}?model=STS&baud=115200"


@pytest.fixture(scope="module")
def fx():
    with running_emulator("obp", "--model", "FX", "--tcp", "0") as info:
        yield f"obp+tcp://{info['address']}?model=FX"


@pytest.fixture(scope="module")
def core():
    with running_emulator("spektralwerk", "--tcp", "0") as info:
        host, port = info["address"].split(":")
        yield f"visa://TCPIP0::{host}::{port}::SOCKET?driver=spektralwerk"


@pytest.fixture(scope="module")
def head(folder):
    with emulated(folder, "head", "cobolt", "--pty") as info:
        yield info


class OnUrl(SpectrometerContract):
    @pytest.fixture
    def device(self, url):
        device = open_spectrometer(url)
        assert device.info.emulated
        yield device
        device.close()


class TestStsOverSerial(OnUrl):
    @pytest.fixture
    def url(self, sts):
        return sts


class TestFxOverTcp(OnUrl):
    @pytest.fixture
    def url(self, fx):
        return fx


class TestSpektralwerkOverVisa(OnUrl):
    @pytest.fixture
    def url(self, core):
        return core


class TestCobolt(LaserContract):
    @pytest.fixture
    def device(self, head):
        tell(head, interlock="closed", key="on", fault=0, stuck=False)
        device = open_laser(f"cobolt+serial://{head['address']}?pause_ms=2")
        assert device.info.emulated
        yield device
        device.close()


@pytest.mark.parametrize(("model", "where"), [("QEPRO", "--pty"), ("SPARK", "--pty"), ("HDX", "--tcp")])
def test_other_models_count_for_count(model, where):
    options = [where, "0"] if where == "--tcp" else [where]
    with running_emulator("obp", "--model", model, "--pattern", "ramp", *options) as info:
        scheme = "obp+tcp" if where == "--tcp" else "obp+serial"
        device = open_spectrometer(f"{scheme}://{info['address']}?model={model}")
        device.set_exposure(0.02)
        for k in range(2):
            np.testing.assert_array_equal(device.acquire(), ramp(k, info["pixels"]))
        assert device.info.serial == info["serial"]
        coefficients = device.settings()["wavelength_coefficients"]
        np.testing.assert_allclose(coefficients, info["wavelength_coefficients"], rtol=1e-6)
        device.close()


def test_a_slow_line_is_waited_for():
    """At 19200 bits per second a spectrum takes 1.1 s, longer than the margin."""
    with running_emulator("obp", "--pty", "--line-time", "--baud", "19200", "--pattern", "ramp") as info:
        device = open_spectrometer(f"obp+serial://{info['address']}?model=STS&baud=19200&fast_baud=19200")
        device.set_exposure(0.01)
        start = time.monotonic()
        np.testing.assert_array_equal(device.acquire(), ramp(0, 1024))
        assert time.monotonic() - start > 1.05
        device.close()


@pytest.fixture(scope="module")
def faulty(folder):
    """An emulator whose faults are switched on when a test wants them."""
    with emulated(folder, "faulty", "obp", "--pty", "--pattern", "ramp") as info:
        yield info


@pytest.fixture
def impatient(faulty):
    """A driver that waits 0.3 s beyond the exposure, and the emulator it talks to."""
    tell(faulty, faults="")
    link = ObpLink(serial_opener(faulty["address"], 115200), margin_s=0.3)
    device = ObpSpectrometer(ObpSession(link), obp_model("STS"))
    device.set_exposure(0.01)
    yield device, faulty
    tell(faulty, faults="")
    device.close()


def number_of(counts):
    """Which spectrum since the emulator's start these counts are."""
    return next(k for k in range(4001) if np.array_equal(counts, ramp(k, 1024)))


def test_garbage_before_every_frame(impatient):
    device, info = impatient
    tell(info, faults="garbage:1")
    first = number_of(device.acquire())
    assert number_of(device.acquire()) == first + 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop:1", DeviceTimeout),
        ("truncate:1", DeviceTimeout),
        ("corrupt:1", ProtocolError),
        ("nack:1", DeviceRefused),
    ],
)
def test_a_fault_is_told_and_the_next_spectrum_is_right(impatient, fault, error):
    device, info = impatient
    before = number_of(device.acquire())
    tell(info, faults=fault)
    with pytest.raises(error):
        device.acquire()
    tell(info, faults="")
    assert number_of(device.acquire()) == before + 2


def test_a_late_answer_is_never_taken_for_a_new_one(impatient):
    device, info = impatient
    before = number_of(device.acquire())
    tell(info, faults="delay:1:0.65")
    with pytest.raises(DeviceTimeout):
        device.acquire()
    tell(info, faults="")
    assert number_of(device.acquire()) == before + 2


def test_another_model_is_refused(faulty):
    tell(faulty, faults="")
    with pytest.raises(ProtocolError, match="the device has 1024 pixels, FX has 2136"):
        open_spectrometer(f"obp+serial://{faulty['address']}?model=FX")


def test_a_port_in_use_is_busy(sts, head):
    device = open_spectrometer(sts)
    with pytest.raises(PortBusy):
        open_spectrometer(sts)
    device.close()


@pytest.mark.parametrize("kind", ["--pty", "--tcp"])
def test_a_port_that_vanishes(folder, kind):
    options = [kind] if kind == "--pty" else [kind, "0"]
    with emulated(folder, "vanishing", "obp", *options) as info:
        scheme = "obp+serial" if kind == "--pty" else "obp+tcp"
        url = f"{scheme}://{info['address']}?model=STS"
        device = open_spectrometer(url)
        tell(info, faults="disconnect:1")
        with pytest.raises(ConnectionLost, match="went away"):
            device.acquire()
        device.close()
        info["process"].terminate()
        info["process"].wait(10)
    with pytest.raises(PortNotFound):
        open_spectrometer(url)


@pytest.fixture
def laser(head):
    tell(head, interlock="closed", key="on", fault=0, stuck=False, faults="")
    device = open_laser(f"cobolt+serial://{head['address']}?pause_ms=2")
    device.set_power(100.0)
    yield device
    tell(head, interlock="closed", key="on", fault=0, stuck=False, faults="")
    device.close()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"interlock": "open"}, InterlockOpen, "interlock"),
        ({"key": "off"}, DeviceRefused, "not allowed"),
        ({"fault": 1}, DeviceRefused, "temperature"),
    ],
)
def test_what_forbids_firing_is_told(laser, head, change, error, words):
    tell(head, **change)
    with pytest.raises(error, match=words):
        laser.on()
    assert not tell(head)["enabled"]


def test_the_interlock_opening_while_on(laser, head):
    laser.on()
    tell(head, interlock="open")
    status = laser.status()
    assert not status.emitting
    assert not status.interlock_closed
    assert status.fault == "interlock"


def test_a_laser_that_is_stuck_is_shouted_about(laser, head):
    laser.on()
    tell(head, stuck=True)
    start = time.monotonic()
    with pytest.raises(LaserMayBeOn, match="still on"):
        laser.off()
    assert 1.4 < time.monotonic() - start < 3
    tell(head, stuck=False)
    laser.off()
    assert not tell(head)["enabled"]


@pytest.mark.parametrize("fault", ["garbage:0.5", "drop:0.3", "corrupt:0.4", "nack:0.4", "truncate:0.3"])
def test_off_gets_past_a_bad_line_or_says_so(laser, head, fault):
    """Whatever happens to the answers: off is never reported while the laser is on."""
    for _ in range(2):
        laser.on()
        tell(head, faults=fault)
        try:
            laser.off()
        except LaserMayBeOn:
            pass
        else:
            assert not tell(head)["enabled"]
        tell(head, faults="")
        laser.off()
        assert not tell(head)["enabled"]


def test_a_laser_whose_cable_is_pulled(folder):
    with emulated(folder, "pulled", "cobolt", "--pty") as info:
        laser = open_laser(f"cobolt+serial://{info['address']}?pause_ms=2")
        laser.on()
        tell(info, faults="disconnect:1")
        with pytest.raises(LaserMayBeOn, match="key switch"):
            laser.off()
        laser.close()
