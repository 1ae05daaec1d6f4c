"""The OBP driver against its emulator: every fault is told by name, and the next spectrum is right."""

import json
import socket
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from instrument.drivers.obp import ObpSpectrometer
from instrument.drivers.obp_line import ObpLine
from instrument.drivers.obp_link import ObpLink
from instrument.drivers.obp_models import obp_model
from instrument.drivers.obp_session import ObpSession
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceNotReady,
    DeviceRefused,
    DeviceTimeout,
    DeviceURLError,
    HardwareFault,
    InstrumentError,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
    UnknownSetting,
)
from instrument.interfaces import Capability
from instrument.obp_frames import MessageType
from instrument.registry import open_spectrometer
from instrument.testing import running_emulator
from instrument.transport.serial_port import serial_opener
from instrument.transport.tcp import TcpStream


@pytest.fixture(scope="module")
def folder():
    # Short: a socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="o") as name:
        yield Path(name)


def emulated(folder, name, *options):
    fixed = ["--control", str(folder / f"{name}.ctl"), "--pattern", "ramp"]
    if "--tcp" not in options:
        fixed += ["--pty", "--link", str(folder / f"{name}.tty")]
    return running_emulator("obp", *fixed, *options)


def tell(info, **message):
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rw") as lines:
        sock.settimeout(5)
        sock.connect(info["control"])
        lines.write(json.dumps(message) + "\n")
        lines.flush()
        state = json.loads(lines.readline())
    assert "error" not in state, state
    return state


def ramp(k, pixels=1024):
    return 100 + (7 * np.arange(pixels) + 13 * k) % 4001


def is_the_last(counts, info):
    """Whether these are the counts of the spectrum the emulator made last."""
    return np.array_equal(counts, ramp(tell(info)["spectra_read"] - 1, counts.size))


@pytest.fixture(scope="module")
def sts(folder):
    """A device on a serial line that keeps the time and the speed."""
    with emulated(folder, "sts", "--line-time") as info:
        yield info


def over_serial(info, model="STS", *, baud=9600, fast=115_200, margin_s=0.6, md5=True):
    link = ObpLink(serial_opener(info["address"], baud), margin_s=margin_s)
    return ObpSpectrometer(ObpSession(link, ObpLine(baud, fast), md5=md5), obp_model(model))


def over_tcp(info, model, *, margin_s=0.3):
    host, port = info["address"].split(":")
    link = ObpLink(lambda transcript: TcpStream(host, int(port), transcript=transcript), margin_s=margin_s)
    return ObpSpectrometer(ObpSession(link), obp_model(model))


@pytest.fixture(scope="module")
def kept(sts):
    """One driver for many tests: each has to leave it usable."""
    device = over_serial(sts)
    yield device
    device.close()


@pytest.fixture
def device(kept, sts):
    tell(sts, faults="")
    kept.set_exposure(0.02)
    yield kept
    tell(sts, faults="")


def again_within(seconds, act):
    """Do it again and again until it succeeds."""
    end = time.monotonic() + seconds
    while True:
        try:
            return act()
        except InstrumentError:
            assert time.monotonic() < end, f"not usable again within {seconds} s"
            time.sleep(0.02)


def test_the_line_is_fast_and_says_so(device):
    settings = device.settings()
    assert settings["baud"] == 115_200
    assert settings["line"] == "115200 bits per second, raised from 9600"
    assert settings["checksum"] == "md5"
    assert Capability.CHECKSUM in device.capabilities


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop", DeviceTimeout),
        ("delay:1.0", DeviceTimeout),
        ("garbage_inside", ProtocolError),
        ("corrupt", ProtocolError),
        ("bad_footer", ProtocolError),
        ("bad_checksum", ProtocolError),
        ("truncate", DeviceTimeout),
        ("wrong_type", ProtocolError),
        ("nack:7", DeviceNotReady),
        ("nack:13", HardwareFault),
        ("nack:9", DeviceRefused),
        ("nack:77", DeviceRefused),
    ],
)
def test_a_fault_of_a_spectrum_is_told_and_the_next_one_is_right(device, sts, fault, error):
    tell(sts, once=fault, on="data")
    with pytest.raises(error):
        device.acquire()
    start = time.monotonic()
    assert is_the_last(device.acquire(), sts)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("fault", ["fragment", "garbage", "duplicate"])
def test_what_can_be_read_through_is(device, sts, fault, monkeypatch):
    # Pieces of a few bytes take the emulator's time, not the line's.
    monkeypatch.setattr(device._link, "margin_s", 5.0)
    tell(sts, once=fault, on="data")
    assert is_the_last(device.acquire(), sts)
    assert is_the_last(device.acquire(), sts)


def test_a_stale_spectrum_is_never_returned(device, sts):
    device.acquire()
    tell(sts, once="stale", on="data")
    for _ in range(2):
        try:
            counts = device.acquire()
        except DeviceTimeout:
            continue
        assert is_the_last(counts, sts)
    assert is_the_last(device.acquire(), sts)


