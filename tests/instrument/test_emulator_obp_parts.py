"""Parts of the OBP emulator: memory for spectra, triggers, cooler, dark pixels, nonlinearity, laser."""

import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
import pytest

from instrument.emulators.detector import Detector
from instrument.emulators.faults import Fault, FaultKind, FaultSpecError
from instrument.emulators.light import ConstantLight, LightLog
from instrument.emulators.obp_cooler import Cooler
from instrument.emulators.obp_device import ObpDevice
from instrument.emulators.obp_models import MODELS
from instrument.emulators.obp_teaching import SIMULATE_TRIGGER, taught
from instrument.emulators.physics import bent
from instrument.emulators.scene import Scene, SceneError
from instrument.emulators.warmup import Relaxation, Warmup
from instrument.obp_frames import ErrorNumber, Flag, FrameFault, Message, MessageType, encode
from tests.instrument.conftest import Program
from tests.instrument.obp_client import Client

TYPES = MessageType
QUICK = ("--pattern", "ramp", "--speed", "10000")


def emulator(tmp_path_factory, model: str, *options: str) -> Iterator[Program]:
    control = tmp_path_factory.mktemp("o") / "c"
    program = Program(
        *("-m", "instrument.emulators", "obp", "--model", model, "--tcp", "0"),
        *("--control", str(control), *options),
    )
    yield program
    program.stop()


@pytest.fixture(scope="module")
def qepro(tmp_path_factory):
    yield from emulator(tmp_path_factory, "QEPRO", *QUICK)


@pytest.fixture(scope="module")
def fx(tmp_path_factory):
    yield from emulator(tmp_path_factory, "FX", *QUICK)


@pytest.fixture(scope="module")
def ventana(tmp_path_factory):
    yield from emulator(tmp_path_factory, "VENTANA", *QUICK)


@pytest.fixture
def connect():
    clients = []

    def start(program: Program) -> Client:
        clients.append(Client(program.about["address"]))
        return clients[-1]

    yield start
    for client in clients:
        client.put(0x00000001, b"")
        client.close()


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def first_pixel(spectrum: bytes) -> int:
    return struct.unpack_from("<I", spectrum, 32)[0]


def wait_for(client: Client, kind: int, operand: bytes) -> None:
    end = time.monotonic() + 3.0
    while client.ask(kind).operand != operand:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_memory_for_spectra_gives_the_oldest_first(qepro, connect):
    client = connect(qepro)
    client.put(TYPES.SET_BUFFERING, b"\1")
    client.put(0x00110112, u32(4))
    assert client.ask(0x00110102).operand == u32(4)
    begin = qepro.control()["spectra_read"]
    assert client.put(TYPES.ACQUIRE_INTO_BUFFER, b"").flags & Flag.ACK
    wait_for(client, TYPES.BUFFERED_COUNT, u32(4))
    wait_for(client, TYPES.DEVICE_IDLE, b"\1")
    client.put(TYPES.REMOVE_OLDEST, u32(1))
    kept = [first_pixel(client.ask(TYPES.BUFFERED_SPECTRUM_32).operand) for _ in range(3)]
    assert kept == [100 + 13 * (begin + k) % 4001 for k in (1, 2, 3)]
    assert client.ask(TYPES.BUFFERED_COUNT).operand == u32(0)
    # Nothing kept: one is exposed now.
    assert first_pixel(client.ask(TYPES.BUFFERED_SPECTRUM_32).operand) == 100 + 13 * (begin + 4) % 4001
    client.put(TYPES.SET_BUFFER_CAPACITY, u32(2))
    client.put(TYPES.ACQUIRE_INTO_BUFFER, b"")
    wait_for(client, TYPES.DEVICE_IDLE, b"\1")
    assert client.ask(TYPES.BUFFERED_COUNT).operand == u32(2)
    client.put(TYPES.CLEAR_BUFFER, b"")
    assert client.ask(TYPES.BUFFERED_COUNT).operand == u32(0)
    assert client.put(TYPES.SET_BUFFER_CAPACITY, u32(0)).error == ErrorNumber.INVALID_DATA
    assert client.ask(TYPES.BUFFER_CAPACITY_MAX).operand == u32(1000)


