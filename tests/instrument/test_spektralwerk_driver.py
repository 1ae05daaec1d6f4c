"""The Spektralwerk driver against a scripted device: one line a connection, wrong lines fail."""

import base64
import contextlib
import socket
import struct
import threading
import time

import numpy as np
import pytest

from instrument.drivers.spektralwerk import open_spektralwerk
from instrument.drivers.spektralwerk_clock import StampClock
from instrument.drivers.spektralwerk_formats import cobs_decode, decode, numbers, separator, size_limit
from instrument.emulators.cobs import cobs_encode
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceNotReady,
    DeviceRefused,
    HardwareFault,
    ProtocolError,
    SettingOutOfRange,
    UnknownSetting,
)
from instrument.interfaces import Capability
from instrument.registry import DeviceURL

C = "MEASure:SPECtrum:CONFig:"
TIME = f"{C}EXPosure:TIME"
WHO = "Silicann,Spektralwerk Core,SW-7,1.2.3"


def asked(*questions):
    return f"*CLS;{';'.join(questions)};*ESR?"


IDN = (asked("*IDN?"), f"{WHO};0")
LIMITS_ASKED = asked(
    "DEVice:SPECtrometer:ARRay:PCOunt?",
    "DEVice:SPECtrometer:ARRay:PEAK?",
    f"{TIME}:MINimum?",
    f"{TIME}:MAXimum?",
    f"{TIME}:UNIT?",
)
LIMITS = (LIMITS_ASKED, "4;65535;100;10000000;us;0")
HEADERS = ("AVERage:NUMBer", "BINNing:WIDTh", "ROI", "PROCessing", "FORMat", "TRIGger", "COUNt")
QUESTIONS = [f"{C}{header}?" for header in HEADERS]
PLAIN = "1;1;0,3;none;base64_float;none;1"
KNOWN = (asked(*QUESTIONS), f"{PLAIN};0")
RANGES = [
    (asked(f"{C}AVERage:NUMBer:MINimum?", f"{C}AVERage:NUMBer:MAXimum?"), "1;1000;0"),
    (asked(f"{C}BINNing:WIDTh:MINimum?", f"{C}BINNing:WIDTh:MAXimum?"), "1;2;0"),
]
RESOLUTION = (asked("DEVice:SPECtrometer:RESolution?"), "12.5;0")
AXIS = (asked("DEVice:SPECtrometer:PIXels:WAVelengths?"), "900.0,1000.5,1.1e3,1200;0")
EXPOSURE = (asked(f"{TIME}?"), "20000;0")
STATE = asked(f"{TIME}?", *QUESTIONS)


def state(exposure=20000, rest=PLAIN):
    return (STATE, f"{exposure};{rest};0")


def commands(
    exposure=20000, averages=1, binning=1, roi="0,3", steps="none", layout="base64_float", trigger="none"
):
    values = (averages, binning, roi, steps, layout, trigger, 1)
    told = [f"{C}{header} {value}" for header, value in zip(HEADERS, values, strict=True)]
    return (asked(f"{TIME} {exposure}", *told), "0")


OPENING = [IDN, LIMITS, KNOWN, *RANGES, RESOLUTION, AXIS, EXPOSURE, commands(), state()]
RAW = asked("*IDN?", f"{TIME}?", "MEASure:SPECtrum:REQuest:RAW?")
STREAM = "MEASure:SPECtrum:REQuest?"
ERROR = "SYSTem:ERRor:NEXT?"
NO_MORE = (ERROR, '0,"No error"')


def raw(counts="1,2,3,4", stamp=None, exposure=20000, who=WHO):
    """A raw spectrum, stamped with our own clock where nothing else is said."""
    return (RAW, lambda: f"{who};{exposure};{time.monotonic() if stamp is None else stamp},{counts};0")


