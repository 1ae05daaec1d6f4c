"""The FTSW500 driver: its lines, and measurements with an emulated program and its faults."""

import contextlib
import hashlib
import json
import socket
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.acquisition import ScanPlan, take_scan
from instrument.drivers.ftsw500 import Ftsw500
from instrument.drivers.ftsw500_link import FtswLink
from instrument.drivers.result_folder import ResultFolder
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceNotReady,
    DeviceRefused,
    DeviceTimeout,
    DeviceURLError,
    FileRefused,
    InstrumentError,
    PortNotFound,
    ProtocolError,
)
from instrument.registry import open_spectrometer, technique_of
from instrument.testing import TranscriptStream, running_emulator
from spectra.formats import encode_jcamp
from spectra.values import Spectrum, Technique

STATE = b"getFTSW500State\n"
CONNECT, START, STOP = (
    f"click{word}Button\n".encode() for word in ("Connect", "StartAcquisition", "StopAcquisition")
)
AXIS = np.arange(400.0, 4000.0, 4.0)


class Wires:
    """Written-down conversations, one for each connection."""

    def __init__(self, *conversations):
        self.left = list(conversations)

    def __call__(self, transcript):
        conversation = self.left.pop(0)
        if isinstance(conversation, Exception):
            raise conversation
        return TranscriptStream(conversation, transcript=transcript)


def link(*conversations):
    return FtswLink("ftsw", Wires(*conversations))


def test_states_and_commands():
    ftsw = link([(STATE, b"ACK&-1\n"), (STATE, b"ACK&3\r\n"), (START, b"ACK\n"), (STOP, b"ACK&done\n")])
    assert [ftsw.state(), ftsw.state()] == [-1, 3]
    assert ftsw.ask(START.decode().strip()) == ""
    assert ftsw.ask(STOP.decode().strip()) == "done"
    ftsw.close()
    ftsw.close()
    with pytest.raises(ConnectionLost, match="already closed"):
        ftsw.state()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"NAK&not connected\n", DeviceRefused),
        (b"NAK\n", DeviceRefused),
        (b"ACK&4\n", ProtocolError),
        (b"ACK&true\n", ProtocolError),
        (b"ACK\n", ProtocolError),
        (b"\xff\xfeACK&2\n", ProtocolError),
        (b"ACK&2\nACK&2\n", ProtocolError),
        (b"ack&2\n", ProtocolError),
        (b"A" * 1500, ProtocolError),
        (ConnectionLost("cut"), ConnectionLost),
    ],
)
def test_other_answers_become_errors_and_the_next_question_a_new_connection(answer, error):
    again = [(STATE, b"ACK&2\n")] if error is not DeviceRefused else []
    ftsw = link([(STATE, answer), *([(STATE, b"ACK&2\n")] if not again else [])], again)
    with pytest.raises(error) as caught:
        ftsw.state()
    assert caught.type is error
    assert ftsw.state() == 2


def test_bytes_nobody_asked_for_are_not_taken_for_an_answer():
    ftsw = link([(STATE, b"ACK&2\n"), (None, b"ACK&2\n")], [(STATE, b"ACK&3\n")])
    ftsw.state()
    with pytest.raises(ProtocolError, match="nobody asked for"):
        ftsw.state()
    assert ftsw.state() == 3


def test_silence_is_a_timeout_and_stop_is_heard(monkeypatch):
    monkeypatch.setattr("instrument.drivers.ftsw500_link.ANSWER_S", 0.05)
    ftsw = link([(STATE, None)], [(STATE, None)], PortNotFound("gone"))
    with pytest.raises(DeviceTimeout):
        ftsw.state()
    with pytest.raises(AcquisitionAborted):
        ftsw.state(stop=lambda: True)
    with pytest.raises(ConnectionLost, match="went away"):
        ftsw.state()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_no_answer_raises_anything_else(noise):
    ftsw = link([(STATE, noise + b"\n")])
    with contextlib.suppress(ProtocolError, DeviceRefused):
        assert -1 <= ftsw.state() <= 3


def device(tmp_path, *exchanges, **options):
    wires = link([(STATE, b"ACK&2\n"), *exchanges])
    return Ftsw500(wires, ResultFolder(tmp_path, settle_s=0.03), **options)


def test_a_program_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ProtocolError):
        Ftsw500(link([(STATE, b"220 ready\n")], [(STATE, b"hello\n")]), ResultFolder(tmp_path))


def test_a_busy_or_undetermined_program_is_not_ready(tmp_path, monkeypatch):
    with pytest.raises(DeviceNotReady, match="saving"):
        device(tmp_path, (STATE, b"ACK&3\n"), (STATE, b"ACK&3\n")).acquire()
    monkeypatch.setattr("instrument.drivers.ftsw500.INTERMEDIATE_S", 0.0)
    with pytest.raises(DeviceNotReady, match="between two states"):
        device(tmp_path, (STATE, b"ACK&-1\n"), (STATE, b"ACK&-1\n")).acquire()


def test_stop_is_heard_between_two_states(tmp_path):
    ftsw = device(tmp_path, (STATE, b"ACK&-1\n"))
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(AcquisitionAborted):
        ftsw.acquire(stop=stop)


def test_status_in_words(tmp_path):
    ftsw = device(tmp_path, (STATE, b"ACK&1\n"), (STATE, b"ACK&2\n"))
    assert (ftsw.status().ready, ftsw.status().words) == (False, "acquiring")
    ftsw.close()
    with pytest.raises(ConnectionLost):
        ftsw.status()


