"""The IPS driver, by byte transcripts."""

import pytest

from instrument.drivers.ips import Ips, open_ips
from instrument.drivers.ips_link import quantity, read_error
from instrument.drivers.ips_power import PowerLine, power_line
from instrument.errors import (
    ConnectionLost,
    DeviceNotReady,
    DeviceRefused,
    DeviceTimeout,
    DeviceURLError,
    HardwareFault,
    LaserMayBeOn,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
)
from instrument.registry import DeviceURL
from instrument.testing import TranscriptStream


def said(question, answer):
    return (question.encode() + b"\n", answer.encode() + b"\r\n")


def told(command, answer='0,"No error"'):
    """A silent command, and the error asked for after it."""
    return [(command.encode() + b"\n", None), said("Error?", answer)]


IDN = said("*IDN?", "IPS, HPU, 4711, 785.1 nm, 2.3")


def twice(question, answer):
    """Bad news, which is asked for once more behind the fence."""
    return [said(question, answer), IDN, said(question, answer)]


DARK = [said("Laser:Enable?", "0"), said("Laser:Current?", "0.2 mA")]
OFF = [(b"Laser:Enable 0\n", None), *DARK]
LOW = [*told("Laser:Current 0"), said("Laser:Setpoint?", "0 mA")]
OPENING = [*OFF, IDN, said("Error?", '0,"No error"'), *LOW]
WELL = said("Status?", "3, 0")
WARM = [said("Laser:Temperature?", "30.1 C"), said("TEC:SETpoint?", "30.0 C")]
PLAIN = [said("Laser:Mode:Analog?", "0"), said("Laser:Mode:Digital?", "0")]
LINE = PowerLine(600.0, 300.0)


def set_to(milliamperes):
    return [*told(f"Laser:Current {milliamperes}"), said("Laser:Setpoint?", f"{milliamperes} mA")]


def before_on(milliamperes):
    return [WELL, *WARM, *PLAIN, said("Laser:Setpoint?", f"{milliamperes} mA")]


ON = [*set_to(200), *before_on(200), *told("Laser:Enable 1"), WELL, said("Laser:Enable?", "1")]
LIT = [*ON, said("Laser:Power?", "95.0 mW")]


def opened(*streams, line=LINE):
    """A laser whose port is opened once for each stream, and is not there afterwards."""
    ports = iter(streams)

    def open_stream(transcript):
        stream = next(ports, None)
        if stream is None:
            raise PortNotFound("no such port")
        stream.transcript = transcript
        return stream

    return Ips(open_stream, line, pause_s=0, timeout_s=0.1, off_deadline_s=0.3, url="visa://x")


def talk(*exchanges):
    """The opening, and then this conversation."""
    return TranscriptStream([*OPENING, *exchanges])


def test_opening_forces_off_reads_back_state_and_current_and_sets_no_current():
    with TranscriptStream(OPENING) as stream:
        laser = opened(stream)
    assert laser.info.model == "IPS HPU"
    assert laser.info.serial == "4711"
    assert laser.info.firmware == "2.3"
    assert not laser.info.emulated
    assert laser.wavelength_nm == 785.1
    assert laser.max_power_mw == 300.0


def test_old_errors_are_fetched_on_opening():
    old = [said("Error?", '-113,"Undefined header"'), said("Error?", '3014,"LOW"'), said("Error?", "0")]
    with TranscriptStream([*OFF, IDN, *old, *LOW]) as stream:
        opened(stream)


def test_a_queue_that_never_ends_is_refused():
    stream = TranscriptStream([*OFF, IDN, *[said("Error?", "-113")] * 32])
    with stream, pytest.raises(ProtocolError, match="more than 32 errors"):
        opened(stream)


@pytest.mark.parametrize(
    "answer",
    [
        "IPS, HPU, 4711, 785.1 nm",
        "Acme, HPU, 4711, 785.1 nm, 2.3",
        "IPS, HPU, , 785.1 nm, 2.3",
        "IPS, HPU, 4711, far, 2.3",
        "IPS, HPU, 4711, 9 nm, 2.3",
        "1",
    ],
)
def test_something_else_at_the_port_is_refused(answer):
    with TranscriptStream([*OFF, said("*IDN?", answer)]) as stream, pytest.raises(ProtocolError):
        opened(stream)


