"""A watched folder as a spectrometer: the next file that is exported, and nothing else."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from calibration.apply import spectrum_of
from instrument.acquisition import ScanPlan, take_scan
from instrument.errors import (
    AcquisitionAborted,
    DeviceTimeout,
    DeviceURLError,
    FileRefused,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
    UnknownSetting,
)
from instrument.interfaces import Capability
from instrument.registry import check_spectrometer_url, open_spectrometer, technique_of
from spectra.values import Technique

SETTLE = "settle_s=0.05&wait_s=5"


def spectrum(number=0):
    rows = "".join(f"{200 + i},{(i * 7 + number) % 37}\n" for i in range(60))
    return f"# model: H{number}\n# serial: S1\nRaman shift (cm-1),Intensity\n{rows}"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "export"
    path.mkdir()
    return path


@pytest.fixture
def device(folder):
    return open_spectrometer(f"folder://{folder}?{SETTLE}&technique=raman")


class Later:
    """Do something while the device waits."""

    def __init__(self, work, after_s=0.1):
        self._thread = threading.Timer(after_s, work)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._thread.join()


def test_the_next_exported_file_is_taken(folder, device):
    (folder / "old.csv").write_text(spectrum(1))
    with Later(lambda: (folder / "new.csv").write_text(spectrum(2))):
        counts = device.acquire()
    assert counts.shape == (60,)
    assert not counts.flags.writeable
    assert device.axis()[0] == 200
    assert device.limits.pixels == 60
    assert device.last_original.name == "new.csv"
    assert device.last_original.data == spectrum(2).encode()
    assert (device.info.model, device.info.serial) == ("H2", "S1")
    assert device.axis_unit == "cm-1"
    said = device.settings()
    assert said["file"]["format"] == "two-column text"
    assert said["settle_s"] == 0.05
    with Later(lambda: (folder / "new.csv").write_text(spectrum(3))):
        device.acquire()
    assert device.last_original.data == spectrum(3).encode()
    device.close()
    device.close()


def test_before_the_first_file_little_is_known(folder, device):
    assert device.limits.pixels == 0
    assert device.last_original is None
    assert device.info.model == "drop folder"
    assert device.capabilities == {Capability.FILES}
    assert device.status().ready
    with pytest.raises(ProtocolError, match="no file was taken"):
        device.axis()
    assert technique_of(device.info.url) is None


def test_waiting_is_stopped_within_moments(device):
    began = time.monotonic()
    with pytest.raises(AcquisitionAborted):
        device.acquire(stop=lambda: time.monotonic() - began > 0.1)
    assert time.monotonic() - began < 0.5


def test_waiting_ends(folder, device):
    device.set("wait_s", 0.2)
    with pytest.raises(DeviceTimeout, match="no new file"):
        device.acquire()
    folder.rmdir()
    assert not device.status().ready
    with pytest.raises(PortNotFound, match="plug the device in"):
        device.acquire()


def test_a_file_that_never_rests_is_not_taken(folder, device):
    device.set("wait_s", 0.3)
    device.set("settle_s", 10.0)
    export = Later(lambda: (folder / "new.csv").write_text(spectrum(2)), 0.05)
    with export, pytest.raises(DeviceTimeout, match="1 file.s. are still being written"):
        device.acquire()


def test_of_several_new_spectra_none_is_taken(folder, device):
    def export():
        for number in (1, 2):
            (folder / f"{number}.csv").write_text(spectrum(number))

    with Later(export), pytest.raises(FileRefused, match=r"2 new spectra came at once \(1.csv, 2.csv\)"):
        device.acquire()
    device.set("wait_s", 0.2)
    with pytest.raises(DeviceTimeout):
        device.acquire()
    assert {path.name for path in folder.iterdir()} == {"1.csv", "2.csv"}


def test_what_is_no_spectrum_is_refused_and_left(folder, device):
    with (
        Later(lambda: (folder / "x.csv").write_text("nonsense")),
        pytest.raises(FileRefused, match="no format"),
    ):
        device.acquire()
    assert (folder / "x.csv").read_text() == "nonsense"


def test_a_report_before_its_spectrum_is_waited_out(folder, device):
    def export():
        (folder / "a.txt").write_text("Result: Caffeine\n")
        time.sleep(0.3)
        (folder / "a.csv").write_text(spectrum(4))

    with Later(export):
        device.acquire()
    assert [one.name for one in device.last_sidecars] == ["a.txt"]
    assert device.settings()["device_answer"]["name"] == "Caffeine"


def test_a_drive_that_is_plugged_in_and_out(folder, device, tmp_path):
    (folder / "old.csv").write_text(spectrum(1))
    away = tmp_path / "away"

    def replug():
        folder.rename(away)
        time.sleep(0.3)
        (away / "new.csv").write_text(spectrum(2))
        away.rename(folder)

    with Later(replug):
        device.acquire()
    assert device.last_original.name == "new.csv", "what lay there before is known again"


def test_a_folder_that_comes_only_later(tmp_path):
    device = open_spectrometer(f"folder://{tmp_path}/later?{SETTLE}&technique=raman")

    def plug():
        (tmp_path / "later").mkdir()
        (tmp_path / "later" / "a.csv").write_text(spectrum(1))

    with Later(plug):
        assert device.acquire().size == 60


def test_an_infrared_file_makes_it_an_infrared_device(folder, device):
    text = "# technique: ftir\nWavenumber (cm-1),Absorbance\n" + "".join(
        f"{600 + i},0.{i}\n" for i in range(60)
    )
    device = open_spectrometer(f"folder://{folder}?{SETTLE}")
    with Later(lambda: (folder / "a.csv").write_text(text)):
        counts = device.acquire()
    assert device.technique is Technique.FTIR
    assert np.isclose(counts[5], 0.5)


def test_settings(device):
    assert [one.name for one in device.available_settings()] == ["settle_s", "wait_s"]
    with pytest.raises(UnknownSetting):
        device.set("gain", 1)
    for value in (0, True, "2", 1e9, float("nan")):
        with pytest.raises(SettingOutOfRange):
            device.set("settle_s", value)
    with pytest.raises(SettingOutOfRange, match="times itself"):
        device.set_exposure(1.0)


def test_urls():
    assert check_spectrometer_url("folder:///mnt/x?serial=A&depth=0").target == "/mnt/x"
    with pytest.raises(DeviceURLError, match="does not know"):
        check_spectrometer_url("folder:///mnt/x?baud=9600")
    with pytest.raises(DeviceURLError, match="three slashes"):
        open_spectrometer("folder://host/x")
    assert open_spectrometer("folder:///nowhere/at/all").settings()["folder"] == str(Path("/nowhere/at/all"))


def test_a_scan_of_a_file_becomes_its_spectrum(folder, device):
    text = "# laser_nm: 1064\n" + spectrum(5)
    with Later(lambda: (folder / "a.csv").write_text(text)):
        scan = take_scan(device, None, ScanPlan(accumulations=1))
    assert (scan.axis_unit, scan.laser_nm, scan.dark) == ("cm-1", 1064.0, None)
    assert scan.device.model == "H5"
    assert scan.settings["file"]["format"] == "two-column text"
    made = spectrum_of(scan)
    assert made.axis[0] == 200
    assert np.array_equal(made.intensity, scan.counts[0])