def test_filling_the_memory_can_be_aborted(qepro, connect):
    client = connect(qepro)
    client.put(TYPES.SET_INTEGRATION_TIME, u32(1_600_000_000))
    client.put(TYPES.ACQUIRE_INTO_BUFFER, b"")
    wait_for(client, TYPES.DEVICE_IDLE, b"\0")
    client.put(TYPES.ABORT_ACQUISITION, b"")
    wait_for(client, TYPES.DEVICE_IDLE, b"\1")
    assert client.ask(TYPES.BUFFERED_COUNT).operand == u32(0)


def test_fast_buffer_gives_several_spectra_in_one_reply(fx, connect):
    client = connect(fx)
    client.put(0x00110112, u32(3))
    client.put(TYPES.ACQUIRE_INTO_BUFFER, b"")
    wait_for(client, TYPES.BUFFERED_COUNT, u32(3))
    size = 64 + 2 * 2136 + 4
    for wanted, given in ((2, 2), (5, 1), (1, 1)):
        operand = client.ask(TYPES.BUFFERED_RAW_SPECTRA, u32(wanted)).operand
        assert len(operand) == given * size
        for at in range(0, len(operand), size):
            one = operand[at : at + size]
            assert struct.unpack("<I", one[-4:]) == (zlib.crc32(one[:-4]),)
            assert (np.diff(np.frombuffer(one[64:-4], "<u2")) == 7)[:500].all()
    assert client.ask(TYPES.BUFFERED_RAW_SPECTRA, u32(0)).error == ErrorNumber.INVALID_DATA
    assert client.ask(TYPES.BUFFERED_RAW_SPECTRA).error == ErrorNumber.WRONG_LENGTH


def test_dark_pixels_are_told_and_the_rest_is_active(fx, qepro, connect):
    told = {
        kind: struct.unpack("<2I", connect(fx).ask(kind).operand)
        for kind in (TYPES.ELECTRIC_DARK_PIXELS, TYPES.OPTICAL_DARK_PIXELS, TYPES.ACTIVE_PIXELS)
    }
    assert list(told.values()) == [(0, 11), (12, 27), (28, 2135)]
    client = connect(qepro)
    assert struct.unpack("<4I", client.ask(TYPES.OPTICAL_DARK_PIXELS).operand) == (0, 3, 1040, 1043)
    assert struct.unpack("<2I", client.ask(TYPES.ACTIVE_PIXELS).operand) == (4, 1039)
    assert client.ask(TYPES.ELECTRIC_DARK_PIXELS).operand == b""


def test_a_trigger_is_waited_for(fx, connect):
    client = connect(fx)
    for mode, refused in ((1, False), (255, False), (2, True)):
        assert bool(client.put(TYPES.SET_TRIGGER_MODE, bytes([mode])).flags & Flag.NACK) == refused
    assert client.ask(TYPES.RAW_SPECTRUM).error == ErrorNumber.NOT_READY
    client.put(TYPES.SET_TRIGGER_MODE, b"\1")
    client.send(encode(Message(TYPES.RAW_SPECTRUM, regarding=1)))
    assert client.events(1, 0.1) == []
    fx.control(trigger=True)
    assert client.events()[0].regarding == 1
    client.send(encode(Message(TYPES.RAW_SPECTRUM, regarding=2)))
    client.send(encode(Message(SIMULATE_TRIGGER, flags=Flag.ACK_REQUESTED, regarding=3)))
    assert [event.regarding for event in client.events(2)] == [3, 2]
    client.send(encode(Message(TYPES.RAW_SPECTRUM, regarding=4)))
    client.send(encode(Message(TYPES.ABORT_ACQUISITION, flags=Flag.ACK_REQUESTED, regarding=5)))
    assert [event.regarding for event in client.events(2, 0.5)] == [5]


def test_an_acquisition_delay_and_the_list_of_commands(fx, connect):
    client = connect(fx)
    assert client.put(TYPES.SET_ACQUISITION_DELAY, u32(1000)).flags & Flag.ACK
    assert client.ask(TYPES.GET_ACQUISITION_DELAY).operand == u32(1000)
    assert client.counts().size == 2136
    told = client.ask(0x00000082).operand
    known = set(struct.unpack(f"<{len(told) // 4}I", told))
    assert {TYPES.SERIAL_NUMBER, TYPES.BUFFERED_RAW_SPECTRA, TYPES.SET_BAUD, 0x00000082} <= known
    assert client.ask(0x00000005).operand == bytes(4)
    assert client.put(0x00000020, b"\0\x10").flags & Flag.ACK


