"""The OPUS driver: its pages, its requests, and measurements with an emulated program and its faults."""

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
from instrument.drivers.opus import Opus
from instrument.drivers.opus_link import OpusLink
from instrument.drivers.opus_pages import MAX_PAGE, OpusState, body_of, parse_page
from instrument.drivers.result_folder import ResultFolder
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceNotReady,
    DeviceRefused,
    DeviceTimeout,
    DeviceURLError,
    FileRefused,
    HardwareFault,
    InstrumentError,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
    UnknownSetting,
)
from instrument.interfaces import Capability
from instrument.registry import check_spectrometer_url, open_spectrometer, technique_of
from instrument.testing import TranscriptStream, running_emulator
from spectra.formats import encode_jcamp
from spectra.infrared import crystal_clean
from spectra.values import Presentation, Role, Spectrum, Technique

AXIS = np.arange(400.0, 4000.0, 4.0)


def html(status="2", text="Connected", error=None, more=""):
    cells = f'<td id="STATUS">{status}</td><td id="TEXT">{text}</td>{more}'
    if error is not None:
        cells += f'<td id="ERRCODE">{error}</td><td id="ERRTEXT">laser off</td>'
    return f"<html><body><table><tr><td>OPUS</td>{cells}</tr></table></body></html>\n".encode()


def http(body, head=b"HTTP/1.0 200 OK\r\n"):
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


# Pages


def test_a_page_says_state_and_text():
    page = parse_page(html("3", "Messung l&auml;uft"))
    assert (page.state, page.text, page.error) == (OpusState.MEASURING, "Messung läuft", None)
    assert page.state.busy
    assert parse_page(html().decode().replace("Connected", "läuft").encode("latin-1")).text == "läuft"


def test_a_page_says_its_error():
    page = parse_page(html(error=7))
    assert (page.error, page.error_text) == (7, "laser off")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "without an end"),
        (html()[:-20], "without an end"),
        (b"<html></html>", "STATUS and TEXT"),
        (html("7"), "status 7"),
        (html("-1"), "status -1"),
        (html("two"), "which is no number"),
        (html(""), "which is no number"),
        (html("٣"), "which is no number"),
        (html(error=""), "ERRCODE"),
        (html(more='<td id="STATUS">2</td>'), "STATUS twice"),
    ],
)
def test_other_pages_are_refused(body, words):
    with pytest.raises(ProtocolError, match=words):
        parse_page(body)


def test_replies_are_whole_or_waited_for():
    reply = http(html())
    assert body_of(reply, closed=False) == html()
    assert body_of(reply + b"more", closed=False) == html()
    for size in (0, 3, 20, len(reply) - 1):
        assert body_of(reply[:size], closed=False) is None
    endless = b"HTTP/1.0 200 OK\r\n\r\n" + html()
    assert body_of(endless, closed=False) is None
    assert body_of(endless, closed=True) == html()
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    assert body_of(chunks, closed=False) == b"ab"
    assert body_of(chunks[:-8], closed=False) is None


@pytest.mark.parametrize(
    ("reply", "closed", "words"),
    [
        (b"SSH-2.0", False, "not HTTP"),
        (b"HTTP/1.0 200 OK\r\n", True, "within its header"),
        (http(html())[:-3], True, "cut off"),
        (http(b"", b"HTTP/1.0 302 Found\r\nLocation: http://elsewhere/\r\n"), False, "HTTP 302"),
        (http(b"", b"HTTP/1.0 xyz\r\n"), False, "BadStatusLine"),
        (b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * MAX_PAGE, False, "more than"),
    ],
)
def test_replies_of_others_are_refused(reply, closed, words):
    with pytest.raises(ProtocolError, match=words):
        body_of(reply, closed=closed)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.booleans(), st.integers(0, 300), st.integers(1, 40))
def test_no_reply_raises_anything_else(noise, closed, at, cut):
    whole = http(html())
    for reply in (noise, b"HTTP/1.0 " + noise, whole[:at] + noise + whole[at + cut :]):
        try:
            body = body_of(reply, closed=closed)
            parse_page(body or b"")
        except ProtocolError:
            continue