@contextlib.contextmanager
def device(*exchanges):
    """A device that knows these lines in this order; an answer may be late by the seconds before it."""
    exchanges = [*OPENING, *exchanges]
    heard = []

    def serve(server):
        for _, answer in exchanges:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                heard.append(peer.recv(8192).decode())
                delay, text = answer if isinstance(answer, tuple) else (0, answer)
                time.sleep(delay)
                said = text() if callable(text) else text
                with contextlib.suppress(OSError):
                    peer.sendall(said if isinstance(said, bytes) else said.encode() + b"\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(2)
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        try:
            yield f"visa://TCPIP0::127.0.0.1::{server.getsockname()[1]}::SOCKET?driver=spektralwerk"
        finally:
            thread.join(10)
    assert heard == [question + "\n" for question, _ in exchanges]


def opened(url):
    return open_spektralwerk(DeviceURL.parse(url))


@pytest.fixture
def only():
    """A device with this whole conversation instead of the opening."""

    @contextlib.contextmanager
    def start(*exchanges):
        before, OPENING[:] = list(OPENING), exchanges
        try:
            with device() as url:
                yield url
        finally:
            OPENING[:] = before

    return start


def test_opening():
    with device() as url:
        spectrometer = opened(url)
    assert spectrometer.info.model == "Silicann Spektralwerk Core"
    assert spectrometer.info.serial == "SW-7"
    assert spectrometer.info.firmware == "1.2.3"
    assert spectrometer.info.url == url
    assert spectrometer.limits.exposure_min_s == pytest.approx(1e-4)
    assert spectrometer.limits.saturation_counts == 65535
    assert spectrometer.limits.pixels == 4
    np.testing.assert_array_equal(spectrometer.axis(), [900.0, 1000.5, 1100.0, 1200.0])
    settings = spectrometer.settings()
    assert settings["exposure_s"] == 0.02
    assert settings["spectrum"] == "raw"
    assert settings["resolution_nm"] == 12.5
    limits = {one.name: (one.low, one.high) for one in spectrometer.available_settings()}
    assert limits["averages"] == (1, 1000)
    assert limits["binning"] == (1, 2)


REFUSED = "32"


def test_old_firmware_knows_its_exposure_alone(only):
    unknown = [(ERROR, '-113,"Undefined header"'), NO_MORE]
    short = [(asked(f"{TIME} 20000"), "0"), EXPOSURE]
    opening = [
        IDN,
        LIMITS,
        (KNOWN[0], REFUSED),
        *unknown,
        (RESOLUTION[0], REFUSED),
        *unknown,
        AXIS,
        EXPOSURE,
        *short,
    ]
    with only(*opening, raw()) as url:
        spectrometer = opened(url)
        np.testing.assert_array_equal(spectrometer.acquire(), [1, 2, 3, 4])
        assert spectrometer.capabilities == {Capability.EXPOSURE}
        with pytest.raises(UnknownSetting):
            spectrometer.set("averages", 2)
    assert spectrometer.settings()["resolution_nm"] is None
    assert {one.name for one in spectrometer.available_settings()} == {
        "exposure_s",
        "count",
        "peak",
        "resolution_nm",
    }


def test_limits_a_device_does_not_state(only):
    unknown = [(ERROR, '-113,"Undefined header"'), NO_MORE]
    ranges = [(RANGES[0][0], REFUSED), *unknown, (RANGES[1][0], REFUSED), *unknown]
    with only(IDN, LIMITS, KNOWN, *ranges, RESOLUTION, AXIS, EXPOSURE, commands(), state()) as url:
        limits = {one.name: one.high for one in opened(url).available_settings()}
    assert limits["averages"] == 1
    assert limits["binning"] == 2


def test_a_raw_spectrum_comes_with_identity_and_exposure():
    with device(raw("1,2.5,3e2,0")) as url:
        np.testing.assert_array_equal(opened(url).acquire(), [1, 2.5, 300, 0])


def test_exposure_is_read_back():
    with device(commands(30000), state(30000)) as url:
        spectrometer = opened(url)
        spectrometer.set_exposure(0.03)
    assert spectrometer.settings()["exposure_s"] == 0.03


def test_another_exposure_is_told_and_mended_before_the_next_spectrum():
    with device(commands(30000), state(), IDN, state(30000), commands(), state(), raw()) as url:
        spectrometer = opened(url)
        with pytest.raises(DeviceRefused, match="reads back"):
            spectrometer.set("exposure_s", 0.03)
        np.testing.assert_array_equal(spectrometer.acquire(), [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exposure_s", 11),
        ("exposure_s", "long"),
        ("exposure_s", True),
        ("averages", 0),
        ("averages", 1.5),
        ("averages", True),
        ("averages", "2"),
        ("binning", 3),
        ("roi_first", 3),
        ("roi_last", 0),
        ("dark_reference", 1.0),
        ("format", "jpeg"),
        ("format", 1),
        ("trigger", "soon"),
        ("no such", 1),
        ("peak", 1),
    ],
)
def test_settings_out_of_range_send_nothing(name, value):
    with device() as url:
        spectrometer = opened(url)
        with pytest.raises(SettingOutOfRange):
            spectrometer.set(name, value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ('-222,"Data out of range"', SettingOutOfRange),
        ('-100,"Command error"', DeviceRefused),
        ('-213,"Init ignored"', DeviceNotReady),
        ('-330,"Self-test failed"', HardwareFault),
    ],
)
def test_the_error_queue_is_emptied_and_told(error, kind):
    refused = (commands(30000)[0], "16")
    with device(refused, (ERROR, error), (ERROR, '-350,"Queue overflow"'), NO_MORE) as url:
        spectrometer = opened(url)
        with pytest.raises(kind, match=f"{error.split(',')[0]}.*-350"):
            spectrometer.set_exposure(0.03)