@pytest.mark.parametrize(
    ("more", "words"),
    [("", "add folder="), ("&folder=/tmp&measure_s=0", "measure_s"), ("&folder=/tmp&x=1", "does not know")],
)
def test_urls_nobody_can_act_on(more, words):
    with pytest.raises(DeviceURLError, match=words):
        open_spectrometer(f"visa://TCPIP0::h::7778::SOCKET?driver=ftsw500{more}")


def test_the_technique_is_known_from_the_url():
    assert technique_of("visa://TCPIP0::h::7778::SOCKET?driver=ftsw500&folder=/tmp") is Technique.FTIR


# With the emulated program


class Rig:
    def __init__(self, info):
        self.info = info
        host, port = info["address"].split(":")
        self.url = (
            f"visa://TCPIP0::{host}::{port}::SOCKET?driver=ftsw500&folder={info['folder']}&settle_s=0.04"
        )

    def tell(self, **message):
        with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rw") as lines:
            sock.settimeout(5)
            sock.connect(self.info["control"])
            lines.write(json.dumps(message) + "\n")
            lines.flush()
            state = json.loads(lines.readline())
        assert "error" not in state, state
        return state

    def is_truth(self, absorbance):
        return (
            hashlib.sha256(absorbance.astype("<f8").tobytes()).hexdigest() == self.tell()["last_truth_sha256"]
        )


@pytest.fixture(scope="module")
def rig():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "files"
        folder.mkdir()
        sample = Path(name) / "sample.dx"
        band = 0.6 * np.exp(-(((AXIS - 1650) / 15) ** 2))
        sample.write_bytes(encode_jcamp(Spectrum(AXIS, band, Technique.FTIR), "amide"))
        options = (
            "--tcp",
            "0",
            "--folder",
            str(folder),
            "--control",
            str(Path(name) / "c"),
            "--speed",
            "100",
        )
        with running_emulator("ftsw500", *options, "--sample", str(sample)) as info:
            yield Rig(info)


@pytest.fixture
def ftsw(rig):
    rig.tell(faults="")
    opened = open_spectrometer(rig.url)
    yield opened
    opened.close()


def test_a_measurement(rig, ftsw):
    absorbance = ftsw.acquire()
    assert rig.is_truth(absorbance)
    assert ftsw.axis()[np.argmax(absorbance)] == pytest.approx(1650, abs=4)
    said = json.loads(json.dumps(ftsw.settings(), allow_nan=False))
    assert said["file"]["format"] == "JCAMP-DX"
    assert said["original_unit"] == "absorbance"
    assert said["atr"] is False
    assert ftsw.info.serial


def test_take_scan_end_to_end(rig, ftsw):
    scan = take_scan(ftsw, None, ScanPlan(accumulations=2))
    assert scan.counts.shape == (2, ftsw.limits.pixels)
    assert scan.technique is Technique.FTIR


def test_saving_is_stopped_after_the_time_asked_for(rig, tmp_path):
    with running_emulator(
        "ftsw500",
        "--tcp",
        "0",
        "--folder",
        str(tmp_path),
        "--scans",
        "100",
        "--pattern",
        "ramp",
        "--speed",
        "5",
    ) as info:
        host, port = info["address"].split(":")
        url = f"visa://TCPIP0::{host}::{port}::SOCKET?driver=ftsw500&folder={tmp_path}&settle_s=0.04&measure_s=0.2"
        opened = open_spectrometer(url)
        begun = time.monotonic()
        assert opened.acquire()[-1] == pytest.approx(0.01, abs=1e-4)
        assert time.monotonic() - begun < 6
        opened.close()


def test_stop_is_heard_and_the_next_measurement_is_good(rig, ftsw):
    ftsw.acquire()
    with pytest.raises(AcquisitionAborted):
        ftsw.acquire(stop=lambda: rig.tell()["phase"] == "measuring")
    assert rig.is_truth(ftsw.acquire())


@pytest.mark.parametrize("fault", ["fragment", "garbage", "corrupt", "wrong_type", "duplicate"])
def test_a_damaged_line_is_asked_for_again(rig, ftsw, fault):
    rig.tell(once=fault, on="any")
    assert rig.is_truth(ftsw.acquire())


@pytest.mark.parametrize(
    "fault",
    ["garbage", "garbage_inside", "corrupt", "truncate", "bad_footer", "drop", "wrong_type", "stale:1"],
)
def test_a_damaged_missing_or_old_file_is_refused_and_the_next_one_taken(rig, ftsw, fault):
    ftsw.acquire()
    rig.tell(once=fault, on="data")
    with pytest.raises(FileRefused):
        ftsw.acquire()
    assert rig.is_truth(ftsw.acquire())


@pytest.mark.parametrize("fault", ["fragment", "duplicate", "stale"])
def test_a_slow_or_doubled_file_is_taken(rig, ftsw, fault):
    ftsw.acquire()
    rig.tell(once=fault, on="data")
    assert rig.is_truth(ftsw.acquire())


def test_a_refused_start_is_refused(rig, ftsw):
    ftsw.acquire()
    rig.tell(once="fragment", on="any")
    rig.tell(once="nack:33", on="any")
    with pytest.raises(DeviceRefused, match="error 33"):
        ftsw.acquire()
    assert rig.is_truth(ftsw.acquire())


@pytest.mark.parametrize("fault", ["disconnect:0.2", "power_cut:0.2"])
def test_a_program_that_went_away_is_usable_again_without_opening(rig, ftsw, fault):
    rig.tell(once=fault, on="any")
    with pytest.raises(ConnectionLost):
        ftsw.acquire()
    end = time.monotonic() + 5
    while True:
        try:
            absorbance = ftsw.acquire()
            break
        except InstrumentError:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert rig.is_truth(absorbance)
