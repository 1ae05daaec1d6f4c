"""Scans with emulated instruments that share a light path: no Raman without laser, and no way out with it on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instrument.acquisition import ScanPlan, take_scan
from instrument.config import BenchConfig
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceRefused,
    DeviceURLError,
    InstrumentError,
    InterlockOpen,
    LaserMayBeOn,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
)
from instrument.exposure import peak_counts
from instrument.guardian import GuardedLaser
from instrument.interfaces import Spectrometer
from instrument.raman_bench import RamanBench, guardian_socket, split_transcript, start_bench_guardian
from instrument.registry import open_spectrometer
from instrument.transport.transcript import read_transcript
from spectra.values import Role

#: Changes of power in the log come before the laser's answer; this is scheduling, s.
SOON_S = 1.0


@dataclass
class Bench:
    """Emulated spectrometer and laser before a sample with three lines."""

    rig: Any
    detector: Any
    spectrometer: Spectrometer
    laser: GuardedLaser

    def scan(self, plan: ScanPlan, **options: Any) -> Any:
        return take_scan(self.spectrometer, self.laser, plan, **options)


def write_sample(path: Path) -> Path:
    axis = np.arange(150.0, 2400.0, 2.0)
    lines = sum(
        h * np.exp(-0.5 * ((axis - at) / 6.0) ** 2) for at, h in ((620, 0.4), (1001, 1.0), (1602, 0.5))
    )
    rows = "\n".join(f"{x:.1f},{y:.6f}" for x, y in zip(axis, lines + 0.02, strict=True))
    path.write_text(f"Raman shift (cm-1),Intensity\n{rows}\n")
    return path


@pytest.fixture
def start_detector(rig: Any, emulate: Callable[..., Any], short_dir: Path) -> Callable[..., Any]:
    def start(*options: str) -> Any:
        sample = write_sample(short_dir / "sample.csv")
        fixed = ("--light", str(rig.log), "--sample", str(sample), "--cosmic-rate", "0")
        return emulate("obp", *fixed, *options)

    return start


@pytest.fixture
def bench(rig: Any, laser: GuardedLaser, start_detector: Callable[..., Any]) -> Iterator[Bench]:
    detector = start_detector()
    spectrometer = open_spectrometer(obp_url(detector))
    yield Bench(rig, detector, spectrometer, laser)
    spectrometer.close()


def obp_url(detector: Any) -> str:
    return f"obp+serial://{detector.about['address']}?model=STS&baud=115200"


def after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def test_scan_sees_light_only_in_the_signal(bench: Bench) -> None:
    stages: list[tuple[str, float]] = []
    plan = ScanPlan(
        accumulations=2, exposure_s=0.2, power_mw=80.0, item="RR123456785CN", spot=2, laser_nm=784.9
    )
    scan = bench.scan(plan, progress=lambda stage, part: stages.append((stage, part)))
    assert not bench.rig.lit()
    assert scan.counts.shape == scan.dark.shape == (2, 1024)
    shift = 1e7 / 784.9 - 1e7 / scan.axis
    at_line = int(np.argmin(abs(shift - 1001.0)))
    assert scan.counts[:, at_line].mean() > scan.dark[:, at_line].mean() + 300
    assert abs(scan.dark[0] - scan.dark[1]).max() < 200
    assert (scan.item, scan.spot, scan.role, scan.laser_nm, scan.laser_mw) == (
        "RR123456785CN",
        2,
        Role.SAMPLE,
        784.9,
        80.0,
    )
    assert scan.settings["laser"]["setpoint_mw"] == pytest.approx(80.0)
    assert scan.settings["exposure_s"] == scan.exposure_s == 0.2
    assert scan.saturation_counts == 16383
    assert datetime.fromisoformat(scan.taken_at).utcoffset().total_seconds() == 0
    assert scan.aborted == ""
    assert stages == [
        ("signal", 0.0),
        ("signal", 0.5),
        ("signal", 1.0),
        ("dark", 0.0),
        ("dark", 0.5),
        ("dark", 1.0),
    ]


@pytest.mark.parametrize(("brightness", "reaches"), [(2.0, True), (40.0, True), (600.0, True), (0.01, False)])
def test_automatic_exposure(bench: Bench, brightness: float, reaches: bool) -> None:
    bench.detector.control(brightness=brightness)
    scan = bench.scan(ScanPlan(accumulations=1, exposure_max_s=0.6))
    share = peak_counts(scan.counts[0]) / scan.saturation_counts
    if reaches:
        assert 0.55 < share < 0.85
        assert not scan.saturated
    else:
        assert scan.exposure_s == 0.6
        assert share < 0.6


def test_stop_in_mid_exposure_turns_the_laser_off_at_once(bench: Bench) -> None:
    started = time.monotonic()
    with pytest.raises(AcquisitionAborted) as caught:
        bench.scan(ScanPlan(exposure_s=20.0), stop=after(2.0))
    assert caught.value.scan is None
    changes = bench.rig.changes()
    assert changes[-1][1] == 0.0
    assert any(mw > 0 for _, mw in changes)
    assert changes[-1][0] < started + 2.0 + SOON_S
    assert time.monotonic() < started + 6.0


def test_stopped_scan_is_a_record(bench: Bench) -> None:
    frames: list[str] = []
    with pytest.raises(AcquisitionAborted) as caught:
        bench.scan(
            ScanPlan(accumulations=5, exposure_s=0.05),
            stop=lambda: len(frames) > 1,
            progress=lambda stage, _: frames.append(stage),
        )
    scan = caught.value.scan
    assert scan is not None
    assert scan.counts.shape == (1, 1024)
    assert "stopped" in scan.aborted
    assert scan.dark is None
    assert not bench.rig.lit()


def test_stopped_in_the_dark_keeps_all_signal(bench: Bench) -> None:
    stages: list[str] = []
    with pytest.raises(AcquisitionAborted) as caught:
        bench.scan(
            ScanPlan(accumulations=2, exposure_s=0.05),
            stop=lambda: "dark" in stages,
            progress=lambda stage, _: stages.append(stage),
        )
    assert caught.value.scan is not None
    assert caught.value.scan.counts.shape == (2, 1024)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_any_exception_leaves_dark(bench: Bench, error: type[BaseException]) -> None:
    def fail(stage: str, fraction: float) -> None:
        if fraction == 0.5:
            assert bench.rig.lit()
            raise error

    with pytest.raises(error):
        bench.scan(ScanPlan(accumulations=2, exposure_s=0.05), progress=fail)
    assert not bench.rig.lit()


def in_mid_scan(act: Callable[[], object]) -> Callable[[str, float], None]:
    def progress(stage: str, fraction: float) -> None:
        if (stage, fraction) == ("signal", 0.5):
            act()

    return progress


def test_interlock_opened_in_mid_scan(bench: Bench) -> None:
    with pytest.raises(InterlockOpen) as caught:
        bench.scan(
            ScanPlan(accumulations=2, exposure_s=0.05),
            progress=in_mid_scan(lambda: bench.rig.program.control(interlock="open")),
        )
    assert caught.value.scan is not None
    with pytest.raises(InterlockOpen):
        bench.scan(ScanPlan(accumulations=2, exposure_s=0.05))


def test_laser_gone_dark_in_mid_scan(bench: Bench) -> None:
    def key() -> None:
        bench.rig.program.control(key="off")

    with pytest.raises(DeviceRefused, match="went off"):
        bench.scan(ScanPlan(accumulations=2, exposure_s=0.05), progress=in_mid_scan(key))


def test_guardian_killed_in_mid_scan(bench: Bench) -> None:
    pid = bench.rig.guardian_pid()
    with pytest.raises((ConnectionLost, DeviceRefused)):
        bench.scan(
            ScanPlan(accumulations=2, exposure_s=0.5),
            progress=in_mid_scan(lambda: os.kill(pid, signal.SIGKILL)),
        )
    assert not bench.rig.lit()
    assert bench.scan(ScanPlan(accumulations=1, exposure_s=0.05)).aborted == ""


def test_spectrometer_gone_in_mid_scan(bench: Bench) -> None:
    with pytest.raises(InstrumentError) as caught:
        bench.scan(
            ScanPlan(accumulations=2, exposure_s=0.05),
            progress=in_mid_scan(lambda: bench.detector.stop(signal.SIGKILL)),
        )
    assert not isinstance(caught.value, LaserMayBeOn)
    assert caught.value.scan is not None
    assert caught.value.scan.aborted
    assert not bench.rig.lit()


def test_vanished_laser_outranks_everything(bench: Bench) -> None:
    def vanish() -> None:
        bench.rig.vanish()
        bench.detector.stop(signal.SIGKILL)

    with pytest.raises(LaserMayBeOn) as caught:
        bench.scan(ScanPlan(accumulations=2, exposure_s=0.05), progress=in_mid_scan(vanish))
    assert caught.value.scan is not None
    assert "laser may be on" in caught.value.scan.aborted


def test_laser_rests_between_frames(bench: Bench) -> None:
    bench.scan(ScanPlan(accumulations=3, exposure_s=0.05, laser_on_max_s=6.1))
    assert sum(mw > 0 for _, mw in bench.rig.changes()) == 3
    with pytest.raises(SettingOutOfRange, match="may stay on"):
        bench.scan(ScanPlan(exposure_s=1.0, laser_on_max_s=6.1))


def test_without_a_laser_of_its_own(emulate: Callable[..., Any]) -> None:
    spectrometer = open_spectrometer(obp_url(emulate("obp")))
    try:
        scan = take_scan(spectrometer, None, ScanPlan(accumulations=1, exposure_s=0.05, laser_nm=785.0))
    finally:
        spectrometer.close()
    assert scan.dark is None
    assert (scan.laser_nm, scan.laser_mw) == (785.0, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"accumulations": 0},
        {"exposure_s": 0.0},
        {"exposure_max_s": 1e6},
        {"power_mw": 0.0},
        {"exposure_s": float("nan")},
    ],
)
def test_impossible_plans(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingOutOfRange):
        ScanPlan(**wrong)


def test_bench_from_its_configuration(rig: Any, start_detector: Callable[..., Any], short_dir: Path) -> None:
    url = obp_url(start_detector())
    config = BenchConfig("bench1", url, rig.url, 785.1, 60.0, emulated=True)
    rig.socket_path = guardian_socket(short_dir, rig.url)
    with RamanBench.open(config, short_dir) as bench:
        scan = bench.scan(bench.plan(accumulations=1, exposure_s=0.05))
        assert (scan.laser_nm, scan.laser_mw, scan.device.emulated) == (785.1, 60.0, True)
        first = bench.last_transcript
        parts = split_transcript(first)
        assert set(parts) == {"spectrometer", "laser"}
        assert b"l1\r" in {entry.data for entry in read_transcript(parts["laser"])}
        assert sum(len(entry.data) for entry in read_transcript(parts["spectrometer"])) > 4 * 1024
        with pytest.raises(AcquisitionAborted) as caught:
            bench.scan(bench.plan(accumulations=2, exposure_s=0.05), stop=lambda: rig.lit())
        assert bench.last_transcript != first
        assert caught.value.scan is None
        assert not rig.lit()
    bench.close()
    handle = start_bench_guardian(config, short_dir)
    assert handle is not None
    assert not handle.started


def test_bench_that_cannot_open_lets_go(rig: Any, short_dir: Path) -> None:
    config = BenchConfig("b", "obp+serial:///dev/none?model=STS", rig.url, 785.0, 60.0)
    rig.socket_path = guardian_socket(short_dir, rig.url)
    for _ in range(2):
        with pytest.raises(PortNotFound):
            RamanBench.open(config, short_dir)
    with pytest.raises(DeviceURLError, match="power_mw"):
        start_bench_guardian(BenchConfig("b", config.spectrometer, rig.url, 785.0, 0.0), short_dir)
    with suppress(PortNotFound):
        assert (
            start_bench_guardian(BenchConfig("b", config.spectrometer, None, 785.0, 0.0), short_dir) is None
        )


@pytest.mark.parametrize(
    "data", [b"no json\n", b'{"chain": 1}\n', b'{"source":"a"}\n{"source":"a"}\n', b"[]\n"]
)
def test_transcripts_that_are_none(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        split_transcript(data)