def test_power_is_set_by_current_and_the_current_read_back():
    with talk(*set_to(200)) as stream:
        opened(stream).set_power(100.0)


@pytest.mark.parametrize("power", [-0.1, 300.1, float("nan")])
def test_power_out_of_range_sends_nothing(power):
    with TranscriptStream(OPENING) as stream:
        laser = opened(stream)
        with pytest.raises(SettingOutOfRange):
            laser.set_power(power)


def test_another_current_than_asked_for_is_told():
    with talk(*told("Laser:Current 200"), *twice("Laser:Setpoint?", "250 mA"), *OFF, WELL) as stream:
        laser = opened(stream)
        with pytest.raises(DeviceRefused, match="is now 250 mA"):
            laser.set_power(100)
        with pytest.raises(DeviceRefused, match="did not take the power"):
            laser.on()


@pytest.mark.parametrize(
    ("code", "kind"), [('-224,"Illegal parameter value"', DeviceRefused), ("3014", HardwareFault)]
)
def test_a_refused_command_is_told_with_its_reason(code, kind):
    refused = [*told("Laser:Current 200", code), said("Error?", "0")]
    with talk(*refused) as stream:
        laser = opened(stream)
        with pytest.raises(kind, match=code.split(",")[0]):
            laser.set_power(100)


def test_on_reads_back_state_and_power():
    with talk(*LIT) as stream:
        laser = opened(stream)
        laser.set_power(100)
        laser.on()


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        (
            [said("Status?", "4, 1"), said("Error?", "3021,x"), said("Error?", "0")],
            HardwareFault,
            "set point",
        ),
        ([said("Status?", "5, 0")], DeviceNotReady, "boot loader"),
        ([said("Status?", "2, 0")], HardwareFault, "self-test"),
        ([said("Status?", "9, 0"), IDN, said("Status?", "9, 0")], ProtocolError, "no status"),
        ([WELL, said("Laser:Temperature?", "24 C"), WARM[1]], DeviceNotReady, "24 °C and still settling"),
        ([WELL, *WARM, said("Laser:Mode:Analog?", "1")], DeviceRefused, "modulation"),
        ([*before_on(0)[:-1], *twice("Laser:Setpoint?", "100 mA"), *OFF], DeviceRefused, "is now 100 mA"),
    ],
)
def test_on_is_not_tried_when_it_may_not_be(answers, kind, words):
    with talk(*answers) as stream:
        laser = opened(stream)
        with pytest.raises(kind, match=words):
            laser.on()


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        ([*told("Laser:Enable 1", "-200"), said("Error?", "0"), *OFF], DeviceRefused, "Laser:Enable 1"),
        (
            [*told("Laser:Enable 1"), WELL, *twice("Laser:Enable?", "0"), *OFF],
            DeviceRefused,
            "did not come on",
        ),
        ([*told("Laser:Enable 1"), said("Status?", "4, 0"), *OFF], HardwareFault, "fault"),
        (
            [*told("Laser:Enable 1"), WELL, said("Laser:Enable?", "1"), said("Laser:Power?", "6 mW"), *OFF],
            HardwareFault,
            "6 mW instead of 0",
        ),
        (
            [(b"Laser:Enable 1\n", None), (b"Error?\n", None), (b"Laser:Enable 0\n", b"0\n"), IDN, *DARK],
            DeviceTimeout,
            "no complete answer",
        ),
    ],
)
def test_a_failed_on_is_never_repeated_and_ends_off(answers, kind, words):
    with talk(*before_on(0), *answers) as stream:
        laser = opened(stream)
        with pytest.raises(kind, match=words):
            laser.on()


def test_off_is_believed_only_without_current():
    still = [(b"Laser:Enable 0\n", None), DARK[0], said("Laser:Current?", "180 mA")]
    on = [(b"Laser:Enable 0\n", None), said("Laser:Enable?", "1")]
    with talk(*still, *on, *OFF) as stream:
        opened(stream).off()