@pytest.mark.parametrize("answers", [["nonsense"], ["five,x"], ["-100"], ["99999,x"], ["-100,x"] * 32])
def test_an_error_queue_that_makes_no_sense(answers):
    with device((commands(30000)[0], "16"), *[(ERROR, answer) for answer in answers]) as url:
        spectrometer = opened(url)
        with pytest.raises(ProtocolError):
            spectrometer.set_exposure(0.03)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (f"{WHO};20000;1,2,3;0", "3 numbers instead of 5"),
        (f"{WHO};20000;0,1,2,3,nan;0", "no number"),
        (f"{WHO};20000;0,1,2,3,x;0", "no number"),
        (f"{WHO};20000;0,1,2,3,1_0;0", "no number"),
        (f"{WHO};20000;0,1,2,3,4", "in answer to"),
        (f"{WHO};20000;0,1,2,3,4;OK", "in answer to"),
        ("20000;0,1,2,3,4;0", "2 answers to 3"),
        (f"{WHO.replace('SW-7', 'SW-8')};20000;0,1,2,3,4;0", "another device"),
        (f"{WHO};20000;-1,1,2,3,4;0", "time stamp"),
    ],
)
def test_a_damaged_spectrum_is_refused_and_the_next_one_is_right(answer, words):
    with device((RAW, answer), IDN, state(), raw()) as url:
        spectrometer = opened(url)
        with pytest.raises(ProtocolError, match=words):
            spectrometer.acquire()
        np.testing.assert_array_equal(spectrometer.acquire(), [1, 2, 3, 4])


def test_a_restarted_device_is_noticed_and_set_anew():
    anew = [IDN, state(10000), commands(), state(), raw()]
    with device(raw(), raw(stamp=0.5, exposure=10000), *anew) as url:
        spectrometer = opened(url)
        spectrometer.acquire()
        with pytest.raises(ConnectionLost, match="restarted"):
            spectrometer.acquire()
        np.testing.assert_array_equal(spectrometer.acquire(), [1, 2, 3, 4])


def test_another_device_is_refused_until_the_right_one_is_back():
    other = (IDN[0], f"{WHO.replace('SW-7', 'SW-8')};0")
    with device((RAW, "x;0"), other, IDN, state(), IDN) as url:
        spectrometer = opened(url)
        with pytest.raises(ProtocolError):
            spectrometer.acquire()
        with pytest.raises(ProtocolError, match="serial SW-8"):
            spectrometer.status()
        assert spectrometer.status().ready


def test_an_old_spectrum_is_refused():
    with device(
        raw(stamp=5.0), raw(stamp=5.0), IDN, state(), raw(stamp=5.0), IDN, state(), raw(stamp=6.0)
    ) as url:
        spectrometer = opened(url)
        spectrometer.acquire()
        for _ in range(2):
            with pytest.raises(ProtocolError, match="an old spectrum"):
                spectrometer.acquire()
        spectrometer.acquire()


def test_stop_hangs_up_and_the_late_answer_goes_nowhere():
    with device((RAW, (0.25, f"{WHO};20000;0,9,9,9,9;0")), raw()) as url:
        spectrometer = opened(url)
        with pytest.raises(AcquisitionAborted):
            spectrometer.acquire(stop=lambda: True)
        np.testing.assert_array_equal(spectrometer.acquire(), [1, 2, 3, 4])


