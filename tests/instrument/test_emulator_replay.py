"""Transcripts played back as devices."""

import asyncio
import json
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from instrument.emulators.building import EmulatorError
from instrument.emulators.replay import Replay, load_steps
from instrument.emulators.replay_obp import Restamper
from instrument.errors import ProtocolError
from instrument.obp_frames import ChecksumType, Flag, Message, MessageType, encode
from instrument.registry import open_spectrometer
from instrument.transport.transcript import Transcript
from tests.instrument.conftest import Program
from tests.instrument.obp_client import Client

ROOT = Path(__file__).resolve().parents[2]
ASK, ANSWER = b"sn?\r", b"C-1\r\n"


def question(regarding: int, **fields: object) -> bytes:
    return encode(Message(MessageType.SERIAL_NUMBER, regarding=regarding, **fields))


def answer(regarding: int, **fields: object) -> bytes:
    return encode(
        Message(MessageType.SERIAL_NUMBER, b"ABC", flags=Flag.RESPONSE, regarding=regarding, **fields)
    )


def recorded(path: Path, *pieces: tuple[str, bytes]) -> Path:
    transcript = Transcript()
    for direction, data in pieces:
        transcript.record(direction, data)
    path.write_bytes(transcript.to_bytes())
    return path


class Far:
    """The device's end of a wire that only keeps what was sent."""

    def __init__(self, *written: bytes) -> None:
        self._written = [*written, b""]
        self.sent: list[bytes] = []

    async def read(self) -> bytes:
        return self._written.pop(0)

    async def send(self, data: bytes) -> None:
        self.sent.append(data)


def play(replay: Replay, *written: bytes) -> bytes:
    far = Far(*written)
    asyncio.run(replay.run(far))  # type: ignore[arg-type]
    return b"".join(far.sent)


def test_the_conversation_is_played_turn_by_turn(tmp_path):
    path = recorded(
        tmp_path / "t",
        ("r", b"hello"),
        ("w", b"a"),
        ("n", b"a remark"),
        ("w", b"b"),
        ("r", b"1"),
        ("r", b"2"),
    )
    steps = load_steps([path])
    assert [(step.number, step.written) for step in steps] == [(1, b""), (2, b"ab")]
    replay = Replay(steps, speed=1e4)
    assert play(replay) == b"hello"
    assert play(replay, b"a") == b""
    assert play(replay, b"b") == b"12"
    assert replay.played == 2
    with pytest.raises(EmulatorError, match="is over, but written: 63"):
        play(replay, b"c")


def test_other_bytes_than_recorded_are_told_apart(tmp_path):
    steps = load_steps([recorded(tmp_path / "t", ("w", b"abc"), ("r", b"1"))])
    with pytest.raises(EmulatorError, match="entry 1, byte 1: recorded 62 63, written 78"):
        play(Replay(steps), b"ax")


def test_several_transcripts_follow_each_other(tmp_path):
    paths = [recorded(tmp_path / n, ("w", n.encode()), ("r", b"!")) for n in "ab"]
    assert play(Replay(load_steps(paths)), b"a", b"b") == b"!!"


def test_pauses_are_those_of_the_recording(tmp_path, monkeypatch):
    moments = iter([0, 10**9, 3 * 10**9])
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(moments))
    path = recorded(tmp_path / "t", ("w", b"a"), ("r", b"1"), ("r", b"2"))
    monkeypatch.undo()
    steps = load_steps([path])
    assert steps[0].answers == ((1.0, b"1"), (2.0, b"2"))
    begin = time.monotonic()
    play(Replay(steps, speed=20.0), b"a")
    assert 0.14 < time.monotonic() - begin < 1.0


def joined(folder: Path, **sources: bytes) -> Path:
    parts = [
        json.dumps({"source": name, "url": ""}).encode() + b"\n" + data for name, data in sources.items()
    ]
    path = folder / "bench"
    path.write_bytes(b"".join(parts))
    return path


def test_a_bench_holds_several_devices(tmp_path):
    laser = recorded(tmp_path / "l", ("w", ASK), ("r", ANSWER)).read_bytes()
    again = recorded(tmp_path / "s", ("w", b"x"), ("r", b"y")).read_bytes()
    path = joined(tmp_path, spectrometer=again + laser, laser=laser)
    assert [step.written for step in load_steps([path], source="laser")] == [ASK]
    # A connection opened again begins a new record with a chain of its own.
    assert [step.written for step in load_steps([path], source="spectrometer")] == [b"x", ASK]
    for source in (None, "camera"):
        with pytest.raises(ProtocolError, match="laser, spectrometer; say which with --source"):
            load_steps([path], source=source)
    assert len(load_steps([joined(tmp_path, laser=laser, spectrometer=b"")])) == 1