def test_a_laser_that_draws_current_is_shouted_about():
    still = [(b"Laser:Enable 0\n", None), DARK[0], said("Laser:Current?", "180 mA")]
    laser = opened(talk(*still * 50))
    with pytest.raises(LaserMayBeOn, match="still on.*cut its power"):
        laser.off()


@pytest.mark.parametrize("noise", [b"\xff\n", b"0\n0\n", b"ok\n", b"1.5\n"])
def test_off_gets_past_noise(noise):
    noisy = [(b"Laser:Enable 0\n", None), (b"Laser:Enable?\n", noise)]
    with talk(*noisy, (b"Laser:Enable 0\n", None), IDN, *DARK) as stream:
        opened(stream).off()


def test_status():
    on = [said("Laser:Enable?", "1"), WELL, WARM[0], said("Laser:Power?", "99.5 mW"), WARM[1]]
    off = [said("Laser:Enable?", "0"), WELL, said("Laser:Temperature?", "25.0"), WARM[1]]
    with talk(*LIT, *on, *OFF, *off) as stream:
        laser = opened(stream)
        laser.set_power(100)
        laser.on()
        lit = laser.status()
        laser.off()
        dark = laser.status()
    assert lit.emitting
    assert lit.interlock_closed
    assert lit.key_on is None
    assert lit.power_mw == 99.5
    assert lit.setpoint_mw == pytest.approx(100)
    assert lit.ready
    assert lit.temperatures_c == {"laser": 30.1}
    assert not dark.emitting
    assert not dark.ready


def test_a_fault_is_kept_until_the_board_is_well():
    def status(*state):
        return [said("Laser:Enable?", "0"), *state, *WARM]

    faulty = status(
        said("Status?", "4, 2"), said("Error?", "3021"), said("Error?", "-113"), said("Error?", "0")
    )
    broken = [said("Laser:Enable?", "0"), said("Status?", "4, 0"), WARM[0]]
    broken_first = [faulty[0], *faulty[1:5], WARM[0]]
    with talk(*broken_first, *broken, *status(WELL)) as stream:
        laser = opened(stream)
        faults = [laser.status().fault for _ in range(3)]
    assert faults == ["cooler: temperature away from its set point (3021)"] * 2 + [""]


def test_a_laser_that_came_on_by_itself_is_switched_off():
    with talk(said("Laser:Enable?", "1"), *OFF, *LOW, WELL) as stream:
        laser = opened(stream)
        status = laser.status()
        assert not status.emitting
        assert "by itself" in status.fault
        with pytest.raises(ConnectionLost, match="set the power"):
            laser.on()


SNAPSHOT = [
    WARM[1],
    WARM[0],
    said("Board:Temperature?", "31.5 C"),
    said("Board:Current?", "220 mA"),
    said("Laser:Monitor?", "0 mV"),
    said("Laser:Hours?", "12.5 h"),
    *PLAIN,
]


def test_settings():
    with talk(*SNAPSHOT) as stream:
        settings = opened(stream).settings()
    assert settings["power_line"] == {"max_ma": 600.0, "max_mw": 300.0, "threshold_ma": 0.0}
    assert settings["interlock"] == "cannot tell"
    assert settings["hours"] == 12.5
    assert settings["board_c"] == 31.5


def test_what_a_laser_does_not_tell_is_asked_once():
    unknown = [(b"Laser:Hours?\n", None), IDN, (b"Laser:Hours?\n", None), IDN]
    rest = [one for one in SNAPSHOT if one[0] != b"Laser:Hours?\n"]
    with talk(*SNAPSHOT[:5], *unknown, *PLAIN, *rest) as stream:
        laser = opened(stream)
        first, second = laser.settings(), laser.settings()
    assert first["hours"] is second["hours"] is None


BACK = [(b"Laser:Enable 0\n", None), IDN, *OFF, *LOW]


