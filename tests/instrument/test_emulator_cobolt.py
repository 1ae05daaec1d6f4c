import pytest
import serial

from instrument.emulators.cobolt import CoboltDialect
from instrument.emulators.cobolt_laser import MAX_POWER_MW, CoboltLaser
from instrument.emulators.light import LightLog
from instrument.emulators.scene import SceneError


@pytest.fixture
def laser():
    log = LightLog(None)
    yield CoboltLaser("T-1", log)
    log.close()


def answers(laser, *lines):
    dialect = CoboltDialect(laser)
    return [dialect.answer(line) for line in lines]


def test_switching_on_and_off_is_read_back(laser):
    assert answers(laser, "?", "l?", "p 0.02", "l1", "l?", "gom?", "p?") == [
        "OK",
        "0",
        "OK",
        "OK",
        "1",
        "2",
        "0.020000",
    ]
    measured = float(answers(laser, "pa?")[0])
    assert measured == pytest.approx(0.02, rel=0.05)
    assert answers(laser, "l0", "l?", "gom?", "pa?") == ["OK", "0", "0", "0.000000"]


def test_identity_and_limits(laser):
    assert answers(laser, "sn?", "gsn?", "glm?", "gmlp?") == ["T-1", "T-1", "0785-08-01-0500-100", "500.0"]
    for line in ("gfv?", "gfd?", "gcn?", "hrs?", "rbpt?", "rtect?", "gmlc?", "glc?", "i?", "rlc?", "@cobas?"):
        assert not answers(laser, line)[0].startswith("Syntax error")


@pytest.mark.parametrize(
    "line", ["p 0.6", "p -1", "p nan", "p x", "slc 9999", "@cobas 3", "nonsense", "l1 1", "p", ""]
)
def test_what_it_does_not_do_is_a_syntax_error(laser, line):
    assert answers(laser, line)[0].startswith("Syntax error")
    assert laser.setpoint_mw == 50.0


def test_interlock_puts_it_off_and_latches_a_fault(laser):
    answers(laser, "l1")
    laser.control({"interlock": "open"})
    assert answers(laser, "l?", "ilk?", "f?", "gom?") == ["0", "1", "3", "5"]
    assert answers(laser, "l1")[0].startswith("Syntax error")
    assert answers(laser, "cf", "f?") == ["OK", "3"]
    laser.control({"interlock": "closed"})
    assert answers(laser, "l1")[0].startswith("Syntax error")
    assert answers(laser, "cf", "f?", "ilk?", "l1", "l?") == ["OK", "0", "0", "OK", "1"]


def test_autostart_waits_for_the_key(laser):
    laser.control({"key": "off"})
    assert answers(laser, "@cobasks?", "@cob1", "l?", "gom?") == ["0", "OK", "0", "1"]
    laser.control({"key": "on"})
    assert answers(laser, "l?", "@cob0", "l?") == ["1", "OK", "0"]
    assert answers(laser, "@cobas 1", "@cobas?", "l1") == ["OK", "1", "Syntax error: not allowed"]
    laser.control({"key": "off"})
    assert answers(laser, "@cob1", "l0", "gom?") == ["OK", "OK", "0"]


def test_modes_and_faults(laser):
    answers(laser, "l1", "ci", "slc 600")
    assert laser.power_mw == pytest.approx(MAX_POWER_MW / 2)
    assert answers(laser, "ra?", "em", "gom?", "cp", "ra?") == [
        "0 0 0 0 0 0 0 0",
        "OK",
        "4",
        "OK",
        "0 0 0 0 0 0 0 1",
    ]
    laser.control({"fault": 1})
    assert answers(laser, "f?", "l?", "cf", "f?") == ["1", "0", "OK", "0"]


def test_a_stuck_laser_stays_on_until_the_key_is_turned(laser):
    answers(laser, "l1")
    laser.control({"stuck": True})
    assert answers(laser, "l0", "l?") == ["OK", "1"]
    assert laser.state()["power_mw"] == 50.0
    laser.control({"key": "off"})
    assert answers(laser, "l?") == ["0"]
    laser.control({"stuck": False})


@pytest.mark.parametrize(
    "message",
    [{"interlock": "ajar"}, {"key": 1}, {"stuck": "x"}, {"fault": 2}, {"fault": []}, {"interlock": []}],
)
def test_control_refuses_other_words(laser, message):
    with pytest.raises(SceneError):
        laser.control(message)


def test_the_program_logs_its_light_before_it_answers(emulate, tmp_path):
    log = tmp_path / "light"
    program = emulate("cobolt", "--pty", "--light", str(log), "--seed", "3")
    assert program.about["emulated"] is True
    assert program.about["light"] == str(log)

    def powers():
        return [float(line.split()[1]) for line in log.read_text().splitlines()]

    assert powers() == [0.0]
    with serial.Serial(program.about["address"], 115200, timeout=5, exclusive=True) as port:

        def ask(line: bytes) -> bytes:
            port.write(line)
            return port.read_until(b"\r\n")

        assert ask(b"p 0.1\r") == b"OK\r\n"
        assert ask(b"l1\r\n") == b"OK\r\n"
        assert powers() == [0.0, 100.0]
        assert ask(b"p 0.12\n") == b"OK\r\n"
        assert powers() == [0.0, 100.0, 120.0]
        state = program.control(interlock="open")
        assert (state["enabled"], state["fault"]) == (False, 3)
        assert powers()[-1] == 0.0
        program.control(interlock="closed")
        assert ask(b"cf\r") + ask(b"l1\r") == b"OK\r\nOK\r\n"
        assert ask(b"A" * 300).startswith(b"Syntax error")
        assert ask(b"\rl?\r") == b"1\r\n"
    program.stop()
    assert program.process.returncode == 0
    assert powers()[-1] == 0.0
    times = [int(line.split()[0]) for line in log.read_text().splitlines()]
    assert times == sorted(times)