def test_reset_and_power_forget_settings_but_not_a_saved_speed(fx, connect):
    client = connect(fx)
    client.put(TYPES.SET_BAUD, u32(115_200))
    client.put(TYPES.SET_CHECKSUM_TYPE, b"\1")
    assert client.put(0x00000000, b"").type == 0
    assert client.ask(TYPES.GET_BAUD).operand == u32(9600)
    assert client.ask(TYPES.SERIAL_NUMBER).checksum == 0
    client.put(TYPES.SET_BAUD, u32(57_600))
    client.put(0x000008F0, b"")
    client.put(0x00000000, b"")
    assert client.ask(TYPES.GET_BAUD).operand == u32(57_600)


def test_a_cooler_takes_its_time(qepro, connect):
    client = connect(qepro)
    assert client.ask(TYPES.COOLER_STABLE).operand == b"\0"
    assert client.ask(TYPES.TEMPERATURE_COUNT).operand == b"\3"
    client.put(TYPES.SET_COOLER_ENABLE, b"\1")
    wait_for(client, TYPES.COOLER_STABLE, b"\1")
    warm, hot, cold = struct.unpack("<3f", client.ask(TYPES.TEMPERATURES).operand)
    assert (warm, hot) == pytest.approx((24.5, 30.5))
    assert cold == pytest.approx(-10.0, abs=0.1)
    assert client.put(TYPES.SET_COOLER_SETPOINT, struct.pack("<f", -41.0)).error == ErrorNumber.INVALID_DATA


def test_cooler_over_time():
    now = [0.0]
    cooler = Cooler(25.0)
    cooler._chip = Relaxation(25.0, time_constant_s=20.0, clock=lambda: now[0])
    cooler.on = 1
    now[0] = 20.0
    assert cooler.chip_c == pytest.approx(-10.0 + 35.0 / np.e)
    assert not cooler.stable
    now[0] = 200.0
    assert cooler.stable
    cooler.setpoint_c = -20.0
    assert not cooler.stable
    cooler.power_on()
    now[0] = 400.0
    cooler.warm_surroundings(3.0)
    assert cooler.chip_c == pytest.approx(25.0, abs=0.01)
    now[0] = 800.0
    assert cooler.chip_c == pytest.approx(28.0)


def test_warm_up_is_over_after_its_time():
    now = [0.0]
    laser = Warmup(30.0, droop=0.1, speed=10.0, clock=lambda: now[0])
    assert (laser.ready, laser.left_s) == (False, 30.0)
    assert laser.power_share == pytest.approx(0.9)
    now[0] = 1.0
    assert laser.power_share == pytest.approx(1.0 - 0.1 / np.e)
    now[0] = 3.0
    assert laser.ready
    laser.restart()
    assert not laser.ready
    assert Warmup(0.0).power_share == 1.0


def test_a_bent_signal_divided_by_its_polynomial_is_straight():
    coefficients = MODELS["STS"].nonlinearity
    signal = np.linspace(-50.0, 16_000.0, 500)
    measured = bent(signal, coefficients, 16383.0)
    straight = measured / np.polynomial.polynomial.polyval(measured, coefficients)
    assert np.abs(straight - signal).max() < 0.01
    assert (np.diff(measured) > 0).all()
    assert 100 < np.abs(measured - signal).max() < 400
    assert bent(signal, (), 16383.0) is signal
    assert bent(np.array([1e9]), coefficients, 16383.0)[0] == 1e9


def device(model: str = "FX", log: LightLog | None = None, **options) -> ObpDevice:
    facts = MODELS[model]
    detector = Detector(
        facts.chip,
        coefficients=facts.coefficients,
        pixels=facts.pixels,
        scene=Scene(laser_nm=785.0),
        light=ConstantLight(0.0),
        seed=3,
        blind=facts.blind,
        unlit=facts.unlit,
        **options,
    )
    return ObpDevice(facts, "T", detector, log)