def test_a_port_that_comes_back_is_opened_by_the_next_operation_off_and_no_current_first():
    first = talk((b"Laser:Enable?\n", ConnectionLost("unplugged")))
    second = TranscriptStream([*BACK, DARK[0], WELL, *WARM, WELL])
    with first, second:
        laser = opened(first, second)
        with pytest.raises(ConnectionLost, match="unplugged"):
            laser.status()
        assert not laser.status().emitting
        with pytest.raises(ConnectionLost, match="set the power, then switch on again"):
            laser.on()


def test_another_laser_at_the_port_is_refused():
    first = talk((b"Laser:Enable?\n", ConnectionLost("unplugged")))
    second = TranscriptStream([BACK[0], said("*IDN?", "IPS, HPU, 4712, 785.1 nm, 2.3")])
    with first, second:
        laser = opened(first, second)
        with pytest.raises(ConnectionLost):
            laser.status()
        with pytest.raises(ProtocolError, match="another device is here now"):
            laser.status()
        with pytest.raises(PortNotFound):
            laser.status()


def test_a_setter_whose_answer_is_lost_is_repeated():
    lost = [(b"Laser:Current 200\n", None), (b"Error?\n", None), IDN]
    with talk(*lost, *set_to(200)) as stream:
        opened(stream).set_power(100)


def test_nothing_is_ever_written_to_flash():
    with talk(*LIT, *OFF, *SNAPSHOT) as stream:
        laser = opened(stream)
        laser.set_power(100)
        laser.on()
        laser.off()
        laser.settings()
    written = b"".join(entry.data for entry in laser.transcript.entries() if entry.direction == "w").lower()
    assert b"parameters" not in written
    assert b"calibrate" not in written


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("mA", "250 mA", 250.0),
        ("mA", "250ma", 250.0),
        ("mA", "-0.5", -0.5),
        ("", "0", 0.0),
        ("%", "10.0 %", 10.0),
    ],
)
def test_numbers_with_units(unit, text, value):
    assert quantity(unit)(text) == value


@pytest.mark.parametrize("text", ["250 mW", "mA", "", "1e5 mA", "250 mA mA", "nan mA", "25O mA", "1_0 mA"])
def test_numbers_with_other_units_are_refused(text):
    with pytest.raises(ProtocolError):
        quantity("mA")(text)


@pytest.mark.parametrize("text", ["", "x,1", "0 errors", '"0"', "1234567,x"])
def test_no_error_message(text):
    with pytest.raises(ProtocolError):
        read_error(text)


def test_the_power_line():
    line = PowerLine(600.0, 350.0, 60.0)
    assert line.current(0.0) == 0
    assert line.power(0.0) == line.power(60.0) == 0.0
    assert line.power(600.0) == 350.0
    for power in (0.1, 1.0, 99.9, 350.0):
        assert line.power(line.current(power)) <= power + 1e-9
        assert line.power(line.current(power) + 1) > power


def test_a_threshold_nobody_told_makes_less_light_never_more():
    true, told_line = PowerLine(600.0, 300.0, 60.0), PowerLine(600.0, 300.0)
    assert all(true.power(told_line.current(mw)) <= mw for mw in (1.0, 50.0, 150.0, 300.0))


URL = "visa://ASRL/dev/ttyACM9::INSTR?driver=ips"


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"{URL}&max_ma=600",
        f"{URL}&max_ma=600&max_mw=lots",
        f"{URL}&max_ma=600&max_mw=300&threshold_ma=600",
        f"{URL}&max_ma=0&max_mw=300",
        "visa://TCPIP0::h::1::SOCKET?driver=ips&max_ma=600&max_mw=300",
        "visa://GPIB0::1::INSTR?driver=ips&max_ma=600&max_mw=300",
    ],
)
def test_urls_that_do_not_say_enough(url):
    with pytest.raises(DeviceURLError):
        open_ips(DeviceURL.parse(url))


def test_a_url_that_says_enough_but_no_port():
    url = DeviceURL.parse(f"{URL}&max_ma=600&max_mw=300&threshold_ma=50")
    assert power_line(url) == PowerLine(600.0, 300.0, 50.0)
    with pytest.raises(PortNotFound, match="no such port"):
        open_ips(url)
