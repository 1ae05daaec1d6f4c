"""The Cobolt driver, by byte transcripts."""

import time

import pytest

from instrument.drivers.cobolt import Cobolt
from instrument.errors import (
    ConnectionLost,
    DeviceNotReady,
    DeviceRefused,
    DeviceTimeout,
    HardwareFault,
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
LOW = [said("p 0.00000", OK), said("p?", "0.000000")]
OPENING = [
    *OFF,
    said("sn?", "12345"),
    said("glm?", "0785-08-01-0500-100"),
    said("gcn?", "Customs"),
    said("gmlp?", "500.0"),
    said("gfv?", "10.2.1"),
    *LOW,
]
SAFE = [said("ilk?", "0"), said("f?", "0")]
#: What is read before the laser is told to come on.
BEFORE = [*SAFE, said("p?", "0.000000"), said("@cobas?", "0")]
ON = [*BEFORE, said("l1", OK), *SAFE, said("l?", "1")]
FENCE = said("sn?", "12345")


def twice(question, answer):
    """Bad news, which is asked for once more behind the fence."""
    return [said(question, answer), FENCE, said(question, answer)]


#: Slow facts, asked for with the first status while it is off.
FACTS = [said("gom?", "0"), said("rtect?", "25.00"), said("@cobasks?", "1")]


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


def talk(*exchanges):
    """The opening, and then this conversation."""
    return TranscriptStream([*OPENING, *exchanges])


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
    with talk(said("p 0.10000", OK), said("p?", "0.100000")) as stream:
        opened(stream).set_power(100)


def test_another_power_than_asked_for_is_told():
    with talk(said("p 0.10000", OK), *twice("p?", "0.250000")) as stream:
        laser = opened(stream)
        with pytest.raises(DeviceRefused, match="reads back 250 mW"):
            laser.set_power(100)
        with pytest.raises(DeviceRefused, match="did not take the power"):
            laser.on()


@pytest.mark.parametrize("power", [-0.1, 500.1, float("nan")])
def test_power_out_of_range_sends_nothing(power):
    with TranscriptStream(OPENING) as stream:
        laser = opened(stream)
        with pytest.raises(SettingOutOfRange):
            laser.set_power(power)


def test_a_setter_whose_answer_is_lost_is_repeated():
    with talk((b"p 0.10000\r", None), FENCE, said("p 0.10000", OK), said("p?", "0.1")) as stream:
        opened(stream).set_power(100)


def test_on_reads_interlock_fault_power_and_state():
    with talk(*ON) as stream:
        opened(stream).on()


def test_status_while_on_asks_no_slow_questions():
    answers = [
        said("l?", "1"),
        said("ilk?", "0"),
        said("f?", "1"),
        said("pa?", "0.0995"),
        said("@cobasks?", "1"),
    ]
    with talk(*ON, *answers, *answers[:4]) as stream:
        laser = opened(stream)
        laser.on()
        status = laser.status()
        laser.status()
    assert status.emitting
    assert status.interlock_closed
    assert status.fault == "temperature"
    assert status.power_mw == pytest.approx(99.5)
    assert status.key_on is True


def test_status_while_off_asks_for_key_and_start_sequence_now_and_then():
    with talk(said("l?", "0"), *SAFE, *FACTS, said("l?", "0"), *SAFE) as stream:
        laser = opened(stream)
        first, second = laser.status(), laser.status()
    assert first == second
    assert not first.emitting
    assert first.key_on is True
    assert first.ready
    assert first.setpoint_mw == first.power_mw == 0


def test_a_laser_that_waits_for_its_key_is_not_ready():
    facts = [said("gom?", "1"), said("@cobasks?", "0")]
    with talk(said("l?", "0"), *SAFE, *facts) as stream:
        status = opened(stream).status()
    assert not status.ready
    assert status.key_on is False


def test_a_laser_whose_temperature_moves_is_not_ready():
    def status(laser, *ages):
        laser._facts._kept.update({key: (time.monotonic() - age, value) for key, age, value in ages})
        return laser.status()

    off = [said("l?", "0"), *SAFE]
    with talk(*off, *FACTS, *off, said("rtect?", "24.00"), *off, said("rtect?", "24.00"), *off) as stream:
        laser = opened(stream)
        assert laser.status().ready
        assert not status(laser, ("rtect?", 2.0, 25.0)).ready
        assert status(laser, ("rtect?", 2.0, 24.0)).ready
        assert laser.status().ready


def test_older_series_do_not_know_every_question():
    unknown = [said(question, REFUSED) for question in ("gom?", "rtect?", "@cobasks?")]
    more = [said(question, REFUSED) for question in ("@cobas?", "rbpt?", "hrs?")]
    with talk(said("l?", "0"), *SAFE, *unknown, said("l?", "0"), *SAFE, *more) as stream:
        laser = opened(stream)
        assert laser.status().key_on is None
        assert laser.status().ready
        settings = laser.settings()
    assert settings["temperatures_c"] == {}
    assert settings["hours"] is settings["key_on"] is None


def test_settings_are_asked_once_in_a_while():
    asked = [
        said("@cobas?", "0"),
        said("@cobasks?", "1"),
        said("rbpt?", "27.5"),
        said("rtect?", "25.0"),
        said("hrs?", "123.45"),
    ]
    with talk(*asked) as stream:
        laser = opened(stream)
        settings = laser.settings()
        assert laser.settings() == settings
    assert settings["serial"] == "12345"
    assert settings["temperatures_c"] == {"baseplate": 27.5, "tec": 25.0}
    assert settings["hours"] == 123.45
    assert settings["setpoint_mw"] == 0.0
    assert settings["autostart"] is False


def test_a_laser_that_came_on_by_itself_is_switched_off():
    with talk(said("l?", "1"), *OFF, *LOW, said("ilk?", "0")) as stream:
        laser = opened(stream)
        status = laser.status()
        assert not status.emitting
        assert "by itself" in status.fault
        with pytest.raises(ConnectionLost, match="set the power"):
            laser.on()


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([*twice("ilk?", "1")], InterlockOpen, "interlock is open"),
        ([said("ilk?", "0"), said("f?", "3"), said("cf", OK), said("f?", "3")], InterlockOpen, "interlock"),
        ([*SAFE, *twice("p?", "0.05"), *OFF, *LOW], DeviceRefused, "is now 50 mW"),
        ([said("ilk?", "0"), said("f?", "4")], HardwareFault, "constant power"),
        ([said("ilk?", "0"), said("f?", "9")], HardwareFault, "number 9"),
        ([said("ilk?", "0"), said("f?", "none"), FENCE, said("f?", "none")], ProtocolError, "f\\?"),
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
        (
            [said("l1", REFUSED), *OFF, said("@cobasks?", "1"), *[said("rtect?", "25.0")] * 2],
            DeviceRefused,
            "not allowed",
        ),
        (
            [
                said("l1", REFUSED),
                *OFF,
                said("@cobasks?", "1"),
                said("rtect?", "25.0"),
                said("rtect?", "24.0"),
            ],
            DeviceNotReady,
            "still settling",
        ),
        ([said("l1", OK), *twice("ilk?", "1"), *OFF], InterlockOpen, "interlock"),
        ([said("l1", OK), said("ilk?", "0"), said("f?", "1"), *OFF], HardwareFault, "temperature"),
        ([said("l1", OK), said("ilk?", "0"), said("f?", "3"), *OFF], InterlockOpen, "interlock"),
        (
            [said("l1", OK), *SAFE, *twice("l?", "0"), *OFF, said("@cobasks?", "0")],
            InterlockOpen,
            "turn the key",
        ),
        (
            [
                said("l1", OK),
                *SAFE,
                *twice("l?", "0"),
                *OFF,
                said("@cobasks?", REFUSED),
                said("rtect?", REFUSED),
            ],
            DeviceRefused,
            "check key",
        ),
        (
            [said("l1", OK), *SAFE, *twice("l?", "0"), *OFF, (b"@cobasks?\r", None), (b"sn?\r", None)],
            DeviceRefused,
            "check the key",
        ),
        (
            [said("l1", "1"), (b"l0\r", b"OK\r\n"), FENCE, said("l?", "0")],
            ProtocolError,
            "in answer to l1",
        ),
    ],
)
def test_a_failed_on_is_never_repeated_and_ends_off(answers, error, words):
    with talk(*BEFORE, *answers) as stream:
        laser = opened(stream)
        with pytest.raises(error, match=words):
            laser.on()


