"""Every fault on the wire and in the device, the table of faults, and the control socket."""

import hashlib
import json
import struct
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import serial

from instrument.emulators import main as run_emulator
from instrument.emulators.fault_source import DATA, MAX_WAITING, FaultSource, Reply
from instrument.emulators.fault_table import APPLICABLE, REASONS, as_text, main
from instrument.emulators.faults import (
    DEVICE_FAULTS,
    Fault,
    FaultKind,
    FaultSpecError,
    parse_faults,
    parse_once,
)
from instrument.emulators.kinds import KINDS
from instrument.emulators.spoiling import spoiled
from instrument.obp_frames import ChecksumType, ErrorNumber, FrameFault, Message, MessageType, encode
from tests.instrument.conftest import Program
from tests.instrument.obp_client import Client

SERIAL = Message(MessageType.SERIAL_NUMBER, regarding=5)
QUICK = ("--pattern", "ramp", "--speed", "10000")


class Bench:
    """An emulated STS and a raw client of it."""

    def __init__(self, program: Program) -> None:
        self.program, self.client = program, Client(program.about["address"])

    def once(self, fault: str, **more: object) -> dict:
        return self.program.control(once=fault, **more)

    def ask(self, within: float = 5.0, count: int = 1, **fields: object) -> list:
        """Ask for the serial number and return what comes."""
        self.client.send(encode(Message(MessageType.SERIAL_NUMBER, regarding=5, **fields)))
        return self.client.events(count, within)

    def good(self) -> bool:
        """Whether the device answers as if nothing had been."""
        self.client.parser.reset()
        (reply,) = self.ask()
        return isinstance(reply, Message) and reply.operand == b"EMU-STS-0000"

    def again(self) -> None:
        """Connect anew, trying for two seconds."""
        self.client.close()
        end = time.monotonic() + 2.0
        while True:
            try:
                self.client = Client(self.program.about["address"])
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.02)
            else:
                return


@pytest.fixture(scope="module")
def shared_program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("f")
    program = Program(
        "-m", "instrument.emulators", "obp", "--tcp", "0", "--control", str(folder / "c"), *QUICK
    )
    yield program
    program.stop()


@pytest.fixture
def bench(shared_program):
    made = Bench(shared_program)
    yield made
    made.client.close()
    shared_program.control(faults="")


def test_drop_and_truncate_leave_the_client_waiting(bench):
    bench.once("drop")
    assert bench.ask(0.1) == []
    bench.once("truncate")
    assert bench.ask(0.1) == []
    assert bench.client.parser.pending == 32
    assert bench.good()


def test_delay_comes_late_and_fragments_in_pieces(bench):
    bench.once("delay:0.15")
    begin = time.monotonic()
    assert bench.good()
    assert time.monotonic() - begin >= 0.15
    bench.once("fragment")
    bench.client.send(encode(SERIAL))
    first = bench.client.sock.recv(4096)
    assert len(first) % 7 == 0
    assert len(first) < 64
    bench.client.parser.feed(first)
    assert bench.client.events()[0].operand == b"EMU-STS-0000"


def test_damage_of_the_bytes_is_what_it_is_called(bench):
    bench.once("garbage")
    events = bench.ask(count=2)
    assert events[0].fault is FrameFault.GARBAGE
    assert events[1].operand == b"EMU-STS-0000"
    bench.once("bad_footer")
    assert bench.ask()[0].fault is FrameFault.FOOTER
    assert bench.good()
    bench.once("corrupt")
    (reply,) = bench.ask()
    assert reply.operand != b"EMU-STS-0000"
    assert sum(a != b for a, b in zip(reply.operand, b"EMU-STS-0000", strict=True)) == 1
    bench.once("garbage_inside")
    assert all(event != SERIAL for event in bench.ask(0.1))
    assert bench.good()


def test_a_wrong_checksum_waits_for_a_reply_that_has_one(bench):
    state = bench.once("bad_checksum")
    assert state["faults_waiting"] == 1
    assert bench.good()
    assert bench.ask(checksum=ChecksumType.MD5)[0].fault is FrameFault.CHECKSUM
    assert bench.program.control()["faults_waiting"] == 0


def test_answers_to_other_questions(bench):
    bench.once("wrong_type")
    assert bench.ask()[0].type == MessageType.PIXEL_COUNT
    bench.once("duplicate")
    assert [event.type for event in bench.ask(count=2)] == [MessageType.SERIAL_NUMBER] * 2
    bench.client.ask(MessageType.PIXEL_COUNT, regarding=4)
    bench.once("stale")
    assert [event.regarding for event in bench.ask(count=2)] == [4, 5]
    bench.client.ask(MessageType.PIXEL_COUNT, regarding=4)
    bench.once("stale:1")
    assert [event.regarding for event in bench.ask(0.1, count=2)] == [4]


@pytest.mark.parametrize(("spec", "error"), [("nack", ErrorNumber.NOT_READY), ("nack:13", 13)])
def test_a_refusal_has_the_number_asked_for(bench, spec, error):
    bench.once(spec)
    assert bench.ask()[0].error == error


