"""Stopping: by Ctrl-C, by signal, by a client that is gone, and when the laser cannot be read back."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from instrument.errors import AcquisitionAborted, LaserMayBeOn
from service.bench.refusals import DeviceBusy

#: Two seconds of the emulator's fast clock for each frame: time enough to stop in.
LONG = {"exposure_s": 40.0, "accumulations": 3}


class Firing:
    """A scan under way, asked for in a thread."""

    def __init__(self, station, item: str) -> None:
        self.client = station.connect()
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, args=(item,))
        self.thread.start()
        station.rig.wait_on()

    def _run(self, item: str) -> None:
        with self.client:
            try:
                self.client.scan("b1", item, **LONG)
            except Exception as error:
                self.error = error

    def ended(self) -> Exception | None:
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.error


def cli(station, *arguments: str, ignoring: bool = False) -> "subprocess.Popen[str]":
    root = Path(__file__).resolve().parents[3]
    # As a shell starts what ends in "&": with SIGINT ignored.
    shell = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"] if ignoring else []
    return subprocess.Popen(
        [*shell, sys.executable, "-m", "service.cli.start", *arguments],
        env={**os.environ, "PYTHONPATH": str(root), "OPIOSCAN_HOME": str(station.settings.home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("ignoring", [False, True])
def test_ctrl_c_turns_the_laser_off_and_ends_within_two_seconds(rig, manned, ignoring):
    asked = ("scan", "--device", "b1", "--parcel", "CTRL-C", "--exposure", "40")
    process = cli(manned, *asked, ignoring=ignoring)
    rig.wait_on(30)
    pressed, since = time.monotonic(), time.monotonic_ns()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert time.monotonic() - pressed < 2.0
    assert process.returncode == 130
    assert "Ctrl-C" in err
    assert not rig.is_on
    assert rig.dark_within(2.0, since_ns=since) <= 2.0
    with manned.connect() as client:
        assert client.status()["devices"][0]["busy"] is False


def test_a_busy_device_says_so_and_an_abort_stops_it(rig, manned):
    firing = Firing(manned, "BUSY")
    with manned.connect() as client:
        with pytest.raises(DeviceBusy):
            client.scan("b1", "OTHER", **LONG)
        card = json.loads(manned.settings.bench_file.read_text())
        answer = httpx.post(
            f"{card['address']}/bench/v1/verify",
            json={"device": "b1"},
            headers={"Authorization": f"Bearer {card['token']}"},
        )
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "device_busy"
        assert client.status()["devices"][0]["stage"]
        assert client.abort() == {"stopped": ["b1"], "laser": "off"}
        assert not rig.is_on
        assert client.abort() == {"stopped": [], "laser": "off"}
    assert isinstance(firing.ended(), AcquisitionAborted)


def test_a_scan_nobody_waits_for_is_stopped(rig, manned, client):
    card = json.loads(manned.settings.bench_file.read_text())
    headers = {"Authorization": f"Bearer {card['token']}"}
    with httpx.Client(headers=headers, timeout=2.0) as http, pytest.raises(httpx.ReadTimeout):
        http.post(f"{card['address']}/bench/v1/scans", json={"device": "b1", "item": "GONE", **LONG})
    assert rig.dark_within(2.0, since_ns=time.monotonic_ns()) <= 2.0
    with manned.connect() as client:
        deadline = time.monotonic() + 5
        while client.status()["devices"][0]["busy"] and time.monotonic() < deadline:
            time.sleep(0.02)
        assert client.status()["devices"][0]["busy"] is False


def test_a_terminated_agent_is_gone_within_two_seconds_with_the_laser_off(rig, manned):
    firing = Firing(manned, "SIGTERM")
    asked, since = time.monotonic(), time.monotonic_ns()
    firing.client.stop_agent()
    assert time.monotonic() - asked < 2.0
    assert not rig.is_on
    assert rig.dark_within(2.0, since_ns=since) <= 2.0
    assert firing.ended() is not None
    assert not manned.settings.bench_file.exists()


def test_a_laser_that_cannot_be_read_back_is_shouted(
    samples, prepared, opioscan_home, make_rig, make_station
):
    rig = make_rig()
    station = make_station(opioscan_home, rig)
    agent = cli(station, "bench", "--json")
    where = json.loads(agent.stdout.readline())
    with station.connect() as client:
        assert client.address == where["address"]
        form = re.search(r'name="form_token" value="([^"]+)"', httpx.get(where["address"] + "/").text).group(
            1
        )
        firing = Firing(station, "LOST")
        rig.laser.stop(signal.SIGKILL)
        assert isinstance(firing.ended(), LaserMayBeOn)
        assert client.status()["laser_alarm"]
        with pytest.raises(LaserMayBeOn):
            client.scan("b1", "NEXT", **LONG)
        page = httpx.get(where["address"] + "/")
        assert page.status_code == 503
        assert "THE LASER MAY BE ON" in page.text
        assert '<form method="post" action="/screen"' not in page.text
        origin = {"Origin": where["address"]}
        assert (
            "THE LASER MAY BE ON"
            in httpx.post(where["address"] + "/laser-check", headers=origin, timeout=30).text
        )
        assert (
            "THE LASER MAY BE ON"
            in httpx.post(where["address"] + "/screen", data={"device": "b1"}, headers=origin).text
        )
        opening = {"form_token": form, "item": "WHILE-RED"}
        opened = httpx.post(where["address"] + "/drops/open", data=opening, headers=origin)
        assert (opened.status_code, "THE LASER MAY BE ON" in opened.text) == (503, True)
        assert "WHILE-RED" not in client.status()["open_screenings"]
    scanned = cli(station, "scan", "--device", "b1", "--parcel", "CLI")
    _, err = scanned.communicate(timeout=60)
    assert scanned.returncode == 6
    assert "THE LASER MAY BE ON" in err
    agent.send_signal(signal.SIGTERM)
    agent.communicate(timeout=10)
    assert agent.returncode == 6