def test_an_unanswered_on_ends_off_past_the_late_answer():
    late = [(b"l1\r", None), (b"l0\r", b"OK\r\nOK\r\n"), FENCE, said("l?", "0")]
    with talk(*BEFORE, *late) as stream:
        laser = opened(stream)
        with pytest.raises(DeviceTimeout):
            laser.on()


def test_a_strange_answer_to_a_command_is_refused():
    with talk(said("p 0.10000", "1"), FENCE, said("p 0.10000", "1")) as stream:
        laser = opened(stream)
        with pytest.raises(ProtocolError, match="'1' instead of OK"):
            laser.set_power(100)


def test_a_late_zero_is_never_taken_for_off():
    """The late answer 0 to an earlier question must not pass for "off" while the laser is on."""
    exchanges = [
        *ON,
        said("l?", "1"),
        said("ilk?", "0"),
        (b"f?\r", None),
        (b"sn?\r", None),
        (b"l0\r", b"0\r\n0\r\nOK\r\n"),
        FENCE,
        said("l?", "1"),
        said("l0", OK),
        said("l?", "0"),
    ]
    with talk(*exchanges) as stream:
        laser = opened(stream)
        laser.on()
        with pytest.raises(DeviceTimeout):
            laser.status()
        laser.off()
    assert any(b"caught up" in e.data for e in laser.transcript.entries() if e.direction == "n")


