"""``opioscan calibrate`` at an emulated bench whose axis is wrong: verified before, calibrated, verified after."""

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from calibration.record import CalibrationRecord, Kind
from service.calibrations import Calibrations
from spectra.formats import encode_csv
from spectra.values import Spectrum, Technique

ROOT = Path(__file__).resolve().parents[3]

#: What is wrong with the instrument: dispersion, place and laser.
WRONG = {"axis_stretch_percent": 0.4, "axis_shift_cm1": 6.0, "laser_error_nm": 0.3}


def silicon(path: Path) -> None:
    """Write one band at 520.45 cm⁻¹, as a wafer has: derived, no measurement."""
    axis = np.arange(150.0, 2400.0, 0.5)
    band = 1.0 / (1.0 + ((axis - 520.45) / 3.5) ** 2)
    path.write_bytes(encode_csv(Spectrum(axis, band + 0.01, Technique.RAMAN, laser_nm=785.0)))


def control(rig: Any, **message: Any) -> dict[str, Any]:
    with closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.settimeout(5)
        sock.connect(rig.spectrometer.about["control"])
        sock.sendall(json.dumps(message).encode() + b"\n")
        with sock.makefile("r") as answers:
            state: dict[str, Any] = json.loads(answers.readline())
    assert "error" not in state, state
    return state


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

    def end(self) -> SimpleNamespace:
        out, err = self.process.communicate(timeout=60)
        assert "Traceback" not in err
        return SimpleNamespace(code=self.process.returncode, out=out, err=err)


def run(home: Path, *words: str) -> SimpleNamespace:
    return Typed(home, *words).end()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, rig_of: Any, samples: Path) -> Iterator[SimpleNamespace]:
    """Return a station of its own whose instrument is wrong."""
    home = tmp_path_factory.mktemp("desk")
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        own = Path(folder) / "samples"
        shutil.copytree(samples, own)
        silicon(own / "silicon.csv")
        station = rig_of(Path(folder), own, home)
        control(station.rig, **WRONG)
        yield SimpleNamespace(station=station, rig=station.rig, home=home, samples=own)
        station.end()
        station.rig.stop()


@pytest.fixture(scope="module")
def calibrated(desk: SimpleNamespace) -> SimpleNamespace:
    """Verify, calibrate with neon, silicon and polystyrene, and verify again."""
    rig, put = desk.rig, desk.samples
    control(rig, sample=str(put / "polystyrene.jdx"), lamp=None)
    before = run(desk.home, "verify", "--device", "b1", "--json")
    lit = len(rig.lit())
    control(rig, sample=None, lamp="neon")
    typed = Typed(
        desk.home,
        *("calibrate", "axis", "--device", "b1", "--lamp", "neon", "--shift-standard", "silicon"),
        *("--check", "polystyrene", "--certificate", "silicon=wafer 7", "--operator", "Ada Smith"),
        *("--plot", "axis.png"),
    )
    typed.asked_for("SILICON")
    dark = all(power == 0 for _, power in rig.lit()[lit:])
    control(rig, sample=str(put / "silicon.csv"), lamp=None)
    typed.enter()
    typed.asked_for("POLYSTYRENE")
    control(rig, sample=str(put / "polystyrene.jdx"))
    typed.enter()
    done = typed.end()
    after = run(desk.home, "verify", "--device", "b1", "--json")
    return SimpleNamespace(before=before, dark=dark, done=done, after=after)


def record_of(desk: SimpleNamespace) -> CalibrationRecord:
    (record,) = [one.record for one in Calibrations(desk.home / "calibrations").listed()]
    return record


def test_an_axis_that_fails_passes_once_it_is_calibrated(calibrated: SimpleNamespace) -> None:
    assert calibrated.done.code == 0, calibrated.done.err
    assert calibrated.before.code == 1
    assert calibrated.after.code == 0, calibrated.after.out
    assert json.loads(calibrated.after.out)["passed"]


def test_the_lamp_is_seen_with_the_laser_off(desk: SimpleNamespace, calibrated: SimpleNamespace) -> None:
    assert calibrated.dark
    assert not desk.rig.is_on