@pytest.mark.parametrize("fault", ["drop", "corrupt", "bad_checksum", "wrong_type", "truncate"])
def test_a_fault_of_a_question_is_got_over(device, sts, fault):
    tell(sts, once=fault)
    device.set_exposure(0.03)
    assert tell(sts)["exposure_s"] == pytest.approx(0.03)
    assert is_the_last(device.acquire(), sts)


def test_after_a_power_cut_nothing_is_measured_with_other_settings(device, sts):
    """The line stays, and the device is back at 9600 bits per second with an exposure of its own."""
    device.set("averages", 2)
    device.set("boxcar", 3)
    tell(sts, once="power_cut:0.2", on="data")
    with pytest.raises(DeviceTimeout):
        device.acquire()
    assert tell(sts)["settings"]["averages"] == 1
    start = time.monotonic()
    assert again_within(5, device.acquire).size == 1024
    assert time.monotonic() - start < 5
    set_now = tell(sts)["settings"]
    assert (set_now["averages"], set_now["boxcar"], set_now["baud"]) == (2, 3, 115_200)
    assert tell(sts)["exposure_s"] == pytest.approx(0.02)
    device.set("averages", 1)
    device.set("boxcar", 0)


def test_a_pulled_cable_is_opened_again_by_itself(device, sts):
    tell(sts, once="disconnect:0.3", on="data")
    with pytest.raises(ConnectionLost):
        device.acquire()
    with pytest.raises(PortNotFound):
        device.acquire()
    assert is_the_last(again_within(5, device.acquire), sts)
    assert any(b"opened again" in e.data for e in device.transcript.entries() if e.direction == "n")


def test_stop_leaves_a_device_that_measures_at_once(device, sts):
    device.set_exposure(5.0)
    asked = iter([False, False, True])
    with pytest.raises(AcquisitionAborted):
        device.acquire(stop=lambda: next(asked))
    device.set_exposure(0.02)
    start = time.monotonic()
    assert is_the_last(device.acquire(), sts)
    assert time.monotonic() - start < 1.5


def test_binning_changes_axis_and_pixels(device, sts):
    full = device.axis()
    device.set("binning", 2)
    assert device.limits.pixels == 256
    assert device.axis() == pytest.approx(full.reshape(256, 4).mean(axis=1))
    counts = device.acquire()
    expected = np.rint(ramp(tell(sts)["spectra_read"] - 1).reshape(256, 4).mean(axis=1))
    np.testing.assert_array_equal(counts, expected)
    device.set("binning", 0)
    assert device.limits.pixels == device.acquire().size == 1024


def test_settings_are_read_back_and_checked(device, sts):
    device.set("lamp", True)
    assert tell(sts)["settings"]["lamp"] == 1
    device.set("lamp", "off")
    assert device.settings()["lamp"] is False
    device.set("trigger", "external edge")
    device.set("trigger_wait_s", 0.1)
    with pytest.raises(DeviceTimeout):
        device.acquire()
    device.set("trigger", "free running")
    assert is_the_last(device.acquire(), sts)
    with pytest.raises(UnknownSetting):
        device.set("shutter", True)
    with pytest.raises(UnknownSetting, match="read"):
        device.set("idle_state", 1)
    for name, value in [
        ("averages", 0),
        ("averages", 1.5),
        ("boxcar", True),
        ("trigger", "now"),
        ("lamp", 7),
    ]:
        with pytest.raises(SettingOutOfRange):
            device.set(name, value)
    with pytest.raises(UnknownSetting, match="no buffer"):
        device.acquire_many(2)
    # The emulator takes less than we allow.
    with pytest.raises(DeviceRefused, match="invalid data"):
        device.set("acquisition_delay_s", 9.0)
    names = {setting.name for setting in device.available_settings()}
    assert {"exposure_s", "averages", "boxcar", "trigger", "binning", "lamp", "trigger_wait_s"} <= names
    assert names - {"trigger_wait_s"} <= set(device.settings())


def test_averages_lengthen_the_wait(device, sts):
    device.set("averages", 10)
    device.set_exposure(0.05)
    assert device.acquire().size == 1024
    device.set("averages", 1)


def test_nonlinearity_is_corrected_when_asked_for(device, sts):
    raw = device.acquire()
    device.set("correct_nonlinearity", True)
    assert device.settings()["correct_nonlinearity"] is True
    counts = device.acquire()
    device.set("correct_nonlinearity", False)
    coefficients = device.settings()["nonlinearity_coefficients"]
    true = ramp(tell(sts)["spectra_read"] - 1)
    np.testing.assert_allclose(counts, true / np.polynomial.polynomial.polyval(true, coefficients))
    assert not np.array_equal(counts, raw)
    with pytest.raises(UnknownSetting, match="nothing to subtract"):
        device.set("correct_dark", True)


def test_status_tells_temperatures(device):
    status = device.status()
    assert status.ready
    assert len(status.temperatures_c) == 2
    assert all(0 < t < 60 for t in status.temperatures_c.values())


def test_a_device_left_waiting_for_a_trigger_is_found(folder):
    with emulated(folder, "left", "--tcp", "0") as info:
        device = over_tcp(info, "STS")
        device.set("trigger", "external edge")
        device._link.tell(MessageType.CORRECTED_SPECTRUM)
        device._link.close()
        device = over_tcp(info, "STS")
        assert device.settings()["trigger"] == "free running"
        assert is_the_last(device.acquire(), info)
        device.close()