def test_electric_dark_pixels_have_no_dark_current_and_warmth_doubles_it():
    made = device()
    made.set.exposure_us = 10_000_000
    counts = [made.finish(made.begin()).counts for _ in range(2)]
    assert counts[0][:12].mean() == pytest.approx(1200, abs=40)
    assert counts[0][28:].mean() == pytest.approx(1200 + 400 * 10 / 1.5, rel=0.01)
    made.suffer(Fault(FaultKind.DRIFT, value=7.0))
    assert made.finish(made.begin()).counts[28:].mean() == pytest.approx(1200 + 800 * 10 / 1.5, rel=0.01)
    assert made.state()["temperatures_c"][0] == pytest.approx(31.5)


def test_the_axis_moves_with_the_temperature():
    made = device("STS")
    made.detector._light = ConstantLight(100.0)
    made.detector.scene.fluorescence = 1.0
    made.detector.scene.raman_rate = lambda nm, chip: 1e4 * np.exp(-0.5 * ((nm - 850.0) / 0.5) ** 2)
    made.set.exposure_us = 1_000_000

    def peak() -> float:
        counts = made.finish(made.begin()).counts - 740.0
        near = np.abs(made.detector.wavelengths - 850.0) < 3
        return float(np.average(made.detector.wavelengths[near], weights=counts[near].clip(0)))

    before = peak()
    made.suffer(Fault(FaultKind.DRIFT, value=10.0))
    assert peak() - before == pytest.approx(-0.2, abs=0.02)


def test_the_ventanas_laser_goes_dark_with_interlock_and_power(ventana, connect):
    client = connect(ventana)
    client.put(TYPES.SET_LASER_INTENSITY, b"\0\0" + struct.pack("<f", 0.25))
    assert ventana.control(once="interlock:0.1")["faults_waiting"] == 1
    client.put(TYPES.SET_LASER_ENABLE, b"\0\0\1")
    wait_for(client, TYPES.SERIAL_NUMBER_LENGTH, b"\x10")
    laser = ventana.control()["laser"]
    # The protocol has no word for it: enabled, and dark.
    assert (laser["interlock"], laser["power_mw"]) == ("open", 0.0)
    assert client.ask(TYPES.GET_LASER_ENABLE, b"\0\0").operand == b"\1"
    time.sleep(0.15)
    assert ventana.control()["laser"]["power_mw"] == pytest.approx(50.0)
    assert ventana.control(interlock="open")["laser"]["power_mw"] == 0.0
    assert ventana.control(interlock="closed")["laser"]["power_mw"] == pytest.approx(50.0)
    with pytest.raises(AssertionError, match="error"):
        ventana.control(interlock="ajar")
    with pytest.raises(AssertionError, match="no message"):
        ventana.control(once="laser_fault")
    client.put(0x00000000, b"")
    assert ventana.control()["laser"] == {
        "enabled": False,
        "intensity": 1.0,
        "power_mw": 0.0,
        "interlock": "closed",
    }


def test_a_power_cut_darkens_the_laser_in_its_own_log(tmp_path):
    log = LightLog(tmp_path / "light")
    made = device("VENTANA", log)
    table = taught(made)
    table.carry_out(TYPES.SET_LASER_ENABLE, b"\0\0\1")
    assert (tmp_path / "light").read_text().splitlines()[-1].endswith(" 200")
    made.power_on()
    assert (tmp_path / "light").read_text().splitlines()[-1].endswith(" 0")
    with pytest.raises(FaultSpecError):
        made.suffer(Fault(FaultKind.LASER_FAULT))
    with pytest.raises(SceneError):
        made.laser.control({"interlock": 3})
    with pytest.raises(FaultSpecError):
        device("STS").suffer(Fault(FaultKind.INTERLOCK))
    with pytest.raises(FaultSpecError):
        made.detector.suffer(Fault(FaultKind.DROP))
    made.laser.close()


def test_checksums_stay_until_reset(fx, connect):
    client = connect(fx)
    client.put(TYPES.SET_CHECKSUM_TYPE, b"\1")
    fx.control(once="bad_checksum", on="data")
    client.send(encode(Message(TYPES.RAW_SPECTRUM)))
    assert client.events()[0].fault is FrameFault.CHECKSUM
    assert client.counts().size == 2136
