"""The Cobolt driver, by byte transcripts."""

import time

import pytest

from instrument.drivers.cobolt import Cobolt
from instrument.errors import (
    ConnectionLost,
    DeviceRefused,
    DeviceTimeout,
    InterlockOpen,
    LaserMayBeOn,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
)
from instrument.testing import TranscriptStream


def said(question, answer):
    return (question.encode() + b"\r", answer.encode() + b"\r\n")


OK = "OK"
REFUSED = "Syntax error: not allowed"
OFF = [said("l0", OK), said("l?", "0")]
OPENING = [
    *OFF,
    said("sn?", "12345"),
    said("glm?", "0785-08-01-0500-100"),
    said("gcn?", "Customs"),
    said("gmlp?", "500.0"),
    said("gfv?", "10.2.1"),
    said("p 0.00000", OK),
    said("p?", "0.000000"),
]
SAFE = [said("ilk?", "0"), said("f?", "0")]
ON = [*SAFE, said("l1", OK), *SAFE, said("l?", "1")]
FENCE = said("sn?", "12345")


def opened(*streams):
    """A laser whose port is opened once for each stream, and is not there afterwards."""
    ports = iter(streams)

    def open_stream(transcript):
        stream = next(ports, None)
        if stream is None:
            raise PortNotFound("no such port")
        stream.transcript = transcript
        return stream

    return Cobolt(open_stream, pause_s=0, timeout_s=0.1, off_deadline_s=0.3, url="cobolt+serial:///dev/x")


def test_opening_forces_off_reads_back_and_sets_the_lowest_power():
    with TranscriptStream(OPENING) as stream:
        laser = opened(stream)
    assert laser.info.model == "0785-08-01-0500-100"
    assert laser.info.serial == "12345"
    assert laser.info.firmware == "10.2.1"
    assert not laser.info.emulated
    assert laser.wavelength_nm == 785.0
    assert laser.max_power_mw == 500.0


@pytest.mark.parametrize(("name", "emulated"), [("opioscan emulator", True), (REFUSED, False)])
def test_an_emulator_that_says_so_is_labelled(name, emulated):
    exchanges = [*OPENING]
    exchanges[4] = said("gcn?", name)
    with TranscriptStream(exchanges) as stream:
        assert opened(stream).info.emulated is emulated


def test_power_is_in_watts_on_the_wire_and_read_back():
    with TranscriptStream([*OPENING, said("p 0.10000", OK), said("p?", "0.100000")]) as stream:
        opened(stream).set_power(100)


def test_another_power_than_asked_for_is_told():
    with TranscriptStream([*OPENING, said("p 0.10000", OK), said("p?", "0.250000")]) as stream:
        laser = opened(stream)
        with pytest.raises(DeviceRefused, match="reads back 250 mW"):
            laser.set_power(100)


@pytest.mark.parametrize("power", [-0.1, 500.1, float("nan")])
def test_power_out_of_range_sends_nothing(power):
    with TranscriptStream(OPENING) as stream:
        laser = opened(stream)
        with pytest.raises(SettingOutOfRange):
            laser.set_power(power)


def test_on_reads_interlock_fault_and_state():
    with TranscriptStream([*OPENING, *ON]) as stream:
        opened(stream).on()


def test_status():
    answers = [
        said("l?", "1"),
        said("ilk?", "0"),
        said("f?", "1"),
        said("pa?", "0.0995"),
        said("p?", "1.0e-1"),
    ]
    with TranscriptStream([*OPENING, *answers]) as stream:
        status = opened(stream).status()
    assert status.emitting
    assert status.interlock_closed
    assert status.fault == "temperature"
    assert status.power_mw == pytest.approx(99.5)
    assert status.setpoint_mw == pytest.approx(100)


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([said("ilk?", "1")], InterlockOpen, "interlock is open"),
        ([said("ilk?", "0"), said("f?", "3")], InterlockOpen, "interlock"),
        ([said("ilk?", "0"), said("f?", "4")], DeviceRefused, "constant power"),
        ([said("ilk?", "0"), said("f?", "9")], DeviceRefused, "number 9"),
        ([said("ilk?", "0"), said("f?", "none")], ProtocolError, "f\\?"),
    ],
)
def test_on_is_not_tried_when_it_may_not_be(answers, error, words):
    with TranscriptStream([*OPENING, *answers]) as stream:
        laser = opened(stream)
        with pytest.raises(error, match=words):
            laser.on()


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([said("l1", REFUSED), *OFF], DeviceRefused, "not allowed"),
        ([said("l1", OK), said("ilk?", "1"), *OFF], InterlockOpen, "interlock"),
        ([said("l1", OK), said("ilk?", "0"), said("f?", "1"), *OFF], DeviceRefused, "temperature"),
        (
            [said("l1", OK), *SAFE, said("l?", "0"), said("@cobasks?", "0"), *OFF],
            DeviceRefused,
            "turn the key",
        ),
        ([said("l1", OK), *SAFE, said("l?", "0"), said("@cobasks?", "1"), *OFF], DeviceRefused, "off again"),
        (
            [said("l1", OK), *SAFE, said("l?", "0"), said("@cobasks?", REFUSED), *OFF],
            DeviceRefused,
            "check the key",
        ),
    ],
)
def test_a_failed_on_is_never_repeated_and_ends_off(answers, error, words):
    with TranscriptStream([*OPENING, *SAFE, *answers]) as stream:
        laser = opened(stream)
        with pytest.raises(error, match=words):
            laser.on()