def test_a_fault_on_data_spares_other_replies(bench):
    bench.once("nack:11", on="data")
    assert bench.good()
    assert bench.client.ask(MessageType.RAW_SPECTRUM).error == ErrorNumber.OUT_OF_MEMORY
    bench.once("stale", on="data")
    assert bench.good()


def test_a_cut_connection_comes_back_on_the_same_port(bench):
    bench.client.put(MessageType.SET_AVERAGES, struct.pack("<H", 7))
    bench.once("disconnect:0.2")
    assert bench.ask() == []
    with pytest.raises(OSError, match="refused"):
        Client(bench.program.about["address"])
    bench.again()
    assert bench.client.ask(MessageType.GET_AVERAGES).operand == b"\x07\0"


def test_a_power_cut_forgets_what_was_set(bench):
    bench.client.put(MessageType.SET_AVERAGES, struct.pack("<H", 7))
    bench.once("power_cut:0.1")
    assert bench.ask() == []
    bench.again()
    assert bench.client.ask(MessageType.GET_AVERAGES).operand == b"\x01\0"


def test_probabilities_are_counted_and_end_when_asked(bench):
    before = bench.program.control(faults="duplicate:1")["faults_injected"].get("duplicate", 0)
    assert len(bench.ask(count=2)) == 2
    state = bench.program.control(faults="", once="drop")
    assert state["faults_injected"]["duplicate"] == before + 1
    assert state["faults_waiting"] == 1
    assert bench.program.control(faults="")["faults_waiting"] == 0
    assert bench.good()


def truth(counts: np.ndarray) -> str:
    return hashlib.sha256(counts.astype("<f8").tobytes()).hexdigest()


def test_flooded_frames_and_cosmic_rays_are_in_the_truth(bench):
    bench.once("saturation:2")
    for flooded in (True, True, False):
        counts = bench.client.counts()
        assert (counts == 16383).all() == flooded
        assert bench.program.control()["last_truth_sha256"] == truth(counts)
    bench.once("cosmic:3")
    index = bench.program.control()["spectra_read"]
    extra = bench.client.counts() - (100 + (7 * np.arange(1024) + 13 * index) % 4001)
    assert extra.min() == 0
    assert 1 <= np.count_nonzero(extra) <= 9
    state = bench.program.control()
    assert len(set(state["recent_truth_sha256"])) > 2
    assert state["exposure_s"] == pytest.approx(0.1)
    assert state["settings"]["averages"] == 1


def test_drift_warms_the_device(bench):
    before = bench.program.control()["temperatures_c"][0]
    assert bench.once("drift:-3")["temperatures_c"][0] == pytest.approx(before - 3)


@pytest.mark.parametrize(
    "message",
    [
        {"once": "explode"},
        {"once": 3},
        {"once": "drop", "on": "never"},
        {"once": "interlock"},
        {"once": "laser_fault"},
        {"faults": "interlock:0.5"},
        {"once": "drop:1"},
        {"once": "nack:1e9"},
        {"once": "delay:nan"},
    ],
)
def test_faults_nobody_can_act_on_are_refused(bench, message):
    with pytest.raises(AssertionError, match="error"):
        bench.program.control(**message)
    assert bench.good()


def test_specifications_and_their_values():
    assert parse_once("nack:-222") == Fault(FaultKind.NACK, 1.0, -222.0)
    assert parse_once("drop") == Fault(FaultKind.DROP)
    assert (parse_once("nack:-222").number, parse_once("nack").number) == (-222, None)
    assert parse_once("disconnect").seconds == 1.0
    for spec in ("stale:2", "drift:99", "saturation:0", "fragment:1", "drop:", ""):
        with pytest.raises(FaultSpecError):
            parse_once(spec)


def test_replies_a_fault_cannot_happen_to_stay_as_they_are():
    source = FaultSource(parse_faults("nack:1,wrong_type:1,bad_checksum:1,stale:1"))
    assert source.draw(Reply(b"x")) is None
    source.remember(Reply(b"x"))
    assert source.draw(Reply(b"x")) is None
    drawn = source.draw(Reply(b"y"))
    assert drawn is not None
    assert spoiled(Reply(b"y"), drawn, source) == b"xy"
    assert spoiled(Reply(b"y", refusal=b"no"), Fault(FaultKind.NACK), source) == b"no"
    assert source.draw(Reply(b"z", DATA)) is None