def test_the_record_tells_what_was_wrong_and_by_what_it_was_found(
    desk: SimpleNamespace, calibrated: SimpleNamespace
) -> None:
    assert calibrated.done.code == 0
    record = record_of(desk)
    assert (record.kind, record.emulated, record.operator) == (Kind.AXIS, True, "Ada Smith")
    assert [(one.name, one.certificate) for one in record.standards] == [
        ("neon lamp", ""),
        ("polystyrene", ""),
        ("silicon", "wafer 7"),
    ]
    assert len(record.scans) == 3
    assert all(one in desk.station.archive for one in record.scans)
    assert record.temperature_c == pytest.approx(24.5, abs=1.0)
    assert record.outcome.laser_nm == pytest.approx(785.3, abs=0.05)
    assert record.outcome.leave_one_out_rms < 0.05
    assert record.valid_until > record.made_at


def test_figures_are_printed_line_by_line(desk: SimpleNamespace, calibrated: SimpleNamespace) -> None:
    out = calibrated.done.out
    for words in ("EMULATED", "lines matched", "leave one out", "laser line 785.", "off before", "check"):
        assert words in out
    row = next(line for line in out.splitlines() if "1001.40" in line).split()
    assert abs(float(row[-3])) > 3.0
    assert abs(float(row[-2])) < 1.0
    assert (desk.home / "axis.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_from_the_archive_supersedes_and_a_dry_run_keeps_nothing(
    desk: SimpleNamespace, calibrated: SimpleNamespace
) -> None:
    assert calibrated.done.code == 0
    first = record_of(desk)
    neon, standard, check = first.scans
    words = ("calibrate", "axis", "--lamp", "neon", "--lamp-file", neon[:12], "--json", "--dry-run")
    standards = ("--shift-standard", "polystyrene", "--standard-file", check, "--check", "silicon")
    done = run(desk.home, *words, *standards, "--check-file", standard[:12])
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert (said["kept"], said["record"]["supersedes"]) == ("", first.record_id)
    assert record_of(desk) == first


def test_what_makes_no_axis_is_refused_in_words(desk: SimpleNamespace, calibrated: SimpleNamespace) -> None:
    assert calibrated.done.code == 0
    neon, standard, check = record_of(desk).scans
    words = ("calibrate", "axis", "--lamp", "neon", "--lamp-file")
    silicon = ("--shift-standard", "silicon", "--standard-file")
    wrong_lamp = run(desk.home, *words, standard, *silicon, standard)
    wrong_sample = run(desk.home, *words, neon, "--shift-standard", "cyclohexane", "--standard-file", neon)
    expired = run(desk.home, *words, neon, *silicon, check, "--certificate-expires", "silicon=2020-01-01")
    unknown = run(desk.home, *words, neon, "--shift-standard", "sugar", "--standard-file", check)
    for done in (wrong_lamp, wrong_sample, expired, unknown):
        assert done.code in (2, 4)
        assert done.err.startswith("opioscan: ")
        assert len(done.err.splitlines()) == 1
    assert "expired" in expired.err


def test_a_rescue_corrects_what_was_measured_before(
    desk: SimpleNamespace, calibrated: SimpleNamespace
) -> None:
    bad = json.loads(calibrated.before.out)["scan_id"]
    archive = desk.station.archive
    kept_bytes = archive.read_bytes(bad)
    words = ("calibrate", "axis", "--from", bad[:16], "--known", "polystyrene", "--apply-to", bad)
    done = run(desk.home, *words, "--out", "right", "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    (written,) = said["derived"]
    assert written["from"] == bad
    text = (desk.home / written["file"]).read_text()
    assert bad in text
    assert said["record_id"] in text
    assert archive.read_bytes(bad) == kept_bytes
    assert max(abs(one["after_cm1"] - one["reference_cm1"]) for one in said["lines"] if one["used"]) < 1.0
    store = Calibrations(desk.home / "calibrations")
    in_force = store.in_force(said["record"]["device_serial"]).axis
    assert in_force is not None
    assert in_force.record_id != said["record_id"]
    again = run(desk.home, *words, "--out", "right")
    assert again.code != 0
    assert "--force" in again.err
