"""``opioscan verify`` as people and programs use it: figures, due times, flags and the negative control."""

import os
import pty
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from instrument.config import bench_config
from instrument.errors import InstrumentError
from instrument.scan_plan import ScanPlan
from service.bench.device import Device

ROOT = Path(__file__).resolve().parents[3]

QUICK = ("--exposure", "1", "--accumulations", "1")


@pytest.fixture
def cli(manned, run_cli):
    """Return what runs the command in the home of the station: exit code, output, errors."""

    def cli(*arguments):
        ran = run_cli(*arguments, env={"OPIOSCAN_HOME": str(manned.settings.home)})
        return ran.code, ran.out, ran.err

    return cli


def test_a_failure_lists_and_flags_what_was_scanned_since_the_last_pass(rig, client, manned, quick, cli):
    rig.put("polystyrene")
    assert client.verify("b1", **quick)["passed"]
    rig.put("ibuprofen")
    doubtful = [client.scan("b1", f"DOUBT-{number}", **quick)["result_id"] for number in (1, 2)]
    rig.put("polystyrene")
    rig.drift(1.8)
    code, out, _ = cli("verify", "--device", "b1", *QUICK)
    rig.drift(0.0)
    assert (code, "2 results since" in out, "FAIL: take the instrument" in out) == (1, True, True)
    assert all(result in out for result in doubtful)
    (device,) = [one for one in client.status()["devices"] if one["name"] == "b1"]
    assert (device["verification"]["state"], device["verification"]["flagged"]["count"]) == ("failed", 2)
    page = httpx.get(client.address, timeout=20).text
    assert "The last verification of b1 failed; 2 results since" in page
    queued = {op.path: op.json for op in manned.outbox.pending()}
    sent = {op.op.path: op.op.json for op in manned.outbox.refused()} | queued
    told = [body for path, body in sent.items() if path.startswith("/flags/")]
    assert all(sorted(doubtful) == body["result_ids"] for body in told)
    rig.put("metamizole")
    alarm = client.scan("b1", "FAILED-ALARM", **quick)["identification"]
    assert (alarm["verdict"], alarm["components"][0]["substance"]) != ("no_alarm", "")
    assert {"verification_failed", "name_withheld"} <= set(alarm["reasons"])
    assert alarm["verdict"] == "alarm_class", "the alarm stays, its name is withheld"
    rig.put("polystyrene")
    assert client.verify("b1", **quick)["passed"]
    assert client.status()["devices"][0]["verification"]["state"] == "verified"


def test_a_negative_control_finds_what_was_left_behind(rig, client, quick, cli):
    rig.put("metamizole")
    code, out, _ = cli("verify", "--device", "b1", "--negative", *QUICK)
    assert (code, "this is not empty" in out) == (1, True)
    assert "etamizole" not in out
    assert client.status()["devices"][0]["verification"]["state"] == "failed"
    rig.control({"sample": None})
    answer = client.verify("b1", negative=True, **quick)
    assert (answer["passed"], answer["state"]) == (True, "verified")


def test_a_scan_of_something_else_has_no_verdict_and_changes_nothing(rig, client, quick, cli):
    before = client.status()["devices"][0]["verification"]
    rig.put("ibuprofen")
    code, out, _ = cli("verify", "--device", "b1", *QUICK)
    assert (code, "NO VERDICT" in out, "put polystyrene before the probe" in out) == (1, True, True)
    assert client.status()["devices"][0]["verification"] == before


def test_the_negative_control_is_offered_on_a_terminal(rig, client, manned):
    rig.put("polystyrene")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli.start", "verify", "--device", "b1", *QUICK],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OPIOSCAN_HOME": str(manned.settings.home),
            "TERM": "dumb",
        },
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # Linux's way to say that the other end of a pseudo-terminal is closed
        while select.select([ours], [], [], 30)[0] and (more := os.read(ours, 4096)):
            seen += more
            if b"eyewear, for this shift? [y/N]:" in seen:
                os.write(ours, b"y\n")
                seen = b""
            if b"Take the standard away" in seen and b"[y/N]:" in seen:
                rig.control({"sample": None})
                os.write(ours, b"y\n")
                seen = b""
    os.close(ours)
    out = process.communicate(timeout=20)[0].decode()
    assert process.returncode == 0, out + seen.decode()
    assert "PASS: the instrument is within its limits" in out
    assert "PASS: nothing is found where nothing is" in out
    assert client.status()["devices"][0]["verification"]["state"] == "verified"


def test_a_device_that_went_away_is_heard_of_when_it_is_back(tmp_path, program):
    """A real emulator ends and comes back at its port: nobody can tell whether it was switched off."""
    heard = []
    first = program("instrument.emulators", "obp", "--model", "STS", "--tcp", "0")
    address = first.about["address"]
    device = Device(
        bench_config(f"obp+tcp://{address}?model=STS&laser_nm=785", tmp_path / "devices.toml"),
        tmp_path,
        reconnected=lambda identity, words: heard.append((identity, words)),
    )
    with device.claimed():
        pass
    first.stop()
    plan = ScanPlan(accumulations=1, exposure_s=0.01)
    with pytest.raises(InstrumentError), device.claimed():
        device.take(plan, {})
    assert heard == []
    program("instrument.emulators", "obp", "--model", "STS", "--tcp", address.rpartition(":")[2])
    with device.claimed() as identity:
        assert [one for one, _ in heard] == [identity]
    with device.claimed():
        pass
    device.release()
    assert len(heard) == 1
