import json
import os
import pty
import select
import subprocess
import sys
import time
from urllib.parse import quote

import pytest

from instrument.testing import running_emulator
from service.cli.start import run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def sts():
    with running_emulator("obp", "--pty") as info:
        yield f"obp+serial://{info['address']}?model=STS&baud=115200"


@pytest.fixture(scope="module")
def laser():
    with running_emulator("cobolt", "--pty") as info:
        yield f"cobolt+serial://{info['address']}?pause_ms=2"


@pytest.fixture
def devices(capsys):
    """Run the command; return exit code, output as JSON where asked for, and what stands on stderr."""

    def call(*arguments):
        code = run(["devices", *arguments])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out and "--json" in arguments else out, err

    return call


URL = "obp+serial:///dev/ttyUSB77?model=STS"


def test_list_before_anything_is_stored(devices):
    code, listed, err = devices("list", "--json", "--no-visa")
    assert (code, err) == (0, "")
    assert listed["devices"] == listed["visa_resources"] == []
    assert all({"path", "description", "hardware"} == set(port) for port in listed["serial_ports"])
    code, words, _ = devices("list")
    assert code == 0
    assert "Serial ports" in words
    assert "VISA resources" in words


def test_add_identifies_and_stores(devices, sts, laser, home):
    code, added, err = devices("add", "bench1", sts, "--laser", laser, "--power-mw", "50", "--json")
    assert (code, err) == (0, "")
    assert added["found"]["spectrometer"]["model"] == "STS"
    assert added["found"]["laser"]["wavelength_nm"] == added["laser_nm"] == 785.0
    assert added["found"]["laser"]["emitting"] is False
    assert added["emulated"] is True
    assert added["power_mw"] == 50
    assert (home / "devices.toml").is_file()
    code, shown, _ = devices("show", "bench1", "--json")
    assert code == 0
    assert {**shown, "found": None} == {**added, "found": None}
    code, words, _ = devices("show", "bench1", "--check")
    assert "EMULATED" in words
    assert "laser: 0785-08-01" in words
    assert devices("list", "--json", "--no-visa")[1]["devices"][0]["name"] == "bench1"


def test_add_without_looking(devices):
    code, words, _ = devices("add", "bench1", URL, "--no-check", "--laser-nm", "785")
    assert code == 0
    assert "Stored in" in words
    assert "785 nm, 100 mW" in words
    code, words, _ = devices("list", "--no-visa")
    assert "bench1: obp+serial:///dev/ttyUSB77?model=STS, 785 nm, 100 mW" in words


def test_a_url_that_says_it_all(devices):
    url = f"{URL}&laser={quote('cobolt+serial:///dev/ttyUSB78', safe='')}&laser_nm=785&power_mw=20&emulated=1"
    code, added, _ = devices("add", "bench1", url, "--no-check", "--json")
    assert code == 0
    assert added["laser"] == "cobolt+serial:///dev/ttyUSB78"
    assert added["power_mw"] == 20
    assert added["emulated"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["add", "b", URL], 3, "no such port"),
        (["add", "b", URL, "--no-check"], 2, "give --laser-nm"),
        (["add", "b", "nonsense", "--no-check"], 2, "not a device URL"),
        (["add", "b c", URL, "--no-check", "--laser-nm", "785"], 2, "a name is"),
        (["add", "b", URL, "--no-check", "--laser-nm", "5"], 2, "laser_nm"),
        (["add", "b", URL + "&laser_nm=532", "--no-check", "--laser-nm", "785"], 2, "different wavelengths"),
        (["show", "bench9"], 2, "no device 'bench9'"),
        (["show"], 2, "Missing argument"),
    ],
)
def test_one_clear_line_and_the_right_exit_code(devices, arguments, code, words):
    got, out, err = devices(*arguments)
    assert got == code
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


