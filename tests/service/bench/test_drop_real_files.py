"""Real exported files, the whole way from the folder to an identification."""

import os
import shutil
from pathlib import Path

import pytest

from instrument.config import BenchConfig, save_device
from library.methods import training_method
from service.bench import drop_watching
from service.bench.agent import Bench
from service.bench.drop import DropDesk
from service.settings import Settings

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def data():
    return Path(os.environ["OPIOSCAN_SHARED"]) / "data"


@pytest.fixture(scope="module")
def method(prepared):
    return training_method(prepared)


@pytest.fixture
def drop(tmp_path, method, monkeypatch, wait_until):
    """Drop a real file, wait, and join it to an item."""
    monkeypatch.setattr(drop_watching, "POLL_S", 0.01)
    folder = tmp_path / "export"
    folder.mkdir()
    (tmp_path / "home").mkdir(mode=0o700)
    settings = Settings(tmp_path / "home", bench_port=0)
    url = f"folder://{folder}?settle_s=0.05"
    save_device(settings.devices_path, BenchConfig("h1", url, None, None))
    bench = Bench(settings, load=lambda: method)
    desk = DropDesk(bench)
    desk.start()
    desk.open_item("ITEM-1")

    def bring(path, *, params=""):
        if params:
            save_device(settings.devices_path, BenchConfig("h1", url + params, None, None))
            desk.refresh()
        before = (path.stat().st_mtime_ns, path.stat().st_size)
        shutil.copy(path, folder)
        wait_until(lambda: desk.queue() or desk.quarantined(), 30)
        assert before == (path.stat().st_mtime_ns, path.stat().st_size)
        return desk, bench

    yield bring
    desk.end()
    bench.close()
    shutil.rmtree(settings.runtime_dir, ignore_errors=True)


@pytest.mark.parametrize("name", ["Metamizole", "Ibuprofen", "Ketoprofen", "acetone"])
def test_an_enlighten_export_is_identified(drop, data, name):
    desk, bench = drop(data / "raman785-library" / f"{name}.csv")
    (waiting,) = desk.queue()
    assert waiting["model"].startswith("WP-785")
    assert waiting["serial"].startswith("WP-")
    assert waiting["device_answer"]["proven"]
    answer = desk.join(waiting["scan_id"], "ITEM-1")
    found = answer["identification"]
    named = [part["substance"].casefold() for part in found["components"]]
    assert name.casefold() in named, found
    assert found["technique"] == "raman"
    assert (
        bench.archive.original(answer["scan_id"])[1]
        == (data / "raman785-library" / f"{name}.csv").read_bytes()
    )
    assert answer["comparison"]["relation"] in {"device_silent", "disagreement"}


def test_a_jcamp_infrared_export(drop, data):
    desk, _ = drop(data / "ftir-drugs" / "fentanyl.jdx")
    (waiting,) = desk.queue()
    assert (waiting["technique"], waiting["format"]) == ("ftir", "JCAMP-DX")
    answer = desk.join(waiting["scan_id"], "ITEM-1")
    assert answer["identification"]["technique"] == "ftir"


def test_an_opus_file_is_told_by_its_content(drop, data, tmp_path):
    path = shutil.copy(data / "vendor-files" / "openspecy" / "ftir_ps.0", tmp_path / "sample.csv")
    desk, bench = drop(Path(path))
    (waiting,) = desk.queue()
    assert (waiting["technique"], waiting["model"], waiting["serial"]) == ("ftir", "VERTEX 70", "1949")
    assert waiting["device_answer"] is None
    desk.join(waiting["scan_id"], "ITEM-1")


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("raman785-library/polystyrene.csv", ""),
        ("raman-calibration/bwtek785/PST02_iRPlus785_Z050_100_3200ms.txt", "&serial=S1"),
    ],
)
def test_the_polystyrene_check_of_a_real_instrument(drop, data, path, params):
    desk, bench = drop(data / path, params=params)
    (waiting,) = desk.queue()
    done = desk.verify(waiting["scan_id"])
    print(path, done)
    assert done["passed"], done["verification"]["lines"]
    assert bench.verifications.last(done["device"], "positive").passed


def test_bytes_of_closed_formats_go_to_quarantine(drop, data):
    desk, _ = drop(data / "vendor-files" / "openspecy" / "raman_atacamit.spc")
    assert desk.queue() == []
    assert desk.quarantined()[0]["name"] == "raman_atacamit.spc"