def packed(values, kind="f", stamp_us=None):
    stamp = round(time.monotonic() * 1e6) if stamp_us is None else stamp_us
    return struct.pack(f"<Q{len(values)}{kind}", stamp, *values)


AVERAGED = "3;1;0,3;average;{};none;1"


@pytest.mark.parametrize(
    ("layout", "sent"),
    [
        ("human", lambda: f"{time.monotonic()},1,2,3,65535;".encode()),
        ("base64_float", lambda: base64.b64encode(packed([1, 2, 3, 65535])) + b";"),
        ("base64_int16", lambda: base64.b64encode(packed([1, 2, 3, 65535], "H")) + b";"),
        ("cobs_int16", lambda: b"\0\0" + cobs_encode(packed([1, 2, 3, 65535], "H")) + b"\0"),
    ],
)
def test_processed_spectra_in_every_format(layout, sent):
    averaging = [commands(averages=3, steps="average"), state(rest=AVERAGED.format("base64_float"))]
    other = [commands(averages=3, steps="average", layout=layout), state(rest=AVERAGED.format(layout))]
    check = [IDN, state(rest=AVERAGED.format(layout))]
    with device(*averaging, *other, (STREAM, lambda: sent()), *check) as url:
        spectrometer = opened(url)
        spectrometer.set("averages", 3)
        spectrometer.set("format", layout)
        np.testing.assert_array_equal(spectrometer.acquire(), [1, 2, 3, 65535])
        assert spectrometer.settings()["spectrum"] == "processed"
        assert spectrometer.settings()["averages"] == 3


def test_a_processed_spectrum_of_a_restarted_device_is_refused():
    averaging = [commands(averages=3, steps="average"), state(rest=AVERAGED.format("base64_float"))]
    with device(
        *averaging, (STREAM, lambda: base64.b64encode(packed([1, 2, 3, 4])) + b";"), IDN, state()
    ) as url:
        spectrometer = opened(url)
        spectrometer.set("averages", 3)
        with pytest.raises(ConnectionLost, match="restarted"):
            spectrometer.acquire()


def test_region_and_binning_change_axis_and_pixels():
    one = [commands(roi="1,3", steps="roi"), state(rest="1;1;1,3;roi;base64_float;none;1")]
    two = [commands(roi="1,2", steps="roi"), state(rest="1;1;1,2;roi;base64_float;none;1")]
    with device(*one, *two) as url:
        spectrometer = opened(url)
        spectrometer.set("roi_first", 1)
        assert spectrometer.limits.pixels == 3
        np.testing.assert_array_equal(spectrometer.axis(), [1000.5, 1100, 1200])
        spectrometer.set("roi_last", 2)
        assert spectrometer.limits.pixels == 2
    joined = [commands(binning=2, steps="binning"), state(rest="1;2;0,3;binning;base64_float;none;1")]
    with device(*joined) as url:
        spectrometer = opened(url)
        spectrometer.set("binning", 2)
        np.testing.assert_array_equal(spectrometer.axis(), [950.25, 1150])


def test_references():
    dark = "MEASure:SPECtrum:REFerence:DARK"
    light = "MEASure:SPECtrum:REFerence:LIGHt"
    taken = [(asked(f"{dark}:ACQuire 5"), "0"), (asked(f"{dark}?"), "1,2,3,4;0")]
    used = [commands(steps="reference_dark"), state(rest="1;1;0,3;reference_dark;base64_float;none;1")]
    missing = [(asked(f"{light}?"), "16"), (ERROR, '-200,"Execution error"'), NO_MORE]
    with device(*taken, taken[1], *used, *missing) as url:
        spectrometer = opened(url)
        spectrometer.take_reference("dark", 5)
        np.testing.assert_array_equal(spectrometer.reference("dark"), [1, 2, 3, 4])
        spectrometer.set("dark_reference", True)
        with pytest.raises(SettingOutOfRange, match="whole numbers"):
            spectrometer.set("format", "cobs_int16")
        with pytest.raises(DeviceRefused):
            spectrometer.set("light_reference", "on")
        for kind, count in (("grey", 1), ("dark", 0)):
            with pytest.raises(SettingOutOfRange):
                spectrometer.take_reference(kind, count)


def test_a_command_that_is_answered_is_refused():
    with device((commands(30000)[0], "what?;0")) as url:
        spectrometer = opened(url)
        with pytest.raises(ProtocolError, match="in answer to a command"):
            spectrometer.set_exposure(0.03)


