"""``opioscan scan`` as an officer and as a program use it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from service.bench.operations import result_id
from service.contract import Identification

ROOT = Path(__file__).resolve().parents[3]
QUICK = ("--exposure", "1", "--accumulations", "1")


@pytest.fixture
def scan(manned, run_cli):
    def run(*arguments: str):
        home = {"OPIOSCAN_HOME": str(manned.settings.home)}
        return run_cli("scan", "--device", "b1", *QUICK, *arguments, env=home)

    return run


@pytest.fixture
def at_terminal(manned):
    """Return a function that runs the command on a terminal and answers its questions."""

    def run(*arguments: str, answers: str, terminal: str = "dumb") -> tuple[int, str]:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli.start", "scan", "--device", "b1", *QUICK, *arguments],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "OPIOSCAN_HOME": str(manned.settings.home),
                "TERM": terminal,
            },
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        os.write(ours, answers.encode())
        out, _ = process.communicate(timeout=60)
        said = b""
        try:
            while piece := os.read(ours, 4096):
                said += piece
        except OSError:  # the end of a terminal whose other side is closed (Linux: EIO)
            os.close(ours)
        return process.returncode, (out + said).decode()

    return run


def test_a_program_gets_the_contract_on_one_line(rig, scan):
    rig.put("metamizole")
    done = scan("--parcel", "RR123456785GB", "--json", "--presentation", "direct")
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1
    answer = Identification.model_validate(json.loads(done.out))
    assert answer.verdict == "alarm_named"
    assert "nobody was asked about laser eyewear" in done.err
    assert "emulated device" in done.err
    assert f"result {result_id(answer.scan_id)}" in done.err


def test_an_officer_gets_a_panel_and_where_the_record_lies(rig, scan):
    rig.put("ibuprofen")
    done = scan("--parcel", "RR123456785GB", "--keep-open", "--spot", "2")
    assert done.code == 0, done.err
    assert "TRAINING" in done.out
    assert "Parcel RR123456785GB" in done.out
    assert "its screening is open" in done.out
    assert Path(done.out.split("Scan   ")[1].strip()).is_file()


def test_a_blank_is_taken_between_two_presses_of_enter(rig, scan, at_terminal, manned):
    rig.put("polyethylene")
    with manned.connect() as client:
        asked = "" if client.status()["eyewear_confirmed"] else "y\n"
    code, said = at_terminal("--parcel", "BAG", "--take-blank", answers=f"{asked}n\n\n\n")
    assert code == 0, said
    assert "EMPTY container" in said
    newest = [manned.archive.get(scan_id) for scan_id in manned.archive.scan_ids()]
    sample = next(scan for scan in newest if scan.item == "BAG")
    assert sample.presentation == "bag"
    assert manned.archive.get(sample.blank_id).name == "blank BAG"
    assert sample.settings["safety"] == {"asked_on": "terminal", "eyewear": True, "energetic": False}
    closed = scan("--parcel", "BAG", "--take-blank")
    assert (closed.code, "needs somebody" in closed.err) == (2, True)


def test_energetic_material_is_not_fired_at(rig, at_terminal):
    before = rig.lit()
    code, said = at_terminal("--parcel", "BOOM", answers="y\ny\n")
    assert code == 2, said
    assert "procedure for energetic material" in said
    assert not any(power for _, power in rig.lit()[len(before) :])


def test_a_terminal_shows_what_the_device_is_doing(rig, at_terminal, manned):
    rig.put("ibuprofen")
    with manned.connect() as client:
        asked = client.questions("b1", "STAGES")
    assert asked["ask_energetic"]
    answers = "y\nn\n" if asked["ask_eyewear"] else "n\n"
    code, said = at_terminal("--parcel", "STAGES", "--delay", "1.2", answers=answers, terminal="xterm")
    assert code == 0, said
    assert "scanning STAGES: countdown: 1 s" in said