# Conversations


class Wires:
    """A new written-down conversation for every connection."""

    def __init__(self, *answers):
        self.left = list(answers)

    def __call__(self, transcript):
        page, answer = self.left.pop(0)
        if isinstance(answer, PortNotFound):
            raise answer
        request = (
            f"GET /opusrs/{page} HTTP/1.0\r\nHost: h\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        ).encode()
        return TranscriptStream([(request, answer)], transcript=transcript)


def link(*answers, pace_s=0.0):
    return OpusLink(Wires(*answers), host="h", path="/opusrs", pace_s=pace_s)


STAT = "stat.htm"


def test_requests_are_what_opus_understands():
    opus = link((STAT, http(html("0"))), ("cmd.htm?opusrsstart", http(html("3"))))
    assert opus.status().state is OpusState.IDLE
    assert opus.command("start").state is OpusState.MEASURING
    with pytest.raises(ValueError, match="format"):
        opus.command("format")


def test_requests_are_paced_and_stop_is_heard_meanwhile():
    opus = link((STAT, http(html())), (STAT, http(html())), pace_s=0.12)
    opus.status()
    assert not opus.may_ask()
    begun = time.monotonic()
    opus.status()
    assert time.monotonic() - begun > 0.1
    with pytest.raises(AcquisitionAborted):
        opus.status(stop=lambda: True)


def test_answers_that_end_with_the_connection():
    def opened(transcript, answer):
        request = b"GET /stat.htm HTTP/1.0\r\nHost: h\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        return TranscriptStream([(request, answer), (None, ConnectionLost("hung up"))], transcript=transcript)

    def asked(answer):
        return OpusLink(lambda transcript: opened(transcript, answer), host="h", path="", pace_s=0).status()

    assert asked(b"HTTP/1.0 200 OK\r\n\r\n" + html()).state is OpusState.CONNECTED
    with pytest.raises(ProtocolError, match="cut off"):
        asked(http(html())[:-5])


def test_a_silent_opus_is_a_timeout(monkeypatch):
    monkeypatch.setattr("instrument.drivers.opus_link.ANSWER_S", 0.05)
    with pytest.raises(DeviceTimeout, match="is OPUS running"):
        link((STAT, http(html())[:30])).status()


def test_a_lost_connection_is_lost():
    with pytest.raises(ConnectionLost):
        link((STAT, ConnectionLost("cut"))).status()


def test_an_opus_that_never_was_there_is_not_found_and_one_that_was_is_lost():
    gone = (STAT, PortNotFound("refused"))
    with pytest.raises(PortNotFound):
        link(gone).status()
    opus = link((STAT, http(html())), gone)
    opus.status()
    with pytest.raises(ConnectionLost, match="went away"):
        opus.status()


def device(tmp_path, *answers, **options):
    folder = ResultFolder(tmp_path, settle_s=0.03)
    return Opus(link((STAT, http(html())), *answers), folder, **options)


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([(STAT, http(html("3")))], DeviceNotReady, "measuring"),
        ([(STAT, http(html("6")))], DeviceNotReady, "undefined"),
        ([(STAT, http(html(error=3)))], DeviceNotReady, "error 3: laser off"),
        ([(STAT, http(html())), ("cmd.htm?opusrsstart", http(html(error=9)))], DeviceRefused, "error 9"),
        (
            [(STAT, http(html())), ("cmd.htm?opusrsstart", http(html("3"))), (STAT, http(html("6"))),
             ("cmd.htm?opusrscancel", http(html("5")))],
            HardwareFault, "state of the spectrometer",
        ),
        (
            [(STAT, http(html())), ("cmd.htm?opusrsstart", http(html("3"))), (STAT, http(html(error=4))),
             ("cmd.htm?opusrscancel", http(html("5")))],
            HardwareFault, "error 4",
        ),
        ([(STAT, http(html("0"))), ("cmd.htm?opusrsconnect", http(html(error=2)))], DeviceNotReady, "error 2"),
        (
            [(STAT, http(html())), ("cmd.htm?opusrsstart", b"nonsense"), ("cmd.htm?opusrscancel", http(html("5")))],
            ProtocolError, "not HTTP",
        ),
    ],
)  # fmt: skip
def test_what_opus_says_becomes_the_right_error(tmp_path, answers, error, words):
    opus = device(tmp_path, *answers)
    with pytest.raises(error, match=words) as caught:
        opus.acquire()
    assert caught.type is error
    assert not opus._link._open_stream.left