def test_an_unanswered_on_ends_off_past_the_late_answer():
    late = [(b"l1\r", None), (b"l0\r", b"OK\r\nOK\r\n"), FENCE, said("l?", "0")]
    with TranscriptStream([*OPENING, *SAFE, *late]) as stream:
        laser = opened(stream)
        with pytest.raises(DeviceTimeout):
            laser.on()


def test_a_strange_answer_to_a_command_is_refused():
    with TranscriptStream([*OPENING, said("p 0.10000", "1"), FENCE, *SAFE[:1]]) as stream:
        laser = opened(stream)
        with pytest.raises(DeviceRefused, match="'1' in answer to 'p"):
            laser.set_power(100)
        assert not laser._flag("ilk?")


def test_a_late_zero_is_never_taken_for_off():
    """The late answer 0 to an earlier question must not pass for "off" while the laser is on."""
    exchanges = [
        *OPENING,
        (b"f?\r", None),
        (b"l0\r", b"0\r\nOK\r\n"),
        FENCE,
        said("l?", "1"),
        said("l0", OK),
        said("l?", "0"),
    ]
    with TranscriptStream(exchanges) as stream:
        laser = opened(stream)
        with pytest.raises(DeviceTimeout):
            laser._fault()
        laser.off()
    assert any(b"caught up" in e.data for e in laser.transcript.entries() if e.direction == "n")


def test_off_is_tried_again_until_read_back():
    exchanges = [*OPENING, said("l0", OK), said("l?", "1"), said("l0", OK), said("l?", "1"), *OFF]
    with TranscriptStream(exchanges) as stream:
        opened(stream).off()


@pytest.mark.parametrize("noise", [b"\xff\xfe\r\n", b"\x07\r\n", b"\r\n", b"OK\r\n"])
def test_off_gets_past_noise(noise):
    exchanges = [
        *OPENING,
        (b"l0\r", b"OK\r\n"),
        (b"l?\r", noise),
        (b"l0\r", b"OK\r\n"),
        FENCE,
        said("l?", "0"),
    ]
    with TranscriptStream(exchanges) as stream:
        opened(stream).off()


def test_a_laser_that_stays_on_is_shouted_about_in_time():
    stream = TranscriptStream([*OPENING, *[said("l0", OK), said("l?", "1")] * 100])
    laser = opened(stream)
    start = time.monotonic()
    with pytest.raises(LaserMayBeOn, match="still on.*key switch"):
        laser.off()
    assert 0.25 < time.monotonic() - start < 1.0


def test_silence_is_shouted_about():
    stream = TranscriptStream([*OPENING, (b"l0\r", None), *[(b"l0\r", None), (b"sn?\r", None)] * 100])
    laser = opened(stream)
    with pytest.raises(LaserMayBeOn, match="no complete answer"):
        laser.off()


def test_a_vanished_port_is_opened_again_for_off():
    first = TranscriptStream([*OPENING, (b"l0\r", ConnectionLost("unplugged"))])
    second = TranscriptStream([(b"l0\r", b"OK\r\n"), FENCE, said("l?", "0")])
    with first, second:
        opened(first, second).off()


def test_a_port_gone_for_good_is_shouted_about():
    with TranscriptStream([*OPENING, (b"l0\r", ConnectionLost("unplugged"))]) as stream:
        laser = opened(stream)
        with pytest.raises(LaserMayBeOn, match="no such port"):
            laser.off()
        with pytest.raises(ConnectionLost, match="no connection"):
            laser.status()


def test_a_laser_that_does_not_go_off_on_opening_is_shouted_about_and_let_go():
    stream = TranscriptStream([said("l0", OK), said("l?", "1")] * 100)
    with pytest.raises(LaserMayBeOn):
        opened(stream)
    with pytest.raises(ConnectionLost):
        stream.receive(1, wait_s=0)


@pytest.mark.parametrize(
    ("at", "answer"),
    [
        (2, said("sn?", "0")),
        (2, said("sn?", "")),
        (3, said("glm?", "Laser")),
        (5, said("gmlp?", "0")),
        (5, said("gmlp?", "lots")),
    ],
)
def test_something_else_at_the_port_is_refused(at, answer):
    with TranscriptStream([*OPENING[:at], answer]) as stream, pytest.raises(ProtocolError):
        opened(stream)


def test_a_laser_that_never_says_its_serial_number_again_is_refused():
    exchanges = [*OPENING, (b"f?\r", None), (b"sn?\r", b"67890\r\n" * 64)]
    with TranscriptStream(exchanges) as stream:
        laser = opened(stream)
        with pytest.raises(DeviceTimeout):
            laser._fault()
        with pytest.raises(ProtocolError, match="not with its serial number"):
            laser._fault()


def test_an_answer_without_end_is_refused():
    with TranscriptStream([*OPENING, (b"l?\r", b"1" * 300)]) as stream:
        laser = opened(stream)
        with pytest.raises(ProtocolError, match="longer than"):
            laser.status()


def test_a_pause_is_kept_between_commands():
    with TranscriptStream([*OPENING, *OFF]) as stream:
        laser = opened(stream)
        laser._link._pause_s = 0.05
        start = time.monotonic()
        laser.off()
        assert time.monotonic() - start >= 0.05


def test_a_port_that_is_not_there():
    with pytest.raises(PortNotFound):
        opened()


def test_closed_means_closed_even_for_off():
    with TranscriptStream(OPENING) as stream:
        laser = opened(stream)
        laser.close()
        laser.close()
        with pytest.raises(LaserMayBeOn, match="closed|no connection"):
            laser.off()
