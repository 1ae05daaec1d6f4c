"""That a laser may be on is never swallowed: heard of without a scan, shown, and cleared when it was read back."""

import json
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from instrument.config import BenchConfig
from instrument.errors import InstrumentError, LaserMayBeOn
from instrument.guardian import GuardedLaser, State
from instrument.guardian.link import Link
from instrument.raman_bench import guardian_socket, start_bench_guardian
from instrument.scan_plan import ScanPlan
from instrument.testing import running_emulator
from service.bench import lights
from service.bench.device import Device
from service.bench.status import facts_of

SAFETY = {"safety": {"asked_on": "nobody", "eyewear": False, "energetic": None}}


class Pair:
    """An emulated laser and spectrometer that share a light path."""

    def __init__(self, folder: Path, laser: dict[str, Any], spectrometer: dict[str, Any]) -> None:
        self.folder, self.laser = folder, laser
        self.config = BenchConfig(
            name="b1",
            spectrometer=f"obp+serial://{spectrometer['address']}?model=STS&baud=115200",
            laser=f"cobolt+serial://{laser['address']}?pause_ms=2",
            laser_nm=785.0,
            emulated=True,
            warning_s=0.2,
        )
        self.socket_path = guardian_socket(folder, str(self.config.laser))

    def tell(self, **message: Any) -> None:
        with closing(socket.socket(socket.AF_UNIX)) as sock, sock.makefile("rw") as lines:
            sock.settimeout(5)
            sock.connect(self.laser["control"])
            lines.write(json.dumps(message) + "\n")
            lines.flush()
            assert "error" not in json.loads(lines.readline())

    def lit(self) -> bool:
        lines = Path(self.laser["light"]).read_text().splitlines()
        return bool(lines) and float(lines[-1].split()[1]) > 0


def wait_until(true: Callable[[], object], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="p") as name:
        folder = Path(name)
        light = ("--light", str(folder / "light"))
        with (
            running_emulator(
                *("cobolt", *light, "--control", str(folder / "ctl"), "--link", str(folder / "laser"))
            ) as laser,
            running_emulator("obp", "--model", "STS", *light, "--speed", "10") as spectrometer,
        ):
            yield Pair(folder, laser, spectrometer)


@pytest.fixture
def device(pair: Pair) -> Iterator[Device]:
    device = Device(pair.config, pair.folder)
    yield device
    pair.tell(stuck=False, faults="", interlock="closed", fault=0)
    device.release()
    if pair.socket_path.exists():
        with suppress(InstrumentError, ProcessLookupError), closing(Link(pair.socket_path)) as link:
            hello = link.request("hello", timeout_s=5)
            os.kill(hello["relief"], signal.SIGKILL)
            os.kill(hello["pid"], signal.SIGKILL)


def test_a_scan_tells_its_stages_and_its_laser(pair: Pair, device: Device) -> None:
    assert device.laser_state is None
    assert facts_of(device)["laser_state"] == ""
    seen = set()
    with device.claimed() as identity:
        assert identity.startswith("STS/")

        def enough(scan: Any) -> bool:
            seen.add(facts_of(device)["laser_state"])
            return True

        taken = device.take(ScanPlan(accumulations=2, exposure_s=0.5), SAFETY, enough=enough)
    assert taken.original is None
    assert taken.transcript
    assert taken.scan.settings["safety"] == SAFETY["safety"]
    assert "on" in seen
    wait_until(lambda: device.laser_state.state is State.OFF)
    assert (device.stage, device.laser_alarm) == ("", "")
    assert not pair.lit()


def test_a_stop_during_the_warning_fires_nothing(pair: Pair) -> None:
    from dataclasses import replace

    patient = Device(replace(pair.config, warning_s=4.0), pair.folder)
    before = Path(pair.laser["light"]).read_text()
    begun = time.monotonic()

    def stop() -> bool:
        return patient.stage.startswith("warning")

    with pytest.raises(InstrumentError, match="warning"), patient.claimed(stop):
        patient.take(ScanPlan(accumulations=1, exposure_s=0.1), SAFETY)
    assert time.monotonic() - begun < 6.0
    assert Path(pair.laser["light"]).read_text() == before
    patient.release()


def test_an_alarm_without_a_scan_is_heard_and_cleared(pair: Pair, device: Device) -> None:
    device.force_off()
    assert lights.alarm([device]) == ""
    # Another program of this machine uses the laser, and loses it.
    laser = GuardedLaser(start_bench_guardian(pair.config, pair.folder))
    laser.confirm(eyewear=None, energetic=None, asked_on="nobody")
    laser.on()
    wait_until(lambda: device.laser_state.state is State.ON)
    lost_at = time.monotonic()
    pair.tell(once="disconnect:1.0", on="any")
    wait_until(lambda: device.laser_alarm)
    assert time.monotonic() - lost_at < 2.0
    assert lights.unverified([device])
    assert "b1: " in lights.alarm([device])
    assert facts_of(device)["laser_may_be_on"]
    wait_until(lambda: not device.laser_alarm)
    assert not lights.unverified([device])
    laser.close()


def test_a_laser_that_does_not_go_off_stays_an_alarm(pair: Pair, device: Device) -> None:
    def stick(scan: Any) -> bool:
        pair.tell(stuck=True)
        return False

    with pytest.raises(LaserMayBeOn), device.claimed():
        device.take(ScanPlan(accumulations=3, exposure_s=0.3), SAFETY, enough=stick)
    assert device.laser_alarm
    stopped, failure = lights.stop_all([device])
    assert (stopped, type(failure)) == ([], LaserMayBeOn)
    with pytest.raises(LaserMayBeOn):
        lights.check_off([device])
    with pytest.raises(LaserMayBeOn), device.claimed():
        pass
    device.close()
    assert device.laser_alarm
    pair.tell(stuck=False)
    wait_until(lambda: not device.laser_alarm)
    lights.check_off([device])
    with device.claimed():
        pass
    assert lights.stop_all([device]) == ([], None)


def test_an_agent_that_ends_with_a_laser_unverified_knows_it(pair: Pair, device: Device) -> None:
    with device.claimed():
        bench = device._ports.bench
        bench.laser.confirm(eyewear=None, energetic=None, asked_on="nobody")
        bench.laser.on()
        wait_until(lambda: device.laser_state.state is State.ON)
        pair.tell(stuck=True)
    device.release()
    assert device.laser_alarm
    assert lights.unverified([device])
    pair.tell(stuck=False)
    wait_until(lambda: not pair.lit())
    device.force_off()
    assert not device.laser_alarm


def test_a_laser_that_is_not_plugged_in_is_no_alarm(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="n") as name:
        config = BenchConfig("n", "obp+serial:///dev/none?model=STS", "cobolt+serial:///dev/none1", 785.0)
        device = Device(config, Path(name))
        lights.force_off([device])
        wait_until(lambda: device.laser_state is not None)
        assert device.laser_state.state is State.UNREACHABLE
        assert device.laser_alarm == ""
        assert facts_of(device)["trouble"]
        device.release()


def test_a_device_without_a_laser_of_ours(tmp_path: Path) -> None:
    config = BenchConfig("x", "obp+serial:///dev/none?model=STS", None, 785.0)
    device = Device(config, tmp_path)
    lights.force_off([device])
    assert not device.has_laser
    with pytest.raises(InstrumentError), device.claimed():
        pass
    assert device.laser_state is None
    device.release()