def test_an_answer_that_came_twice_is_never_taken_for_off():
    doubled = [(b"l?\r", b"1\r\n1\r\n"), FENCE, said("l?", "1"), (b"ilk?\r", b"0\r\n"), (None, b"0\r\n")]
    rest = [FENCE, *SAFE, said("pa?", "0.1"), said("@cobasks?", "1")]
    with talk(*ON, *doubled, *rest) as stream:
        laser = opened(stream)
        laser.on()
        assert laser.status().emitting


def test_a_question_whose_answer_is_damaged_is_asked_again():
    with talk(said("l?", "0"), (b"ilk?\r", b"\xff\r\n"), FENCE, *SAFE, *FACTS) as stream:
        assert opened(stream).status().interlock_closed


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
    with talk((b"l0\r", ConnectionLost("unplugged"))) as stream:
        laser = opened(stream)
        with pytest.raises(LaserMayBeOn, match="no such port"):
            laser.off()
        with pytest.raises(PortNotFound):
            laser.status()


BACK = [(b"l0\r", b"OK\r\n"), FENCE, *OFF, *LOW]


def test_a_port_that_comes_back_is_opened_by_the_next_operation_off_and_lowest_first():
    first = talk((b"l?\r", ConnectionLost("unplugged")))
    second = TranscriptStream([*BACK, said("l?", "0"), *SAFE, *FACTS])
    with first, second:
        laser = opened(first, second)
        with pytest.raises(ConnectionLost, match="unplugged"):
            laser.status()
        assert not laser.status().emitting
        with pytest.raises(ConnectionLost, match="set the power, then switch on again"):
            laser.on()


def test_a_laser_that_was_away_is_never_switched_on_with_another_power():
    first = talk(said("p 0.10000", OK), said("p?", "0.1"), (b"ilk?\r", ConnectionLost("unplugged")))
    second = TranscriptStream([*BACK, said("p 0.10000", OK), said("p?", "0.1")])
    with first, second:
        laser = opened(first, second)
        laser.set_power(100)
        for _ in range(2):
            with pytest.raises(ConnectionLost):
                laser.on()
        laser.set_power(100)


