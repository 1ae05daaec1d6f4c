"""A spectrometer that contains its laser, behind its guardian: nothing of it is reached past the guardian."""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instrument.config import BenchConfig
from instrument.errors import (
    AcquisitionAborted,
    DeviceRefused,
    DeviceURLError,
    InstrumentError,
    SettingOutOfRange,
    UnknownSetting,
)
from instrument.guardian import GuardedLaser, GuardedUnit, State, start_guardian, stop_guardian
from instrument.interfaces import Capability, Spectrometer, Unit
from instrument.raman_bench import RamanBench, guardian_socket, split_transcript
from instrument.registry import open_spectrometer
from instrument.testing import running_emulator
from instrument.transport.transcript import read_transcript

#: So long may the laser be on after it had to go off.
PROMISE_S = 2.0


class Ventana:
    """An emulated Ventana, its laser's own log, and where its guardian stands."""

    def __init__(self, info: dict[str, Any], folder: Path) -> None:
        self.info, self.folder = info, folder
        self.url = f"obp+serial://{info['address']}?model=Ventana&baud=115200&laser_max_mw=400"
        self.socket_path = guardian_socket(folder, self.url)

    def start(self, **options: Any) -> GuardedUnit:
        return GuardedUnit(start_guardian(self.socket_path, self.url, **{"power_mw": 150.0, **options}))

    def lit(self) -> bool:
        lines = Path(self.info["light"]).read_text().splitlines()
        return bool(lines) and float(lines[-1].split()[1]) > 0

    def wait_dark(self, within_s: float = PROMISE_S) -> None:
        deadline = time.monotonic() + within_s
        while self.lit():
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture(scope="module")
def ventana() -> Iterator[Ventana]:
    with tempfile.TemporaryDirectory(prefix="v") as name:
        folder = Path(name)
        with running_emulator(
            *("obp", "--model", "VENTANA", "--baud", "115200"),
            *("--light", str(folder / "light"), "--link", str(folder / "tty")),
        ) as info:
            ventana = Ventana(info, folder)
            yield ventana
            stop_guardian(ventana.socket_path)


@pytest.fixture
def unit(ventana: Ventana) -> Iterator[GuardedUnit]:
    unit = ventana.start()
    yield unit
    unit.close()
    ventana.wait_dark()


def test_the_whole_device_is_behind_the_guardian(ventana: Ventana, unit: GuardedUnit) -> None:
    whole: Unit = unit
    device: Spectrometer = whole.spectrometer
    with pytest.raises(DeviceURLError, match="guardian"):
        open_spectrometer(ventana.url)
    assert device.info.emulated
    assert device.info.serial == ventana.info["serial"]
    assert device.limits.pixels == 1024
    assert Capability.EXPOSURE in device.capabilities
    axis = device.axis()
    assert axis.shape == (1024,)
    assert (np.diff(axis) > 0).all()
    assert device.status().ready
    names = {each.name for each in device.available_settings()}
    assert names
    device.set_exposure(0.05)
    assert device.settings()["exposure_s"] == 0.05
    with pytest.raises(SettingOutOfRange):
        device.set_exposure(1e6)
    with pytest.raises(UnknownSetting):
        device.set("no such thing", 1)
    assert (whole.laser.max_power_mw, whole.laser.settings()["model"]) == (150.0, "Ventana laser")
    assert stop_refused(ventana)


def stop_refused(ventana: Ventana) -> bool:
    try:
        return not stop_guardian(ventana.socket_path, timeout_s=0.5)
    except InstrumentError:
        return True


def test_frames_with_and_without_light(ventana: Ventana, unit: GuardedUnit) -> None:
    unit.spectrometer.set_exposure(0.05)
    unit.laser.set_power(100.0)
    unit.laser.on()
    assert ventana.lit()
    bright = unit.spectrometer.acquire()
    assert unit.laser.status().emitting
    unit.laser.off()
    assert not ventana.lit()
    dark = unit.spectrometer.acquire()
    assert bright.shape == dark.shape == (1024,)
    assert not bright.flags.writeable
    record = unit.spectrometer.fetch_transcript()
    assert sum(len(entry.data) for entry in read_transcript(record)) > 2 * 2048