def test_closing_leaves_the_device_slow_and_opening_finds_it_at_either_speed(folder):
    with emulated(folder, "speeds", "--line-time") as info:
        url = f"obp+serial://{info['address']}?model=STS"
        open_spectrometer(url).close()
        left = tell(info)["settings"]
        assert (left["baud"], left["checksum"]) == (9600, 0)
        # A program that ended without closing leaves it fast.
        device = open_spectrometer(url)
        device._session.link.close()
        assert tell(info)["settings"]["baud"] == 115_200
        device = open_spectrometer(f"{url}&md5=0")
        assert device.settings()["checksum"] == "none: not asked for"
        assert Capability.CHECKSUM not in device.capabilities
        device.close()
        # The URL says another speed than the device has.
        with pytest.raises(DeviceURLError, match="fast_baud=12345; write one of 9600"):
            open_spectrometer(f"{url}&fast_baud=12345")
        device = open_spectrometer(f"{url}&baud=57600&fast_baud=57600")
        assert device.settings()["line"] == "57600 bits per second, raised from 9600"
        device.close()


@pytest.mark.parametrize("cut", ["disconnect:0.2", "power_cut:0.2"])
def test_over_the_network_a_lost_connection_is_made_again(folder, cut):
    with emulated(folder, "net" + cut[:2], "--tcp", "0", "--model", "FX") as info:
        device = over_tcp(info, "FX")
        device.set_exposure(0.05)
        tell(info, once=cut, on="data")
        with pytest.raises(ConnectionLost):
            device.acquire()
        assert is_the_last(again_within(5, device.acquire), info)
        assert tell(info)["exposure_s"] == pytest.approx(0.05)
        device.close()


def test_a_dead_connection_is_given_up(folder):
    """Half-open: the other end is gone without a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener, emulated(folder, "dead", "--tcp", "0") as info:
        host, port = info["address"].split(":")
        targets = [(host, int(port))]
        link = ObpLink(lambda transcript: TcpStream(*targets[-1], transcript=transcript), margin_s=0.1)
        device = ObpSpectrometer(ObpSession(link), obp_model("STS"))
        targets.append(listener.getsockname())
        link.lose()
        with pytest.raises(DeviceTimeout):
            device.acquire()
        with pytest.raises(DeviceTimeout):
            device.acquire()
        targets.pop()
        assert not link.connected
        assert is_the_last(device.acquire(), info)
        device.close()


def test_buffers_give_every_spectrum_once(folder):
    with emulated(folder, "buf", "--tcp", "0", "--model", "FX") as info:
        device = over_tcp(info, "FX")
        device.set_exposure(0.006)
        many = device.acquire_many(11)
        np.testing.assert_array_equal(many, [ramp(k, 2136) for k in range(11)])
        assert not many.flags.writeable
        with pytest.raises(SettingOutOfRange):
            device.acquire_many(0)
        device.set_exposure(1.0)
        asked = iter([False, True])
        with pytest.raises(AcquisitionAborted):
            device.acquire_many(5, stop=lambda: next(asked))
        assert tell(info)["settings"]["back_to_back"] == 1
        device.set_exposure(0.006)
        tell(info, once="corrupt", on="data")
        with pytest.raises(ProtocolError):
            device.acquire_many(2)
        assert is_the_last(device.acquire(), info)
        device.close()


def test_qe_pro_buffer_cooler_and_dark_pixels(folder):
    with emulated(folder, "qe", "--tcp", "0", "--model", "QEPRO", "--speed", "20") as info:
        device = over_tcp(info, "QEPro")
        device.set_exposure(0.02)
        many = device.acquire_many(3)
        np.testing.assert_array_equal(many, [ramp(k, 1044) for k in range(3)])
        assert {Capability.COOLER, Capability.BUFFER, Capability.DARK_PIXELS} <= device.capabilities
        device.set("correct_dark", True)
        counts = device.acquire()
        true = ramp(tell(info)["spectra_read"] - 1, 1044)
        blind = np.r_[0:4, 1040:1044]
        np.testing.assert_allclose(counts, true - true[blind].mean())
        device.set("correct_dark", "off")
        device.set("cooler_setpoint_c", -5.0)
        device.set("cooler", True)
        status = device.status()
        assert not status.ready
        assert "cooling to -5 °C" in status.words
        assert status.temperatures_c["detector"] <= 24.6
        assert device.settings()["cooler"] is True
        tell(info, once="power_cut:0.1", on="data")
        with pytest.raises(ConnectionLost):
            device.acquire()
        assert is_the_last(again_within(5, device.acquire), info)
        assert device.settings()["cooler_setpoint_c"] == -5.0
        device.close()


def test_two_threads_share_one_device(device):
    """Each gets whole answers, whatever the other asks."""
    failures = []

    def ask():
        try:
            for _ in range(3):
                assert device.status().ready
        except InstrumentError as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(3):
        assert device.acquire().size == 1024
    thread.join(10)
    assert not failures