def test_off_that_opened_the_port_lowers_the_power_before_anything_else():
    first = talk((b"l0\r", ConnectionLost("unplugged")))
    second = TranscriptStream(
        [(b"l0\r", b"OK\r\n"), FENCE, said("l?", "0"), *OFF, *LOW, said("l?", "0"), *SAFE, *FACTS]
    )
    with first, second:
        laser = opened(first, second)
        laser.off()
        laser.status()


def test_another_laser_at_the_port_is_refused():
    first = talk((b"l?\r", ConnectionLost("unplugged")))
    second = TranscriptStream([(b"l0\r", b"OK\r\n"), said("sn?", "99")])
    third = TranscriptStream([*BACK, said("l?", "0"), *SAFE, *FACTS])
    with first, second, third:
        laser = opened(first, second, third)
        with pytest.raises(ConnectionLost):
            laser.status()
        with pytest.raises(ProtocolError, match="another device is here now, '99'"):
            laser.status()
        laser.status()


def test_a_latched_interlock_fault_is_cleared_when_somebody_switches_on():
    with talk(said("ilk?", "0"), said("f?", "3"), said("cf", OK), said("f?", "0"), *ON[2:]) as stream:
        opened(stream).on()


AUTO = [*SAFE, said("p?", "0.000000"), said("@cobas?", "1"), said("@cob1", OK)]


def test_autostart_goes_through_its_sequence():
    warming = [said("l?", "0"), said("gom?", "0"), *SAFE]
    with talk(*AUTO, *warming, said("l?", "1"), *SAFE, said("l?", "1")) as stream:
        opened(stream).on()


def test_autostart_that_waits_for_its_key_is_switched_off():
    with talk(*AUTO, said("l?", "0"), said("gom?", "1"), *OFF) as stream:
        laser = opened(stream)
        with pytest.raises(InterlockOpen, match="off and on again"):
            laser.on()


def test_autostart_that_takes_too_long_is_switched_off(monkeypatch):
    monkeypatch.setattr("instrument.drivers.cobolt_safety.SEQUENCE_S", 0.0)
    with talk(*AUTO, said("l?", "0"), said("gom?", "7"), *SAFE, *OFF) as stream:
        laser = opened(stream)
        with pytest.raises(DeviceNotReady, match="too long"):
            laser.on()


def test_a_laser_that_does_not_go_off_on_opening_is_shouted_about_and_let_go():
    stream = TranscriptStream([said("l0", OK), said("l?", "1")] * 100)
    with pytest.raises(LaserMayBeOn):
        opened(stream)
    with pytest.raises(ConnectionLost):
        stream.receive(1, wait_s=0)


@pytest.mark.parametrize(
    ("at", "answers"),
    [
        (2, [said("sn?", "0")]),
        (2, [said("sn?", "")]),
        (3, [said("glm?", "Laser")]),
        (5, [said("gmlp?", "0")]),
        (5, [said("gmlp?", "lots"), FENCE, said("gmlp?", "lots")]),
    ],
)
def test_something_else_at_the_port_is_refused(at, answers):
    with TranscriptStream([*OPENING[:at], *answers]) as stream, pytest.raises(ProtocolError):
        opened(stream)


def test_a_laser_that_never_says_its_serial_number_again_is_refused():
    with talk((b"l?\r", None), (b"sn?\r", b"67890\r\n" * 64)) as stream:
        laser = opened(stream)
        with pytest.raises(ProtocolError, match="not with its serial number"):
            laser.status()


def test_an_answer_without_end_is_refused():
    with talk((b"l?\r", b"1" * 300), (b"sn?\r", b"1" * 300), *[(None, b"1" * 300)] * 63) as stream:
        laser = opened(stream)
        with pytest.raises(ProtocolError, match="not with its serial number"):
            laser.status()
    assert any(b"longer than" in e.data for e in laser.transcript.entries() if e.direction == "n")


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