def test_a_measurement_of_ours_left_over_is_cancelled_first(tmp_path):
    opus = device(
        tmp_path,
        (STAT, http(html())),
        ("cmd.htm?opusrsstart", http(html("3"))),
        (STAT, http(html("6"))),
        ("cmd.htm?opusrscancel", ConnectionLost("cut")),
        (STAT, http(html("3"))),
        ("cmd.htm?opusrscancel", http(html("5"))),
        (STAT, http(html("5"))),
        (STAT, http(html("2"))),
        (STAT, http(html("2"))),
        ("cmd.htm?opusrsstart", http(html(error=1))),
    )
    with pytest.raises(HardwareFault):
        opus.acquire()
    with pytest.raises(DeviceRefused, match="error 1"):
        opus.acquire()
    assert not opus._link._open_stream.left


def test_settings_before_the_first_spectrum(tmp_path):
    opus = device(tmp_path)
    assert opus.limits.pixels == 0
    assert opus.last_original is None
    with pytest.raises(ProtocolError, match="first spectrum"):
        opus.axis()
    with pytest.raises(UnknownSetting, match="no exposure"):
        opus.set_exposure(1.0)
    assert opus.settings()["atr"] is False
    opus.set("atr", True)
    opus.set("timeout_s", 60)
    assert (opus.settings()["atr"], opus.settings()["timeout_s"]) == (True, 60.0)
    for name, value in (("atr", "perhaps"), ("timeout_s", 0.5), ("timeout_s", True), ("timeout_s", "x")):
        with pytest.raises(SettingOutOfRange):
            opus.set(name, value)
    with pytest.raises(UnknownSetting):
        opus.set("scans", 4)


def test_status_in_words(tmp_path):
    opus = device(tmp_path, (STAT, http(html("3", "")) ), (STAT, http(html(error=5))))  # fmt: skip
    assert (opus.status().ready, opus.status().words) == (False, "Connected; error 5: laser off")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("opus+http://h/opusrs", "add folder="),
        ("opus+http://h:port/opusrs?folder=/tmp", "write opus"),
        ("opus+http://h/a%20b c?folder=/tmp", "write opus"),
        ("opus+http:///opusrs?folder=/tmp", "write opus"),
        ("opus+http://h/opusrs?folder=/tmp&pace_s=99", "pace_s"),
        ("opus+http://h/opusrs?folder=/tmp&atr=perhaps", "atr"),
        ("opus+http://h/opusrs?folder=/tmp&speed=9", "does not know"),
    ],
)
def test_urls_nobody_can_act_on(url, words):
    with pytest.raises(DeviceURLError, match=words):
        open_spectrometer(url)


def test_the_technique_is_known_from_the_url():
    assert technique_of("opus+http://h/opusrs?folder=/tmp") is Technique.FTIR
    assert check_spectrometer_url("opus+http://h/opusrs?folder=/tmp&atr=1").params["atr"] == "1"


