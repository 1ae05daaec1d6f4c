import json
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from instrument.emulators import main
from instrument.emulators.light import LightLog
from instrument.obp_frames import (
    ChecksumType,
    ErrorNumber,
    Flag,
    Message,
    MessageType,
    encode,
)
from spectra.formats import encode_csv
from spectra.values import Spectrum, Technique
from tests.instrument.obp_client import Client

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def connect(emulate):
    clients = []

    def start(*options, **more):
        program = emulate("obp", *options)
        clients.append(Client(program.about["address"]))
        return program, clients[-1]

    yield start
    for client in clients:
        client.close()


def expose(client: Client, seconds: float) -> None:
    reply = client.put(MessageType.SET_INTEGRATION_TIME, struct.pack("<I", round(seconds * 1e6)))
    assert reply.flags == Flag.RESPONSE | Flag.ACK


def powder(path: Path) -> str:
    axis = np.arange(200.0, 2401.0)
    light = 0.05 + np.exp(-0.5 * ((axis - 1000.0) / 8.0) ** 2)
    path.write_bytes(encode_csv(Spectrum(axis, light, Technique.RAMAN, laser_nm=785.0)))
    return str(path)


def test_start_up_line_says_what_it_is(connect):
    program, client = connect("--pty", "--model", "SPARK", "--seed", "7", "--serial", "BENCH-1")
    about = program.about
    assert about["address"].startswith("/dev/")
    assert about["emulated"] is True
    assert (about["serial"], about["model"], about["pixels"]) == ("BENCH-1", "SPARK", 1024)
    assert (about["light"], about["laser_nm"]) == ("constant", 785.0)
    assert client.ask(MessageType.SERIAL_NUMBER).operand == b"BENCH-1"
    count = client.ask(MessageType.WAVELENGTH_COUNT).operand[0]
    told = [client.ask(MessageType.WAVELENGTH_COEFFICIENT, bytes([i])).operand for i in range(count)]
    assert [struct.unpack("<f", c)[0] for c in told] == about["wavelength_coefficients"]


@pytest.mark.parametrize("wire", [["--pty"], ["--tcp", "0"]])
def test_ramp_over_both_wires(connect, wire):
    _, client = connect(*wire, "--pattern", "ramp", "--speed", "100")
    assert (client.counts() == 100 + (7 * np.arange(1024)) % 4001).all()
    assert (client.counts(MessageType.CORRECTED_SPECTRUM) == 100 + (7 * np.arange(1024) + 13) % 4001).all()


def test_settings_are_kept_and_read_back(connect):
    _, client = connect("--tcp", "0", "--model", "QEPRO", "--pattern", "ramp", "--speed", "1000")
    types = MessageType
    for get, put, value in (
        (types.GET_INTEGRATION_TIME, types.SET_INTEGRATION_TIME, struct.pack("<I", 9000)),
        (types.GET_AVERAGES, types.SET_AVERAGES, struct.pack("<H", 3)),
        (types.GET_BOXCAR, types.SET_BOXCAR, b"\x02"),
        (types.GET_TRIGGER_MODE, types.SET_TRIGGER_MODE, b"\x00"),
        (types.GET_COOLER_ENABLE, types.SET_COOLER_ENABLE, b"\x01"),
        (types.GET_COOLER_SETPOINT, types.SET_COOLER_SETPOINT, struct.pack("<f", -15.0)),
        (types.COOLER_TEMPERATURE, types.SET_COOLER_FAN, b"\x01"),
    ):
        assert client.put(put, value).flags == Flag.RESPONSE | Flag.ACK
        if get != types.COOLER_TEMPERATURE:
            assert client.ask(get).operand == value
    time.sleep(0.2)
    assert struct.unpack("<f", client.ask(types.COOLER_TEMPERATURE).operand)[0] == pytest.approx(
        -15.0, abs=0.1
    )
    assert client.ask(types.TEMPERATURE, b"\0").operand == struct.pack("<f", 24.5)
    spectrum = client.ask(types.BUFFERED_SPECTRUM_32).operand
    assert len(spectrum) == 32 + 4 * 1044
    assert struct.unpack_from("<I", spectrum, 32) == (100,)


def test_averages_and_binning_change_the_spectrum(connect):
    _, client = connect("--tcp", "0", "--speed", "100")
    raw = client.counts()
    client.put(MessageType.SET_AVERAGES, struct.pack("<H", 20))
    assert np.diff(client.counts()).std() < np.diff(raw).std()
    client.put(MessageType.SET_BINNING, b"\x02")
    assert client.ask(MessageType.PIXEL_COUNT).operand == struct.pack("<H", 256)
    assert client.counts().size == 256