@pytest.mark.parametrize("damage", ["chain", "json", "empty", "other"])
def test_a_changed_transcript_is_refused(tmp_path, damage):
    path = recorded(tmp_path / "t", ("w", b"abc"), ("r", b"1"))
    data = {
        "chain": path.read_bytes().replace(b"616263", b"616264"),
        "json": b"no transcript\n",
        "empty": b"",
        "other": b'{"transcript": 2, "start": ""}\n',
    }[damage]
    path.write_bytes(data)
    with pytest.raises(ProtocolError, match=str(path)):
        load_steps([path])


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "t"
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(ProtocolError, match="larger"):
        load_steps([path])


@pytest.mark.parametrize("checksum", [ChecksumType.NONE, ChecksumType.MD5])
def test_loose_replays_answer_with_the_clients_sequence_number(tmp_path, checksum):
    path = recorded(
        tmp_path / "t",
        ("w", question(7, checksum=checksum)),
        ("r", b"\xff\xc1" + answer(7, checksum=checksum)[:30]),
        ("r", answer(7, checksum=checksum)[30:] + answer(3)),
    )
    living = question(99, checksum=checksum)
    whole = b"\xff\xc1" + answer(99, checksum=checksum) + answer(3)
    assert play(Replay(load_steps([path]), speed=1e4, loose=True), living[:20], living[20:]) == whole
    with pytest.raises(EmulatorError):
        play(Replay(load_steps([path])), living)
    other = encode(Message(MessageType.PIXEL_COUNT, regarding=7, checksum=checksum))
    with pytest.raises(EmulatorError, match="byte 8"):
        play(Replay(load_steps([path]), loose=True), other)


def test_damage_stays_damage_when_restamped():
    stamps = Restamper()
    stamps.learn(question(7), question(99))
    bad = bytearray(answer(7, checksum=ChecksumType.MD5))
    bad[26] ^= 1
    stamped = stamps.stamped(bytes(bad))
    assert struct.unpack_from("<I", stamped, 12) == (99,)
    assert stamped[44:] == bytes(bad)[44:]
    assert struct.unpack_from("<I", stamps.stamped(answer(7)[:20]), 12) == (99,)
    assert stamps.stamped(answer(7)[:14]) == answer(7)[:14]
    assert stamps.free_positions(b"plain text") == frozenset()


@pytest.fixture
def replayed():
    programs = []

    def start(*options: object) -> Program:
        programs.append(Program("-m", "instrument.emulators", "replay", *map(str, options)))
        return programs[-1]

    yield start
    for program in programs:
        program.stop()


def test_our_driver_runs_against_its_own_recording(replayed, tmp_path):
    url = "obp+tcp://{}?model=STS"
    emulator = Program("-m", "instrument.emulators", "obp", "--tcp", "0", "--pattern", "ramp")
    try:
        device = open_spectrometer(url.format(emulator.about["address"]))
        device.set_exposure(0.01)
        counts, status = device.acquire(), device.status()
        path = tmp_path / "t"
        path.write_bytes(device.transcript.to_bytes())
        device.close()
    finally:
        emulator.stop()
    program = replayed(path, "--loose", "--tcp", "0", "--speed", "100", "--control", tmp_path / "c")
    again = open_spectrometer(url.format(program.about["address"]))
    again.set_exposure(0.01)
    assert np.array_equal(again.acquire(), counts)
    assert again.status() == status
    # Closing says more than was recorded, and ends the replay.
    state = program.control()
    again.close()
    assert state["played"] == state["turns"] == program.about["turns"]


def test_a_client_that_says_something_else_ends_it_with_status_one(replayed, tmp_path):
    path = recorded(tmp_path / "t", ("w", question(7)), ("r", answer(7)))
    program = replayed(path, "--pty")
    client = Client(program.about["address"])
    assert client.ask(MessageType.SERIAL_NUMBER, regarding=7).operand == b"ABC"
    client.send(b"more")
    assert program.process.wait(5) == 1
    client.close()


def test_mismatch_over_tcp_says_why(tmp_path):
    path = recorded(tmp_path / "t", ("w", b"abc"), ("r", b"1"))
    process = subprocess.Popen(
        [sys.executable, "-m", "instrument.emulators", "replay", str(path), "--tcp", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    with process:
        client = Client(json.loads(process.stdout.readline())["address"])
        client.send(b"abX")
        assert client.events(1, 2.0) == []
        client.close()
        assert process.wait(5) == 1
        assert process.stderr.read() == "emulate: entry 1, byte 2: recorded 63, written 58\n"


def test_a_replay_takes_no_further_faults(tmp_path):
    path = recorded(tmp_path / "t", ("w", b"abc"), ("r", b"1"))
    done = subprocess.run(
        [sys.executable, "-m", "instrument.emulators", "replay", str(path), "--fault", "drop:1"],
        capture_output=True,
        cwd=ROOT,
        timeout=60,
        text=True,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
