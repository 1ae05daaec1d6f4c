"""A Ventana: spectrometer and laser over one link, on the emulator and by byte transcripts."""

import json
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

import pytest

from instrument.drivers.obp_laser import ObpLaser
from instrument.drivers.obp_link import ObpLink
from instrument.drivers.obp_session import ObpSession
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceRefused,
    DeviceURLError,
    InstrumentError,
    LaserMayBeOn,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
)
from instrument.obp_frames import Flag, Message, encode
from instrument.obp_frames import MessageType as M
from instrument.registry import contains_laser, open_spectrometer, open_unit
from instrument.testing import TranscriptStream, running_emulator


@pytest.fixture(scope="module")
def folder():
    # Short: a socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="v") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def ventana(folder):
    with running_emulator(
        *("obp", "--model", "VENTANA", "--pty", "--line-time", "--baud", "115200"),
        *("--control", str(folder / "v.ctl"), "--link", str(folder / "v.tty")),
    ) as info:
        yield info


def tell(info, **message):
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rw") as lines:
        sock.settimeout(5)
        sock.connect(info["control"])
        lines.write(json.dumps(message) + "\n")
        lines.flush()
        state = json.loads(lines.readline())
    assert "error" not in state, state
    return state


def url_of(info, **params):
    more = "".join(f"&{name}={value}" for name, value in params.items())
    return f"obp+serial://{info['address']}?model=Ventana&baud=115200{more}"


@pytest.fixture
def unit(ventana):
    tell(ventana, faults="")
    unit = open_unit(url_of(ventana))
    yield unit
    tell(ventana, faults="")
    unit.close()


def test_a_url_with_a_laser_is_for_the_guardian(ventana):
    url = url_of(ventana)
    assert contains_laser(url)
    assert not contains_laser(url.replace("Ventana", "STS"))
    with pytest.raises(DeviceURLError, match="contains a laser"):
        open_spectrometer(url)
    with pytest.raises(DeviceURLError, match="laser_max_mw"):
        open_unit(url_of(ventana, laser_max_mw=5000))


def test_power_is_a_duty_fraction(ventana):
    unit = open_unit(url_of(ventana, laser_max_mw=400, laser_nm=532))
    unit.laser.set_power(100.0)
    assert tell(ventana)["laser"]["intensity"] == pytest.approx(0.25)
    assert (unit.laser.wavelength_nm, unit.laser.max_power_mw) == (532.0, 400.0)
    settings = unit.laser.settings()
    assert settings["duty"] == 0.25
    assert settings["interlock"] == "the device cannot tell"
    assert unit.laser.info.serial == unit.spectrometer.info.serial
    assert unit.laser.info.emulated
    unit.close()
    with pytest.raises(SettingOutOfRange):
        unit.laser.set_power(401.0)


def test_the_laser_lights_the_spectrometer(unit, ventana):
    unit.spectrometer.set_exposure(0.1)
    unit.laser.set_power(200.0)
    dark = unit.spectrometer.acquire().sum()
    unit.laser.on()
    lit = unit.spectrometer.acquire().sum()
    unit.laser.off()
    assert lit > dark
    assert not tell(ventana)["laser"]["enabled"]


def test_laser_off_ends_an_exposure(unit, ventana):
    unit.spectrometer.set_exposure(20.0)
    unit.laser.set_power(50.0)
    unit.laser.on()
    ended = []

    def expose():
        try:
            unit.spectrometer.acquire()
        except InstrumentError as error:
            ended.append(error)

    thread = threading.Thread(target=expose)
    thread.start()
    time.sleep(0.2)
    assert tell(ventana)["laser"]["enabled"]
    start = time.monotonic()
    unit.laser.off()
    assert time.monotonic() - start < 1.5
    assert not tell(ventana)["laser"]["enabled"]
    thread.join(5)
    assert isinstance(ended[0], AcquisitionAborted)
    unit.spectrometer.set_exposure(0.03)
    assert unit.spectrometer.acquire().size == 1024


def test_laser_off_from_within_the_stop_question(unit, ventana):
    """As a scan does: the laser first, then the frame is cleared away."""
    unit.spectrometer.set_exposure(20.0)
    unit.laser.set_power(50.0)
    unit.laser.on()

    def stop():
        unit.laser.off()
        return True

    with pytest.raises(AcquisitionAborted):
        unit.spectrometer.acquire(stop=stop)
    assert not tell(ventana)["laser"]["enabled"]
    unit.spectrometer.set_exposure(0.03)
    assert unit.spectrometer.acquire().size == 1024


@pytest.mark.parametrize("fault", ["drop", "corrupt", "wrong_type", "nack:7", "truncate", "duplicate"])
def test_off_gets_past_a_bad_line(unit, ventana, fault):
    unit.laser.set_power(50.0)
    unit.laser.on()
    tell(ventana, once=fault)
    unit.laser.off()
    assert not tell(ventana)["laser"]["enabled"]
    assert not unit.laser.status().emitting


def test_off_on_a_dead_line_is_shouted(unit, ventana):
    unit.laser.set_power(50.0)
    unit.laser.on()
    tell(ventana, faults="drop:1")
    start = time.monotonic()
    with pytest.raises(LaserMayBeOn, match="cut its power"):
        unit.laser.off()
    assert time.monotonic() - start < 2.0
    tell(ventana, faults="")
    unit.laser.off()
    assert not tell(ventana)["laser"]["enabled"]


def test_off_opens_a_pulled_cable_again(unit, ventana):
    unit.laser.set_power(50.0)
    unit.laser.on()
    tell(ventana, once="disconnect:0.5")
    with pytest.raises(ConnectionLost):
        unit.laser.status()
    unit.laser.off()
    assert not tell(ventana)["laser"]["enabled"]
    assert unit.laser.status().setpoint_mw == pytest.approx(50.0)