def test_refusals_say_why(connect):
    _, client = connect("--tcp", "0")
    refused = Flag.RESPONSE | Flag.NACK
    for kind, operand, error in (
        (0x00FF0000, b"", ErrorNumber.UNKNOWN_TYPE),
        (MessageType.SET_INTEGRATION_TIME, b"\1", ErrorNumber.WRONG_LENGTH),
        (MessageType.SET_INTEGRATION_TIME, struct.pack("<I", 5), ErrorNumber.INVALID_DATA),
        (MessageType.SET_COOLER_SETPOINT, struct.pack("<f", 0.0), ErrorNumber.UNKNOWN_TYPE),
        (MessageType.WAVELENGTH_COEFFICIENT, b"\x09", ErrorNumber.NO_SUCH_INFORMATION),
        (MessageType.TEMPERATURE, b"\x09", ErrorNumber.NO_SUCH_INFORMATION),
        (MessageType.RAW_SPECTRUM, b"\x09", ErrorNumber.WRONG_LENGTH),
    ):
        reply = client.ask(kind, operand, flags=Flag.ACK_REQUESTED, regarding=77)
        assert (reply.flags, reply.error, reply.type, reply.regarding) == (refused, error, kind, 77)
    old = client.ask(MessageType.PIXEL_COUNT, version=0x1000)
    assert old.version == 0x1000
    assert client.ask(MessageType.PIXEL_COUNT, version=0x3000).error == ErrorNumber.PROTOCOL_UNSUPPORTED


def test_commands_are_silent_unless_an_answer_is_asked_for(connect):
    _, client = connect("--tcp", "0")
    for operand in (struct.pack("<I", 50_000), struct.pack("<I", 1)):
        client.send(encode(Message(MessageType.SET_INTEGRATION_TIME, operand)))
    assert client.ask(MessageType.GET_INTEGRATION_TIME).operand == struct.pack("<I", 50_000)


def test_checksums_are_given_and_verified(connect):
    _, client = connect("--tcp", "0")
    reply = client.ask(MessageType.SERIAL_NUMBER, checksum=ChecksumType.MD5)
    assert reply.checksum is ChecksumType.MD5
    frame = bytearray(encode(Message(MessageType.SERIAL_NUMBER, regarding=3, checksum=ChecksumType.MD5)))
    frame[45] ^= 1
    client.send(bytes(frame))
    (refusal,) = client.events()
    assert (refusal.error, refusal.regarding) == (ErrorNumber.BAD_CHECKSUM, 3)
    client.put(MessageType.SET_CHECKSUM_TYPE, b"\x01")
    assert client.ask(MessageType.PIXEL_COUNT).checksum is ChecksumType.MD5


def test_garbage_and_half_frames_are_forgotten(connect):
    _, client = connect("--pty")
    client.send(b"\x00\xff garbage \xc1\xc0" + b"A" * 5)
    time.sleep(0.05)
    frame = encode(Message(MessageType.PIXEL_COUNT))
    client.send(frame[:20])
    time.sleep(0.4)
    assert client.ask(MessageType.PIXEL_COUNT).operand == struct.pack("<H", 1024)


def test_the_spectrum_comes_after_the_exposure_and_not_before(connect):
    _, client = connect("--tcp", "0")
    expose(client, 0.15)
    client.put(MessageType.SET_AVERAGES, struct.pack("<H", 2))
    begin = time.monotonic()
    client.counts()
    assert 0.3 <= time.monotonic() - begin < 2.0


def test_an_exposure_ends_with_the_connection_or_an_abort(connect):
    program, client = connect("--tcp", "0")
    expose(client, 60.0)
    client.send(encode(Message(MessageType.RAW_SPECTRUM, regarding=1)))
    client.send(encode(Message(MessageType.PIXEL_COUNT, regarding=2)))
    assert client.events(1, 0.1) == []
    client.send(encode(Message(MessageType.ABORT_ACQUISITION, flags=Flag.ACK_REQUESTED, regarding=3)))
    assert [event.regarding for event in client.events(2)] == [2, 3]
    client.send(encode(Message(MessageType.RAW_SPECTRUM)))
    client.close()
    again = Client(program.about["address"])
    expose(again, 0.001)
    assert again.counts().size == 1024
    assert program.control()["spectra_read"] == 1
    again.close()


def test_no_raman_without_laser_over_the_shared_light_file(connect, tmp_path):
    log = LightLog(tmp_path / "light")
    program, client = connect(
        "--tcp",
        "0",
        "--light",
        str(tmp_path / "light"),
        "--sample",
        powder(tmp_path / "p.csv"),
        "--speed",
        "20",
    )
    assert program.about["light"] == str(tmp_path / "light")
    expose(client, 1.0)
    assert client.counts().max() < 900
    log.set_power(100.0)
    assert client.counts().max() == pytest.approx(0.6 * 15783 + 730, rel=0.08)
    log.set_power(0.0)
    assert client.counts().max() < 900
    log.close()


def test_the_sample_changes_at_run_time(connect, tmp_path):
    program, client = connect("--tcp", "0", "--speed", "100")
    expose(client, 1.0)
    assert client.counts().max() < 1000
    state = program.control(sample=powder(tmp_path / "p.csv"), brightness=0.5, cosmic_rate=0)
    assert state["brightness"] == 0.5
    assert 4000 < client.counts().max() < 8000
    program.control(sample=None)
    assert client.counts().max() < 1000


