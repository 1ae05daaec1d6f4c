"""Drivers of other distributions: found by entry point, and no danger when they are broken."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

DRIVER = """
from instrument.registry import DeviceURL, laser


@laser("stranger+serial", params=("colour",))
def open_stranger(url: DeviceURL):
    raise NotImplementedError(url.params["colour"])
"""
ASK = """
from instrument.registry import broken_entry_points, check_laser_url, laser_drivers

print(sorted(key for key in laser_drivers() if key.startswith(("stranger", "cobolt"))))
print(dict(broken_entry_points()))
print(check_laser_url("stranger+serial:///dev/x?colour=red").params["colour"])
"""


def ask(folder: Path, points: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Install a distribution made of one module into a folder, and ask another interpreter."""
    (folder / "stranger_driver.py").write_text(DRIVER)
    info = folder / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[opioscan.drivers]\n{lines}")
    return subprocess.run(
        [sys.executable, "-c", ASK],
        env={"PYTHONPATH": f"{ROOT}:{folder}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_entry_point_brings_a_driver(tmp_path: Path) -> None:
    done = ask(tmp_path, {"stranger": "stranger_driver"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['cobolt+serial', 'stranger+serial']", "{}", "red"]


@pytest.mark.parametrize("broken", ["no_such_module", "stranger_driver:no_such_name"])
def test_a_broken_one_takes_no_other_away(tmp_path: Path, broken: str) -> None:
    done = ask(tmp_path, {"good": "stranger_driver", "bad": broken})
    keys, told, colour = done.stdout.splitlines()
    assert "cobolt+serial" in keys
    assert "bad" in told
    assert colour == "red"