def test_a_device_fault_that_cannot_happen_yet_waits():
    source, ready = FaultSource(), []
    with pytest.raises(FaultSpecError):
        source.queue(Fault(FaultKind.INTERLOCK))
    with pytest.raises(FaultSpecError):
        source.queue(Fault(FaultKind.POWER_CUT))
    source.device_fault = lambda fault: bool(ready)
    source.queue(Fault(FaultKind.INTERLOCK))
    assert source.draw(Reply(b"x")) is None
    assert source.state() == {"faults_injected": {}, "faults_waiting": 1}
    ready.append(1)
    assert source.draw(Reply(b"x")) is None
    assert source.state() == {"faults_injected": {"interlock": 1}, "faults_waiting": 0}
    source.faults = parse_faults("interlock:1,duplicate:1")
    assert source.draw(Reply(b"x")) == Fault(FaultKind.DUPLICATE)
    assert source.state()["faults_injected"] == {"interlock": 2, "duplicate": 1}
    source.device_fault = _never
    assert source.draw(Reply(b"x")) == Fault(FaultKind.DUPLICATE)
    with pytest.raises(FaultSpecError):
        source.queue(Fault(FaultKind.COSMIC))
    for _ in range(MAX_WAITING):
        source.queue(Fault(FaultKind.DROP))
    with pytest.raises(FaultSpecError, match="waiting"):
        source.queue(Fault(FaultKind.DROP))


def _never(fault: Fault) -> bool:
    raise FaultSpecError("none of mine")


def test_the_table_knows_every_device_and_gives_every_reason(capsys):
    assert set(REASONS) - {"ventana"} <= set(KINDS)
    for name, reasons in REASONS.items():
        assert APPLICABLE[name] == set(FaultKind) - set(reasons)
        assert all(reasons.values())
    assert {FaultKind.DROP, FaultKind.DISCONNECT} <= frozenset.intersection(*APPLICABLE.values())
    assert run_emulator(["faults"]) == 0
    text = capsys.readouterr().out
    assert text == as_text()
    assert "cobolt, cosmic: a laser has no detector" in text
    assert main(["--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["obp"]["drop"] == {"applies": True, "reason": ""}
    assert table["obp"]["interlock"]["applies"] is False
    assert len(DEVICE_FAULTS) == 5


@pytest.fixture
def linked(short_dir):
    programs = []

    def start(*options: str) -> Bench:
        program = Program(
            *("-m", "instrument.emulators", "obp", "--control", str(short_dir / "c")),
            *("--link", str(short_dir / "tty"), *QUICK, *options),
        )
        programs.append(program)
        return Bench(program)

    yield start
    for program in programs:
        program.stop()


def test_an_unplugged_serial_device_comes_back_under_its_link(linked, short_dir):
    bench = linked()
    link = short_dir / "tty"
    assert bench.program.about["address"] == str(link)
    first = link.readlink()
    bench.client.put(MessageType.SET_AVERAGES, struct.pack("<H", 7))
    bench.once("disconnect:0.1")
    # A vanished terminal reads as its end, or as an error.
    with suppress(OSError):
        assert bench.ask() == []
    bench.again()
    assert link.readlink() != first or Path(first).exists()
    assert bench.client.ask(MessageType.GET_AVERAGES).operand == b"\x07\0"
    # The adapter stays when the device behind it loses its power.
    bench.once("power_cut:0.1")
    assert bench.ask(0.05) == []
    assert bench.ask(0.02) == []
    time.sleep(0.1)
    assert bench.client.ask(MessageType.GET_AVERAGES).operand == b"\x01\0"
    bench.client.close()
    bench.program.stop()
    assert not link.is_symlink()


def test_a_link_replaces_links_only(short_dir):
    (short_dir / "tty").write_text("something of somebody's")
    with pytest.raises(pytest.fail.Exception):
        Program("-m", "instrument.emulators", "obp", "--link", str(short_dir / "tty"))
    assert (short_dir / "tty").read_text()


def test_it_ends_with_its_parent_when_asked_to(short_dir):
    link = short_dir / "tty"
    parent = Program("-c", _PARENT, str(link))
    assert link.is_symlink()
    parent.process.kill()
    parent.stop()
    # An orderly end takes the link away.
    end = time.monotonic() + 5.0
    while link.is_symlink():
        assert time.monotonic() < end
        time.sleep(0.02)


_PARENT = """
import subprocess, sys, time
command = [sys.executable, "-m", "instrument.emulators", "cobolt", "--with-parent", "--link", sys.argv[1]]
made = subprocess.Popen(command, stdout=subprocess.PIPE)
made.stdout.readline()
print("{}", flush=True)
time.sleep(60)
"""


def test_the_port_of_a_usb_device_goes_with_its_power(short_dir):
    link = short_dir / "tty"
    program = Program(
        *("-m", "instrument.emulators", "cobolt", "--usb"),
        *("--link", str(link), "--control", str(short_dir / "c")),
    )
    program.control(once="power_cut:0.1")
    with serial.Serial(str(link), 115200, timeout=1) as port:
        port.write(b"sn?\r")
        end = time.monotonic() + 3.0
        while link.is_symlink():
            assert time.monotonic() < end
            time.sleep(0.005)
    while not link.is_symlink():
        assert time.monotonic() < end
        time.sleep(0.005)
    with serial.Serial(str(link), 115200, timeout=2) as port:
        port.write(b"sn?\r")
        assert port.read_until(b"\r\n") == b"EMU-COBOLT-0000\r\n"
    program.stop()
    assert program.process.returncode == 0