def test_nobody_there(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(PortNotFound):
            open_spectrometer(
                f"opus+http://127.0.0.1:{taken.getsockname()[1]}/opusrs?folder={tmp_path}&pace_s=0"
            )


# With the emulated program


class Rig:
    def __init__(self, info):
        self.info = info
        self.folder = Path(info["folder"])
        self.url = f"opus+http://{info['address']}/opusrs?folder={self.folder}&pace_s=0&settle_s=0.04"

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
        bands = 0.6 * np.exp(-(((AXIS - 1650) / 15) ** 2)) + 0.3 * np.exp(-(((AXIS - 1240) / 12) ** 2))
        sample = Path(name) / "sample.dx"
        sample.write_bytes(encode_jcamp(Spectrum(AXIS, bands, Technique.FTIR), "amide"))
        options = ("--tcp", "0", "--folder", str(folder), "--control", str(Path(name) / "c"), "--pace", "0")
        with running_emulator("opus", *options, "--sample", str(sample), "--speed", "80") as info:
            yield Rig(info)


@pytest.fixture
def opus(rig):
    rig.tell(faults="", co2=1.0, h2o=1.0, residue=0.0, sample=rig.info["sample"], background=True)
    opened = open_spectrometer(rig.url)
    yield opened
    opened.close()


def test_a_measurement(rig, opus):
    assert opus.info.emulated
    assert opus.capabilities == {Capability.FILES, Capability.BACKGROUND}
    absorbance = opus.acquire()
    assert rig.is_truth(absorbance)
    axis = opus.axis()
    assert axis.shape == absorbance.shape == (opus.limits.pixels,)
    assert (np.diff(axis) > 0).all()
    assert axis[np.argmax(absorbance)] == pytest.approx(1650, abs=4)
    assert (opus.info.model, opus.info.serial) == ("ALPHA II (emulated)", "EMU-OPUS-0000")
    assert opus.last_original.data == (rig.folder / opus.last_original.name).read_bytes()
    said = json.loads(json.dumps(opus.settings(), allow_nan=False))
    assert said["file"]["sha256"] == hashlib.sha256(opus.last_original.data).hexdigest()
    assert (said["scans"], said["resolution_cm1"], said["apodisation"]) == (16, 4.0, "B3")
    assert said["atr"] is True
    assert said["original_unit"] == "absorbance"
    assert said["background"]["in_file"]
    assert 0 <= said["background"]["age_s"] < 60
    assert not said["atmosphere"]["co2_visible"]
    opus.acquire()
    assert opus.settings()["file"]["after_previous"] is True


def test_the_air_is_on_record(rig, opus):
    rig.tell(co2=1.5, h2o=1.4)
    opus.acquire()
    air = opus.settings()["atmosphere"]
    assert air["co2_visible"]
    assert air["water_visible"]
    assert air["co2_area"] > 0 < air["water"]


def test_a_blank_tells_whether_the_crystal_is_clean(rig, opus):
    def blank():
        plan = ScanPlan(accumulations=1, role=Role.BLANK, presentation=Presentation.ATR)
        scan = take_scan(opus, None, plan)
        return crystal_clean(Spectrum(scan.axis, scan.counts[0], scan.technique))

    rig.tell(sample=None)
    assert blank().clean
    rig.tell(residue=0.03)
    assert not blank().clean


def test_take_scan_end_to_end(rig, opus):
    before = rig.tell()["spectra_read"]
    scan = take_scan(opus, None, ScanPlan(accumulations=2, presentation=Presentation.ATR, item="P1"))
    assert rig.tell()["spectra_read"] == before + 2
    assert scan.technique is Technique.FTIR
    assert scan.counts.shape == (2, opus.limits.pixels)
    assert scan.dark is None
    assert scan.settings["file"]["format"] == "Bruker OPUS"
    assert scan.device.serial == "EMU-OPUS-0000"


def test_stop_cancels_the_measurement(rig, opus):
    opus.acquire()
    asked = []
    rig.tell(faults="")

    def stop():
        asked.append(time.monotonic())
        return rig.tell()["phase"] == "measuring"

    before = rig.tell()["spectra_read"]
    with pytest.raises(AcquisitionAborted):
        opus.acquire(stop=stop)
    assert rig.tell()["spectra_read"] <= before + 1
    assert rig.is_truth(opus.acquire())


@pytest.mark.parametrize(
    "fault", ["fragment", "garbage", "garbage_inside", "corrupt", "wrong_type", "duplicate", "bad_footer"]
)
def test_a_damaged_page_is_asked_for_again(rig, opus, fault):
    rig.tell(once=fault, on="any")
    assert rig.is_truth(opus.acquire())


def test_a_page_that_never_comes_is_asked_for_again(rig, opus, monkeypatch):
    monkeypatch.setattr("instrument.drivers.opus_link.ANSWER_S", 0.2)
    for fault in ("drop", "truncate"):
        rig.tell(once=fault, on="any")
        assert rig.is_truth(opus.acquire())


@pytest.mark.parametrize(
    "fault", ["garbage", "garbage_inside", "corrupt", "truncate", "bad_footer", "drop", "wrong_type"]
)
def test_a_damaged_or_missing_file_is_refused_and_the_next_one_taken(rig, opus, fault):
    rig.tell(once=fault, on="data")
    with pytest.raises(FileRefused):
        opus.acquire()
    assert rig.is_truth(opus.acquire())


@pytest.mark.parametrize("fault", ["fragment", "duplicate", "delay:0.1"])
def test_a_slow_or_doubled_file_is_taken(rig, opus, fault):
    rig.tell(once=fault, on="data")
    assert rig.is_truth(opus.acquire())


def test_a_file_that_comes_with_the_next_one_is_never_taken_for_it(rig, opus):
    rig.tell(once="delay:0.7", on="data")
    with pytest.raises(FileRefused, match="no new file"):
        opus.acquire()
    for _ in range(4):
        try:
            absorbance = opus.acquire()
        except FileRefused:
            continue
        assert rig.is_truth(absorbance)


def test_a_late_file_is_waited_for_before_the_next_measurement_that_may_lose_its_own(rig, opus):
    """Two faults in a row: the only new file would be the one of the measurement before."""
    rig.tell(once="delay:0.9", on="data")
    with pytest.raises(FileRefused, match="no new file"):
        opus.acquire()
    rig.tell(once="drop", on="data")
    with pytest.raises(FileRefused, match="no new file"):
        opus.acquire()
    assert rig.is_truth(opus.acquire())


@pytest.mark.parametrize("fault", ["disconnect:0.2", "power_cut:0.2"])
@pytest.mark.parametrize("on", ["any", "data"])
def test_a_program_that_went_away_is_usable_again_without_opening(rig, opus, fault, on):
    rig.tell(once=fault, on=on)
    if on == "data" and "disconnect" in fault:
        # The measurement went on meanwhile.
        assert rig.is_truth(opus.acquire())
        return
    with pytest.raises((ConnectionLost, FileRefused)):
        opus.acquire()
    end = time.monotonic() + 5
    while True:
        try:
            absorbance = opus.acquire()
            break
        except InstrumentError:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert rig.is_truth(absorbance)


def test_a_refused_start_is_refused(rig, opus):
    opus.acquire()
    # The first page is the state, the second the answer to start.
    rig.tell(once="fragment", on="any")
    rig.tell(once="nack:33", on="any")
    with pytest.raises(DeviceRefused, match="error 33"):
        opus.acquire()
    assert rig.is_truth(opus.acquire())


def test_files_of_another_instrument_are_refused(rig, opus):
    opus.acquire()
    opus._serial = "1234"
    with pytest.raises(FileRefused, match="EMU-OPUS-0000, and not by 1234"):
        opus.acquire()


def test_measurements_that_take_too_long_are_cancelled(rig, opus, monkeypatch):
    opus.acquire()
    opus._timeout_s = 0.02
    with pytest.raises(DeviceTimeout, match="cancelled"):
        opus.acquire()
    opus._timeout_s = 10
    assert rig.is_truth(opus.acquire())


def test_a_known_picture(tmp_path):
    with running_emulator(
        "opus", "--tcp", "0", "--folder", str(tmp_path), "--pattern", "ramp", "--speed", "500", "--pace", "0"
    ) as info:
        opened = open_spectrometer(
            f"opus+http://{info['address']}/opusrs?folder={tmp_path}&pace_s=0&settle_s=0.03"
        )
        seen = opened.acquire()[::-1]
        due = (100 + (7 * np.arange(seen.size)) % 4001) / 1e4
        assert seen == pytest.approx(due, abs=1e-4)
        opened.close()
