"""``opioscan calibrate`` at a bench, led step by step: the lamp in the dark, then the standards."""

import json
import os
import select
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from spectra.formats import encode_csv
from spectra.values import Spectrum, Technique

ROOT = Path(__file__).resolve().parents[3]

#: What is wrong with the instrument: dispersion, place and laser.
WRONG = {"axis_stretch_percent": 0.4, "axis_shift_cm1": -6.0, "laser_error_nm": 0.3}


def silicon(path: Path) -> Path:
    """Write one band at 520.45 cm⁻¹, as a wafer has: derived, no measurement."""
    axis = np.arange(150.0, 2400.0, 0.5)
    band = 1.0 / (1.0 + ((axis - 520.45) / 3.5) ** 2)
    path.write_bytes(encode_csv(Spectrum(axis, band + 0.01, Technique.RAMAN, laser_nm=785.0)))
    return path


def control(rig: Any, **message: Any) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.settimeout(5)
        sock.connect(rig.spectrometer.about["control"])
        sock.sendall(json.dumps(message).encode() + b"\n")
        with sock.makefile("r") as answers:
            state = json.loads(answers.readline())
    assert "error" not in state, state


class Typed:
    """A command somebody types, and what is done when it asks for something."""

    def __init__(self, home: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service.cli.start", *words],
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPIOSCAN_HOME": str(home), "NO_COLOR": "1"},
        )

    def asked_for(self, words: str) -> None:
        """Wait until it asks for something."""
        assert self.process.stderr is not None
        while True:
            ready, _, _ = select.select([self.process.stderr], [], [], 60)
            line = self.process.stderr.readline() if ready else ""
            assert line, f"it never asked for {words}"
            if words in line:
                return

    def enter(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def test_a_technician_is_led_from_the_lamp_to_the_standards(manned: Any, client: Any, tmp_path: Path) -> None:
    rig, lit = manned.rig, len(manned.rig.lit())
    control(rig, sample=None, lamp="neon", **WRONG)
    words = ("--lamp", "neon", "--shift-standard", "silicon", "--check", "polystyrene", "--dry-run", "--json")
    try:
        typed = Typed(manned.settings.home, "calibrate", "axis", "--device", "b1", *words)
        typed.asked_for("SILICON")
        dark = all(power == 0 for _, power in rig.lit()[lit:])
        control(rig, sample=str(silicon(tmp_path / "silicon.csv")), lamp=None)
        typed.enter()
        typed.asked_for("POLYSTYRENE")
        rig.put("polystyrene")
        typed.enter()
        code, out, err = typed.end()
    finally:
        control(rig, lamp=None, **dict.fromkeys(WRONG, 0.0))
    assert code == 0, err
    assert dark
    assert not rig.is_on
    said = json.loads(out)
    record = said["record"]
    assert (said["kept"], record["emulated"], record["kind"]) == ("", True, "axis")
    assert [one["name"] for one in record["standards"]] == ["neon lamp", "polystyrene", "silicon"]
    assert all(one in manned.archive for one in record["scans"])
    assert abs(record["outcome"]["laser_nm"] - 785.3) < 0.05
    checks = [line for line in said["lines"] if not line["used"]]
    assert len(checks) == 5
    for line in checks:
        assert abs(line["before_cm1"] - line["reference_cm1"]) > 8.0
        assert abs(line["after_cm1"] - line["reference_cm1"]) < 1.0