def test_a_command_puts_another_sample_before_the_probe(connect, tmp_path, capsys):
    program, client = connect("--tcp", "0", "--speed", "100")
    expose(client, 1.0)
    probe = str(program.about["control"])
    assert main(["put", probe, str(powder(tmp_path / "p.csv")), "--brightness", "0.5"]) == 0
    assert 4000 < client.counts().max() < 8000
    assert main(["put", probe, "nothing", "--lamp", "neon"]) == 0
    assert program.control()["lamp"] == "neon"
    assert main(["put", probe, "nothing", "--lamp", "nothing"]) == 0
    assert program.control()["lamp"] is None
    assert client.counts().max() < 1000
    assert main(["put", probe, str(tmp_path / "none.csv")]) == 2
    assert main(["put", str(tmp_path / "none"), "nothing"]) == 3
    told = capsys.readouterr().err.splitlines()
    assert all(line.startswith("emulate: ") for line in told)
    assert "no emulator answers" in told[-1]


def test_control_refuses_nonsense_and_goes_on(connect, tmp_path):
    program, _ = connect("--tcp", "0")
    path = Path(program.about["control"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(str(path))
        with sock.makefile("rw") as lines:
            for line in (
                "no json",
                "[1]",
                '{"sample": "/nowhere/x.csv"}',
                '{"faults": "explode:1"}',
                '{"faults": 1}',
                '{"colour": "red"}',
                '{"cosmic_rate": -1}',
            ):
                lines.write(line + "\n")
                lines.flush()
                assert "error" in json.loads(lines.readline())
            lines.write("{}\n")
            lines.flush()
            assert json.loads(lines.readline())["sample"] == ""
    program.stop()
    assert program.process.returncode == 0
    assert not path.exists()


def test_the_ventana_has_a_laser_of_its_own(connect, tmp_path):
    program, client = connect(
        "--tcp", "0", "--model", "VENTANA", "--sample", powder(tmp_path / "p.csv"), "--speed", "20"
    )
    assert program.about["light"] == "internal"
    expose(client, 0.5)
    types = MessageType
    assert client.ask(types.GET_LASER_ENABLE, b"\0\0").operand == b"\0"
    assert client.counts().max() < 2000
    client.put(types.SET_LASER_INTENSITY, b"\0\0" + struct.pack("<f", 0.5))
    client.put(types.SET_LASER_ENABLE, b"\0\0\1")
    assert client.ask(types.GET_LASER_INTENSITY, b"\0\0").operand == struct.pack("<f", 0.5)
    assert client.counts().max() > 10_000
    for kind, operand in (
        (types.SET_LASER_ENABLE, b"\0\1\1"),
        (types.SET_LASER_ENABLE, b"\0\0\2"),
        (types.SET_LASER_INTENSITY, b"\0\0" + struct.pack("<f", float("nan"))),
    ):
        assert client.put(kind, operand).flags & Flag.NACK


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly_even_during_an_exposure(connect, signal_number):
    program, client = connect("--pty")
    expose(client, 60.0)
    client.send(encode(Message(MessageType.RAW_SPECTRUM)))
    program.stop(signal_number)
    assert program.process.returncode == 0


def test_line_time_and_a_changed_speed(connect):
    _, client = connect("--pty", "--line-time", "--baud", "115200", "--speed", "1000")
    # Still at 9600 baud here: neither side understands the other.
    client.send(encode(Message(MessageType.PIXEL_COUNT)))
    assert client.events(1, 0.3) == []
    client.port.baudrate = 115200
    client.port.reset_input_buffer()
    client.parser.reset()
    begin = time.monotonic()
    client.counts()
    assert 0.18 < time.monotonic() - begin < 2.0
    # The acknowledgement comes at the old speed.
    assert client.put(MessageType.SET_BAUD, struct.pack("<I", 1_000_000)).flags & Flag.ACK
    client.port.baudrate = 1_000_000
    begin = time.monotonic()
    client.counts()
    assert time.monotonic() - begin < 0.15


@pytest.mark.parametrize(
    "options",
    [
        ["obp", "--model", "NOPE"],
        ["obp", "--speed", "0"],
        ["obp", "--speed", "fast"],
        ["obp", "--fault", "explode:1"],
        ["obp", "--pty", "--tcp", "0"],
        ["obp", "--sample", "/nowhere/sample.csv"],
        ["obp", "--fault", "interlock:1"],
        ["spektralwerk", "--range-nm", "900:800"],
        ["replay", "/nowhere/transcript"],
        [],
    ],
)
def test_senseless_options_end_with_status_two_and_a_reason(options):
    done = subprocess.run(
        [sys.executable, "-m", "instrument.emulators", *options],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_said_so(connect):
    program, _ = connect("--tcp", "0")
    port = program.about["address"].rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "instrument.emulators", "obp", "--tcp", port],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 3
    assert "another port" in done.stderr


def test_the_command_line_starts_emulators():
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli.start", "emulate", "obp", "--model", "hdx", "--tcp", "0"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    with process, process.stdout as out:
        try:
            assert json.loads(out.readline())["model"] == "HDX"
        finally:
            process.terminate()
        assert process.wait(10) == 0