def test_off_while_the_cable_is_out_is_shouted_in_time(unit, ventana):
    unit.laser.set_power(50.0)
    unit.laser.on()
    tell(ventana, once="disconnect:2.2")
    with pytest.raises(ConnectionLost):
        unit.laser.status()
    start = time.monotonic()
    with pytest.raises(LaserMayBeOn):
        unit.laser.off()
    assert time.monotonic() - start < 2.0
    time.sleep(0.8)
    unit.laser.off()
    assert not tell(ventana)["laser"]["enabled"]


def test_a_laser_that_was_on_is_off_after_a_reconnection(unit, ventana):
    """The next operation is the spectrometer's; the laser is forced off all the same."""
    unit.spectrometer.set_exposure(0.03)
    unit.laser.set_power(50.0)
    unit.laser.on()
    tell(ventana, once="disconnect:0.2", on="data")
    with pytest.raises(ConnectionLost):
        unit.spectrometer.acquire()
    assert tell(ventana)["laser"]["enabled"]
    end = time.monotonic() + 5
    while True:
        try:
            unit.spectrometer.acquire()
        except PortNotFound:
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            break
    assert not tell(ventana)["laser"]["enabled"]
    assert not unit.laser.status().emitting


def test_a_power_cut_leaves_it_dark_at_its_power(unit, ventana):
    unit.spectrometer.set_exposure(0.03)
    unit.laser.set_power(50.0)
    unit.laser.on()
    tell(ventana, once="power_cut:0.2", on="data")
    with pytest.raises(InstrumentError):
        unit.spectrometer.acquire()
    unit.spectrometer.acquire()
    state = tell(ventana)["laser"]
    assert not state["enabled"]
    assert state["intensity"] == pytest.approx(0.25)


# --- by byte transcripts


def answer(kind, n, operand=b"", *, flags=Flag.RESPONSE, error=0):
    return encode(Message(kind, operand, flags, error, n))


def asked(kind, n, operand=b"", *, ack=False):
    return encode(Message(kind, operand, Flag.ACK_REQUESTED if ack else Flag(0), regarding=n))


def query(kind, operand, data):
    return lambda n: (asked(kind, n, operand), answer(kind, n, data))


def command(kind, operand):
    return lambda n: (
        asked(kind, n, operand, ack=True),
        answer(kind, n, flags=Flag.RESPONSE | Flag.ACK),
    )


def power(value):
    return struct.pack("<f", value)


SERIAL = query(M.SERIAL_NUMBER, b"", b"V1")
OFF = command(M.SET_LASER_ENABLE, b"\0\0\0")
ON = command(M.SET_LASER_ENABLE, b"\0\0\1")
IS_OFF = query(M.GET_LASER_ENABLE, b"\0\0", b"\0")
IS_ON = query(M.GET_LASER_ENABLE, b"\0\0", b"\1")
OPENING = (
    OFF,
    IS_OFF,
    SERIAL,
    command(M.SET_LASER_INTENSITY, b"\0\0" + power(0.0)),
    query(M.GET_LASER_INTENSITY, b"\0\0", power(0.0)),
)


def wire(*steps):
    return TranscriptStream([step(n) for n, step in enumerate(steps, 1)])


def laser_over(stream, **options):
    link = ObpLink(lambda transcript: stream, margin_s=0.05, first_regarding=1)
    return ObpLaser(ObpSession(link, md5=False), off_deadline_s=0.2, **options)


def test_it_is_off_before_anything_else():
    with wire(*OPENING) as stream:
        assert laser_over(stream).info.serial == "V1"


def test_on_is_sent_once_and_read_back():
    with wire(*OPENING, ON, IS_ON) as stream:
        laser_over(stream).on()
    with wire(*OPENING, ON, IS_OFF, OFF, IS_OFF) as stream:
        laser = laser_over(stream)
        with pytest.raises(DeviceRefused, match="did not come on"):
            laser.on()


def test_a_laser_that_stays_on_is_shouted_about():
    stream = wire(*OPENING, *[OFF, IS_ON])
    laser = laser_over(stream, max_mw=100.0)
    stream._send = lambda data, timeout_s: None
    stream._answers.clear()
    with pytest.raises(LaserMayBeOn):
        laser.off()


@pytest.mark.parametrize("data", [b"", b"\2", b"\0\0"])
def test_an_answer_that_makes_no_sense_is_no_off(data):
    steps = (*OPENING, OFF, query(M.GET_LASER_ENABLE, b"\0\0", data))
    stream = wire(*steps)
    laser = laser_over(stream)
    laser._off_deadline_s = 0.0
    with pytest.raises(LaserMayBeOn):
        laser.off()


@pytest.mark.parametrize("data", [b"", power(1.5), power(-0.1), power(float("nan"))])
def test_a_power_that_makes_no_sense_is_refused(data):
    steps = (*OPENING, command(M.SET_LASER_INTENSITY, b"\0\0" + power(0.5)))
    with wire(*steps, query(M.GET_LASER_INTENSITY, b"\0\0", data)) as stream:
        laser = laser_over(stream)
        with pytest.raises(ProtocolError, match="laser intensity"):
            laser.set_power(100.0)


def test_another_power_than_asked_for_is_refused():
    steps = (*OPENING, command(M.SET_LASER_INTENSITY, b"\0\0" + power(0.5)))
    with wire(*steps, query(M.GET_LASER_INTENSITY, b"\0\0", power(0.7))) as stream:
        laser = laser_over(stream)
        with pytest.raises(DeviceRefused, match="reads back 140 mW"):
            laser.set_power(100.0)
