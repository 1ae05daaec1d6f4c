"""Scans of calibration lamps: the laser stays off, whatever was said or set, and the record says so."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instrument.acquisition import LightSource, ScanPlan, take_scan
from instrument.config import BenchConfig
from instrument.errors import AcquisitionAborted, LaserMayBeOn
from instrument.exposure import find_exposure, is_saturated, lamp_peak, peak_counts
from instrument.guardian import GuardedLaser, stop_guardian
from instrument.raman_bench import RamanBench, guardian_socket
from instrument.registry import open_spectrometer
from spectra.values import Role

LAMP = {"light": LightSource.OFF, "role": Role.CALIBRATION, "name": "neon lamp"}


@pytest.fixture
def detector(rig: Any, emulate: Callable[..., Any]) -> Any:
    return emulate("obp", "--light", str(rig.log), "--cosmic-rate", "0", "--lamp", "neon")


def url_of(detector: Any) -> str:
    return f"obp+serial://{detector.about['address']}?model=STS&baud=115200"


@pytest.fixture
def spectrometer(detector: Any) -> Iterator[Any]:
    opened = open_spectrometer(url_of(detector))
    yield opened
    opened.close()


def fired(rig: Any) -> bool:
    return any(power > 0 for _, power in rig.changes())


def test_a_lamp_is_measured_with_the_laser_off(rig: Any, laser: GuardedLaser, spectrometer: Any) -> None:
    scan = take_scan(spectrometer, laser, ScanPlan(accumulations=3, laser_nm=784.9, **LAMP))
    assert not fired(rig)
    assert scan.counts.shape == (3, 1024)
    assert scan.dark is None
    assert (scan.role, scan.name, scan.laser_mw, scan.laser_nm) == (
        Role.CALIBRATION,
        "neon lamp",
        None,
        784.9,
    )
    assert scan.settings["light"] == "off"
    assert scan.settings["laser"]["held_off"] is True
    # The brightest pixel, not the median of three, stands where a powder's line would.
    assert 0.55 < scan.counts.max() / scan.saturation_counts < 0.9
    assert not scan.saturated


def test_neither_interlock_nor_the_laser_s_time_matter_without_light(
    rig: Any, laser: GuardedLaser, spectrometer: Any
) -> None:
    rig.program.control(interlock="open")
    plan = ScanPlan(accumulations=1, exposure_s=0.3, laser_on_max_s=6.1, **LAMP)
    assert take_scan(spectrometer, laser, plan).exposure_s == 0.3
    with pytest.raises(AcquisitionAborted):
        take_scan(spectrometer, laser, ScanPlan(exposure_s=5.0, **LAMP), stop=lambda: True)
    assert not fired(rig)


def test_a_laser_that_comes_on_meanwhile_is_shouted_about(rig: Any, spectrometer: Any, laser: Any) -> None:
    def switch_on(stage: str, fraction: float) -> None:
        if (stage, fraction) == ("signal", 0.0):
            laser.confirm(eyewear=None, energetic=None, asked_on="nobody")
            laser.on()

    plan = ScanPlan(accumulations=1, exposure_s=0.05, **LAMP)
    with pytest.raises(LaserMayBeOn, match="without it"):
        take_scan(spectrometer, laser, plan, progress=switch_on)
    assert not rig.lit()


def test_a_bench_asks_its_guardian_for_nothing(rig: Any, detector: Any, short_dir: Path) -> None:
    config = BenchConfig("bench1", url_of(detector), rig.url, 785.1, 60.0, emulated=True)
    rig.socket_path = guardian_socket(short_dir, rig.url)
    with RamanBench.open(config, short_dir) as bench:
        # Eyewear that is missing forbids the laser; here there is none.
        safety = {"asked_on": "terminal", "eyewear": False, "energetic": None}
        scan = bench.scan(bench.plan(accumulations=1, **LAMP), safety=safety)
    assert scan.device.emulated
    assert scan.transcript_sha256
    assert not fired(rig)


def test_a_unit_gives_frames_while_its_own_laser_stays_off(emulate: Any, short_dir: Path) -> None:
    log = short_dir / "own"
    unit = emulate("obp", "--model", "VENTANA", "--lamp", "argon", "--cosmic-rate", "0", "--light", str(log))
    url = f"obp+serial://{unit.about['address']}?model=VENTANA&baud=115200"
    config = BenchConfig("v1", url, None, 785.0, 60.0, emulated=True)
    assert config.owned_url is not None
    try:
        with RamanBench.open(config, short_dir) as bench:
            scan = bench.scan(bench.plan(accumulations=1, exposure_s=0.05, **LAMP))
    finally:
        stop_guardian(guardian_socket(short_dir, config.owned_url), timeout_s=3.0)
    assert scan.counts.max() > 3000
    assert (scan.dark, scan.laser_mw) == (None, None)
    assert {line.split()[1] for line in log.read_text().splitlines()} == {"0"}


def test_the_brightest_pixel_counts_for_lines_of_three() -> None:
    frame = np.full(100, 600.0)
    frame[49:52] = (9000.0, 16383.0, 9000.0)
    assert (peak_counts(frame), lamp_peak(frame)) == (9000.0, 16383.0)
    assert is_saturated(frame, 16383.0, lamp_peak)
    assert not is_saturated(frame, 16383.0)

    def probe(exposure_s: float) -> np.ndarray:
        return np.minimum(600.0 + (frame - 600.0) * exposure_s, 16383.0)

    found = find_exposure(probe, saturation_counts=16383.0, low_s=0.001, high_s=10.0, peak=lamp_peak)
    assert 0.6 <= lamp_peak(probe(found)) / 16383.0 <= 0.8