@pytest.mark.parametrize(
    "exchanges",
    [
        [(IDN[0], "Silicann,Spektralwerk;0")],
        [(IDN[0], "A,B\x1b,C,D;0")],
        [(IDN[0], "A,B,,D;0")],
        [IDN, (LIMITS_ASKED, "4;65535;100;10000000;ms;0")],
        [IDN, (LIMITS_ASKED, "4;65535;100;us;0")],
        [IDN, (LIMITS_ASKED, "1000000;65535;100;10000000;us;0")],
        [IDN, (LIMITS_ASKED, "4;65535;100;10;us;0")],
        [IDN, (LIMITS_ASKED, "4.5;65535;100;1000;us;0")],
        [IDN, LIMITS, KNOWN, (RANGES[0][0], "5;2;0")],
        [*OPENING[:6], (AXIS[0], "900,1000,1000,1100;0")],
        [*OPENING[:6], (AXIS[0], "900,1000,1100;0")],
        [*OPENING[:7], (EXPOSURE[0], "soon;0")],
        [*OPENING[:9], state(rest="1;1;0,3;;base64_float;none;1")],
        [*OPENING[:9], state(rest="1;1;0;none;base64_float;none;1")],
        [*OPENING[:9], state(rest="1;1;0,3;none;jpeg;none;1")],
    ],
)
def test_a_device_of_another_kind_is_refused(only, exchanges):
    with only(*exchanges) as url, pytest.raises(ProtocolError):
        opened(url)


@pytest.mark.parametrize(
    "rest",
    [
        "1;1;0,3;scale;base64_float;none;1",
        "1;1;0,3;none;base64_float;none;0",
        "1;1;0,3;none;base64_float;later;1",
    ],
)
def test_a_state_we_cannot_name_is_refused(only, rest):
    with only(*OPENING[:9], state(rest=rest)) as url, pytest.raises(DeviceRefused, match="reads back None"):
        opened(url)


def test_microseconds_in_greek(only):
    greek = (LIMITS_ASKED, "4;65535;100;10000000;µs;0")
    with only(OPENING[0], greek, *OPENING[2:]) as url:
        assert opened(url).limits.exposure_max_s == 10.0


@pytest.mark.parametrize(
    ("data", "layout"),
    [
        (b"1,2,3", "human"),
        (b"\xff,2,3,4", "human"),
        (b"1e300,2,3,4", "human"),
        (b"!!!!", "base64_float"),
        (base64.b64encode(b"12345678123"), "base64_int16"),
        (base64.b64encode(packed([1, 2, float("nan")])), "base64_float"),
        (b"\x05abc", "cobs_int16"),
        (b"\x03\0a", "cobs_int16"),
        (b"\0", "cobs_int16"),
    ],
    # A packed value holds the time, and names made of it would differ between workers.
    ids=[f"{number}" for number in range(9)],
)
def test_damaged_formats(data, layout):
    with pytest.raises(ProtocolError):
        decode(data, layout, 3)


def test_cobs_round_trip():
    rng = np.random.default_rng(1)
    for size in (0, 1, 2, 253, 254, 255, 256, 600):
        data = bytes(rng.integers(0, 3, size, dtype=np.uint8))
        assert b"\0" not in cobs_encode(data)
        assert cobs_decode(cobs_encode(data)) == data
        full = b"\x07" * size
        assert cobs_decode(cobs_encode(full)) == full


def test_formats_agree_on_their_ends():
    assert separator("cobs_int16") == b"\0"
    assert separator("human") == separator("base64_float") == b";"
    assert size_limit("human", 1024) > 1024 * 10
    assert numbers("1,2", 2, "x") == [1.0, 2.0]


def test_a_spectrum_from_before_the_question_is_old():
    clock = StampClock()
    clock.check(1_000_000, asked_at=100.0, got_at=100.1, slack_s=0.1)
    # The answer to this one was lost; it was taken at 102 on our clock, 3.0 on the device's.
    with pytest.raises(ProtocolError, match="an old spectrum"):
        clock.check(3_000_000, asked_at=105.0, got_at=105.1, slack_s=0.1)
    clock.check(6_100_000, asked_at=105.1, got_at=105.2, slack_s=0.1)
    # Between scans the two clocks may run apart.
    clock.check(3_606_000_000, asked_at=3705.1, got_at=3705.2, slack_s=0.1)
