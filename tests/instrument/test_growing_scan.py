"""Scans that grow until they are enough, wait before they fire, or begin anew because a line saturates."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instrument.acquisition import FIRST_DARKS, ScanPlan, take_scan
from instrument.errors import AcquisitionAborted, SettingOutOfRange
from instrument.registry import open_laser, open_spectrometer
from spectra.values import Scan


@pytest.fixture
def bench(emulate: Callable[..., Any], short_dir: Path) -> Iterator[Any]:
    """An emulated spectrometer and laser on one light path, driven without a guardian."""
    axis = np.arange(150.0, 2400.0, 2.0)
    line = np.exp(-0.5 * ((axis - 1001.0) / 6.0) ** 2)
    sample = short_dir / "sample.csv"
    rows = "\n".join(f"{x:.1f},{y:.6f}" for x, y in zip(axis, line + 0.02, strict=True))
    sample.write_text(f"Raman shift (cm-1),Intensity\n{rows}\n")
    light = short_dir / "light"
    lamp = emulate("cobolt", "--light", str(light))
    detector = emulate("obp", "--light", str(light), "--sample", str(sample), "--cosmic-rate", "0")
    spectrometer = open_spectrometer(f"obp+serial://{detector.about['address']}?model=STS&baud=115200")
    laser = open_laser(f"cobolt+serial://{lamp.about['address']}?pause_ms=5")

    class Bench:
        def scan(self, plan: ScanPlan, **options: Any) -> Scan:
            return take_scan(spectrometer, laser, plan, **options)

        def lit(self) -> bool:
            return float(light.read_text().split()[-1]) > 0

        control = staticmethod(detector.control)

    yield Bench()
    laser.off()
    laser.close()
    spectrometer.close()


def test_stops_when_it_is_enough(bench: Any) -> None:
    seen: list[tuple[int, int]] = []

    def enough(scan: Scan) -> bool:
        assert scan.dark is not None
        assert not scan.aborted
        seen.append((len(scan.counts), len(scan.dark)))
        return len(scan.counts) == 4

    scan = bench.scan(ScanPlan(accumulations=10, exposure_s=0.02), enough=enough)
    assert seen == [(n, FIRST_DARKS) for n in (1, 2, 3, 4)]
    assert len(scan.counts) == len(scan.dark) == 4
    assert not bench.lit()


def test_ends_at_the_limit_and_never_has_fewer_darks_than_were_taken_first(bench: Any) -> None:
    scan = bench.scan(ScanPlan(accumulations=2, exposure_s=0.02), enough=lambda _: False)
    assert len(scan.counts) == len(scan.dark) == 2
    scan = bench.scan(ScanPlan(accumulations=9, exposure_s=0.02), enough=lambda _: True)
    assert (len(scan.counts), len(scan.dark)) == (1, FIRST_DARKS)


def test_first_darks_are_dark_though_the_probes_were_lit(bench: Any) -> None:
    scan = bench.scan(ScanPlan(accumulations=4, exposure_max_s=0.3), enough=lambda _: True)
    assert scan.counts.max() > 3 * scan.dark.max()


def test_a_rule_that_fails_leaves_dark(bench: Any) -> None:
    def enough(_: Scan) -> bool:
        assert bench.lit()
        raise RuntimeError("the rule broke")

    with pytest.raises(RuntimeError, match="the rule broke"):
        bench.scan(ScanPlan(accumulations=3, exposure_s=0.02), enough=enough)
    assert not bench.lit()


def test_countdown_fires_nothing_and_can_be_stopped(bench: Any) -> None:
    stages: list[str] = []

    def progress(stage: str, fraction: float) -> None:
        stages.append(stage)
        assert 0.0 <= fraction <= 1.0
        assert stage != "countdown" or not bench.lit()

    started = time.monotonic()
    bench.scan(ScanPlan(accumulations=1, exposure_s=0.02, countdown_s=0.3), progress=progress)
    assert time.monotonic() - started > 0.3
    assert stages[0] == "countdown"
    stages.clear()
    with pytest.raises(AcquisitionAborted) as caught:
        bench.scan(
            ScanPlan(accumulations=1, exposure_s=0.02, countdown_s=60.0),
            progress=progress,
            stop=lambda: len(stages) > 2,
        )
    assert caught.value.scan is None
    assert set(stages) == {"countdown"}
    with pytest.raises(SettingOutOfRange, match="countdown"):
        ScanPlan(countdown_s=-1.0)


def test_a_line_that_saturates_later_begins_the_frames_anew(bench: Any) -> None:
    def brighten(stage: str, fraction: float) -> None:
        if (stage, fraction) == ("signal", 0.5) and not brightened:
            brightened.append(True)
            bench.control(brightness=3.0)

    brightened: list[bool] = []
    scan = bench.scan(ScanPlan(accumulations=2, exposure_max_s=2.0), progress=brighten)
    (given_up, *more) = scan.settings["restarted"]
    assert given_up == {"exposure_s": pytest.approx(2 ** len([given_up, *more]) * scan.exposure_s)} | {
        "frames": 2,
        "why": "saturated",
    }
    assert len(scan.counts) == len(scan.dark) == 2
    assert not scan.saturated


def test_an_exposure_somebody_asked_for_is_kept(bench: Any) -> None:
    bench.control(brightness=500.0)
    scan = bench.scan(ScanPlan(accumulations=1, exposure_s=0.5))
    assert scan.saturated
    assert scan.exposure_s == 0.5