def test_off_interrupts_an_exposure(ventana: Ventana, unit: GuardedUnit) -> None:
    unit.spectrometer.set_exposure(20.0)
    unit.laser.on()
    off = threading.Timer(0.2, unit.laser.off)
    off.start()
    begun = time.monotonic()
    with pytest.raises(AcquisitionAborted):
        unit.spectrometer.acquire()
    assert time.monotonic() - begun < 0.2 + PROMISE_S
    ventana.wait_dark()
    off.join()


def test_a_stopped_exposure_leaves_the_device_usable(unit: GuardedUnit) -> None:
    unit.spectrometer.set_exposure(20.0)
    begun = time.monotonic()
    with pytest.raises(AcquisitionAborted):
        unit.spectrometer.acquire(stop=lambda: time.monotonic() - begun > 0.2)
    assert time.monotonic() - begun < 5.0
    unit.spectrometer.set_exposure(0.03)
    assert unit.spectrometer.acquire().shape == (1024,)

    def fails() -> bool:
        raise KeyError("a mistake in the program")

    unit.spectrometer.set_exposure(20.0)
    with pytest.raises(KeyError):
        unit.spectrometer.acquire(stop=fails)
    unit.spectrometer.set_exposure(0.03)
    assert unit.spectrometer.acquire().shape == (1024,)


def test_the_longest_emission_interrupts_an_exposure(ventana: Ventana) -> None:
    stop_guardian(ventana.socket_path)
    unit = ventana.start(max_on_s=0.6)
    unit.spectrometer.set_exposure(20.0)
    unit.laser.on()
    with pytest.raises(AcquisitionAborted):
        unit.spectrometer.acquire()
    ventana.wait_dark()
    assert "longest allowed" in unit.laser.status().fault
    unit.close()


def test_settings_outlive_the_guardian(ventana: Ventana, unit: GuardedUnit) -> None:
    unit.spectrometer.set_exposure(0.04)
    unit.laser.on()
    os.kill(start_guardian(ventana.socket_path, ventana.url, power_mw=150.0).pid, signal.SIGKILL)
    ventana.wait_dark(3.0)
    deadline = time.monotonic() + 8
    while unit.laser.state.state is not State.OFF and time.monotonic() < deadline:
        time.sleep(0.02)
    assert unit.spectrometer.acquire().shape == (1024,)
    assert unit.spectrometer.settings()["exposure_s"] == 0.04


def test_a_laser_alone_has_no_spectrometer(rig: Any) -> None:
    with pytest.raises(DeviceRefused, match="port of its own"):
        GuardedUnit(rig.start())
    GuardedLaser(rig.start()).close()


def test_a_bench_of_one_device(ventana: Ventana) -> None:
    stop_guardian(ventana.socket_path)
    config = BenchConfig("v", ventana.url, None, 785.0, 80.0, warning_s=0.1)
    with RamanBench.open(config, ventana.folder) as bench:
        assert bench.laser is not None
        scan = bench.scan(bench.plan(accumulations=1, exposure_s=0.05))
        assert scan.counts.shape == (1, 1024)
        assert scan.dark is not None
        assert (scan.laser_nm, scan.laser_mw) == (785.0, 80.0)
        assert bench.last_original is None
        parts = split_transcript(bench.last_transcript)
        assert set(parts) == {"spectrometer"}
        assert read_transcript(parts["spectrometer"])
        with pytest.raises(DeviceRefused, match="ignite"):
            bench.scan(bench.plan(), safety={"energetic": True, "asked_on": "page", "eyewear": True})
    ventana.wait_dark()