def test_more_power_than_the_laser_has(devices, sts, laser):
    code, _, err = devices("add", "b", sts, "--laser", laser, "--power-mw", "800")
    assert code == 2
    assert "more than the 500 mW" in err


def test_a_failed_add_stores_nothing(devices, home):
    assert devices("add", "b", URL)[0] == 3
    assert not (home / "devices.toml").exists()


def test_a_damaged_file_is_told(devices, home):
    (home / "devices.toml").write_text("[devices")
    code, _, err = devices("list", "--no-visa")
    assert code == 2
    assert "devices.toml" in err


def test_no_control_sequence_reaches_the_terminal(devices, home):
    (home / "devices.toml").write_text(
        f'[devices."\\u001b[31mred"]\nspectrometer = "{URL}"\nlaser_nm = 785.0\n'
    )
    _, words, _ = devices("list", "--no-visa")
    assert "\x1b" not in words


def test_find_says_what_answers(devices):
    with running_emulator("obp", "--pty") as sts, running_emulator("cobolt", "--pty") as cobolt:
        ports = ("--port", sts["address"], "--port", cobolt["address"], "--port", "/dev/none")
        code, listed, err = devices("find", *ports, "--json")
        assert (code, err) == (0, "")
        assert [(one["answered"], one.get("kind")) for one in listed["found"]] == [
            (True, "spectrometer"),
            (True, "laser"),
            (False, None),
        ]
        code, words, _ = devices("find", *ports)
        assert "spectrometer: STS, serial number EMU-STS" in words
        assert "/dev/none" in words


def test_add_without_a_url_pairs_what_is_there(devices, home):
    with running_emulator("obp", "--pty") as sts, running_emulator("cobolt", "--pty") as cobolt:
        ports = ("--port", sts["address"], "--port", cobolt["address"])
        code, added, err = devices("add", "bench1", *ports, "--json")
    assert (code, err) == (0, "")
    assert added["spectrometer"] == f"obp+serial://{sts['address']}?model=STS"
    assert added["laser"] == f"cobolt+serial://{cobolt['address']}"
    assert (added["laser_nm"], added["emulated"]) == (785.0, True)


def test_add_in_a_pipe_does_not_guess(devices):
    code, _, err = devices("add", "bench1", "--port", "/dev/none")
    assert code == 2
    assert "no spectrometer answered" in err
    with running_emulator("obp", "--pty") as one, running_emulator("obp", "--pty") as other:
        code, _, err = devices("add", "bench1", "--port", one["address"], "--port", other["address"])
    assert code == 2
    assert "more than one spectrometer" in err
    assert devices("find", "--host", "a b")[0] == 2


def test_add_on_a_terminal_lets_a_person_choose(home):
    with running_emulator("obp", "--pty") as one, running_emulator("obp", "--pty", "--seed", "7") as other:
        ports = ("--port", one["address"], "--port", other["address"])
        terminal = pexpect_like(["devices", "add", "bench1", *ports, "--laser-nm", "785"], home)
        said = terminal("2\n", until="Stored in")
    assert "1  STS, serial number EMU-STS-0000" in said
    assert (
        "EMU-STS-0007" in (home / "devices.toml").read_text()
        or other["address"] in (home / "devices.toml").read_text()
    )


def pexpect_like(arguments, home):
    """Run the command on a pseudo-terminal; return what answers its prompt and reads on."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "service.cli.start", *arguments]
    env = {**os.environ, "OPIOSCAN_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"}
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True)
    os.close(slave)

    def read_until(word, within_s=30.0):
        said, end = "", time.monotonic() + within_s
        while word not in said and time.monotonic() < end:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    said += os.read(master, 4096).decode("utf-8", "replace")
                except OSError:
                    break
        assert word in said, said
        return said

    def answer(text, *, until):
        said = read_until("Number")
        os.write(master, text.encode())
        said += read_until(until)
        assert process.wait(20) == 0
        os.close(master)
        return said

    return answer
