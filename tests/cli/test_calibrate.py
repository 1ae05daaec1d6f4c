"""``opioscan calibrate`` from scans and files: records kept or refused in words, rescues, intensity, film."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from calibration.apply import spectrum_of
from calibration.in_force import InForce
from calibration.record import CalibrationRecord, Kind
from calibration.srm import certified
from instrument.emulators.detector import Detector
from instrument.emulators.light import ConstantLight
from instrument.emulators.obp_models import MODELS
from instrument.emulators.scene import Scene
from library.starter import starter_entries
from service.archive.journal import Archive
from service.calibrations import Calibrations
from service.cli.start import run as run_here
from spectra.formats import decode, encode_csv, encode_jcamp
from spectra.values import DeviceInfo, Role, Scan, Spectrum, Technique

STS = MODELS["STS"]
WRONG = {"axis_stretch_percent": 0.4, "axis_shift_cm1": -6.0, "laser_error_nm": 0.3}
AXIS = np.arange(150.0, 2400.0, 0.5)


def band(*places, width=7.0):
    """Return bands of equal height: derived, no measurement."""
    return 0.01 + sum(1.0 / (1.0 + (2 * (AXIS - at) / width) ** 2) for at in places)


class Desk:
    """An archive, and an instrument that fills it; everything it measures is emulated."""

    def __init__(self, home, capsys):
        self.home, self._capsys = home, capsys
        self.archive = Archive(home / "archive")
        self.store = Calibrations(home / "calibrations")
        self.polystyrene = next(
            one.spectrum
            for one in starter_entries()
            if one.substance.name == "polystyrene" and one.technique is Technique.RAMAN
        )

    def taken(self, name, sample=None, *, lamp="", serial="SN1", exposure_s=0.5, seed=1, **scene):
        """Measure, and return the content address."""
        made = Scene(laser_nm=785.0, technique=Technique.RAMAN)
        made.control({"lamp": lamp or None, **scene})
        made.sample = sample
        lights = {"on": ConstantLight(0.0 if lamp else 100.0), "off": ConstantLight(0.0)}
        frames = {}
        for light, source in lights.items():
            detector = Detector(
                STS.chip,
                coefficients=STS.coefficients,
                pixels=STS.pixels,
                scene=made,
                light=source,
                seed=seed,
            )
            time_s = 0.1 if lamp else exposure_s
            frames[light] = np.array([detector.finish(detector.begin(time_s)) for _ in range(3)])
        scan = Scan(
            technique=Technique.RAMAN,
            counts=frames["on"],
            dark=None if lamp else frames["off"],
            device=DeviceInfo("STS", serial, emulated=True),
            exposure_s=exposure_s,
            taken_at="2026-11-22T10:00:00Z",
            axis=detector.wavelengths,
            laser_nm=785.0,
            laser_mw=None if lamp else 100.0,
            saturation_counts=16383.0,
            role=Role.CALIBRATION,
            name=name,
            settings={
                "wavelength_coefficients": list(STS.coefficients),
                "temperatures_c": {"0": 24.5, "1": 30.5},
            },
        )
        return self.archive.put(scan).scan_id

    def run(self, *words):
        """Run the command in this process, and return exit code, standard output and error."""
        self._capsys.readouterr()
        code = run_here([str(word) for word in ("calibrate", *words)])
        out, err = self._capsys.readouterr()
        assert "Traceback" not in err
        return SimpleNamespace(code=code, out=out, err=err)

    def axis(self, neon, standard, check, *more):
        words = ("--lamp", "neon", "--lamp-file", neon, "--shift-standard", "silicon", "--standard-file")
        return self.run("axis", *words, standard, "--check", "polystyrene", "--check-file", check, *more)


@pytest.fixture
def desk(opioscan_home, capsys):
    return Desk(opioscan_home, capsys)


def raman(intensity):
    return Spectrum(AXIS, intensity, Technique.RAMAN, laser_nm=785.0)


_measured = {}


@pytest.fixture
def scans(desk):
    """Return a lamp, silicon and polystyrene, measured once with an instrument that is wrong."""
    if not _measured:
        made = (
            desk.taken("neon lamp", lamp="neon", **WRONG),
            desk.taken("silicon", raman(band(520.45)), **WRONG),
            desk.taken("polystyrene", desk.polystyrene, **WRONG),
        )
        _measured.update({scan_id: desk.archive.read_bytes(scan_id) for scan_id in made})
    for scan_id, data in _measured.items():
        desk.archive.put_bytes(scan_id, data)
    return tuple(_measured)


def test_a_record_says_what_was_found_by_whom_and_how_long_it_holds(desk, scans):
    papers = ("--operator", "Ada Smith", "--certificate", "wafer 7", "--certificate", "neon=lamp 3")
    done = desk.axis(*scans, *papers, "--certificate-expires", "2099-01-01", "--valid-days", "30")
    assert done.code == 0, done.err
    (listed,) = desk.store.listed()
    record = listed.record
    assert (record.kind, record.device_serial, record.device_model) == (Kind.AXIS, "SN1", "STS")
    assert record.scans == scans
    assert [(one.name, one.certificate, one.expires_on) for one in record.standards] == [
        ("neon lamp", "lamp 3", ""),
        ("polystyrene", "", ""),
        ("silicon", "wafer 7", "2099-01-01"),
    ]
    assert (record.operator, record.emulated, record.temperature_c) == ("Ada Smith", True, 24.5)
    assert record.outcome.laser_nm == pytest.approx(785.3, abs=0.05)
    assert record.valid_until[:10] > record.made_at[:10]
    for words in ("EMULATED", "lines matched", "leave one out", "laser line 785.", "off before", "check"):
        assert words in done.out
    row = next(line for line in done.out.splitlines() if "1001.40" in line).split()
    assert abs(float(row[-3])) > 8.0
    assert abs(float(row[-2])) < 1.0
    assert "emulated" in done.err


def test_a_second_one_supersedes_and_a_dry_run_keeps_nothing(desk, scans):
    assert desk.axis(*scans).code == 0
    (first,) = [one.record_id for one in desk.store.listed()]
    dry = desk.axis(*(one[:10] for one in scans), "--json", "--dry-run")
    said = json.loads(dry.out)
    assert (said["kept"], said["record"]["supersedes"]) == ("", first)
    assert CalibrationRecord.from_json(said["record"]).record_id == said["record_id"]
    assert len(desk.store.listed()) == 1
    assert desk.axis(*scans, "--note", "after the repair").code == 0
    assert desk.store.in_force("SN1").axis.supersedes == first


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda neon, si, ps: (si, si, ps), 4, ""),
        (lambda neon, si, ps: (neon, neon, ps), 4, ""),
        (lambda neon, si, ps: (neon, si, si), 4, "polystyrene"),
        (lambda neon, si, ps: (neon, si, "0" * 64), 4, "no scan"),
        (lambda neon, si, ps: (neon, si, "nowhere.txt"), 2, "no such file"),
        (lambda neon, si, ps: (neon, si, ps, "--certificate-expires", "silicon=2020-01-01"), 2, "expired"),
        (lambda neon, si, ps: (neon, si, ps, "--certificate", "sugar=1"), 2, "sugar"),
        (lambda neon, si, ps: (neon, si, ps, "--serial", "SN2"), 4, "several instruments"),
        (lambda neon, si, ps: (neon, si, ps, "--guess", "a,b"), 2, "--guess"),
        (lambda neon, si, ps: (neon, si, ps, "--plot", "a.gif"), 2, ".png"),
        (lambda neon, si, ps: (neon, si, ps, "--film", "x"), 2, "--film"),
    ],
)
def test_what_makes_no_record_is_refused_in_a_line_of_words(desk, scans, change, code, words):
    done = desk.axis(*change(*scans))
    assert done.code == code, done.err
    assert done.err.startswith("opioscan: ")
    assert len(done.err.splitlines()) == 1
    assert words in done.err
    assert desk.store.listed() == ()


def test_scans_of_two_instruments_make_no_record(desk, scans):
    other = desk.taken("silicon", raman(band(520.45)), serial="SN2", **WRONG)
    done = desk.axis(scans[0], other, scans[2])
    assert done.code == 4
    assert "several instruments: SN1, SN2" in done.err


def test_a_rescue_writes_what_is_derived_and_is_in_force_for_nothing_else(desk, scans, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    copy = folder / f"{scans[1]}.h5"
    copy.write_bytes(desk.archive.read_bytes(scans[1]))
    words = (
        "axis",
        "--from",
        scans[2],
        "--known",
        "polystyrene",
        "--apply-to",
        folder,
        "--apply-to",
        scans[2],
    )
    words = (*words, "--out", tmp_path / "out")
    for ending in (".jdx", ".csv", ".h5"):
        done = desk.run(*words, "--format", ending, "--json")
        assert done.code == 0, done.err
        said = json.loads(done.out)
        assert [one["from"] for one in said["derived"]] == [scans[2], scans[1]]
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == scans[1]
    assert desk.archive.verify() == []
    assert desk.store.in_force("SN1").axis is None
    (text,) = [p for p in (tmp_path / "out").glob("*.jdx") if scans[1][:12] in p.name]
    (found,) = decode(text.read_bytes(), name=text.name)
    assert any(scans[1] in line and "derived" in line for line in found.spectrum.history)
    # Silicon had no part in it, and is where it belongs; before, it was 14 cm⁻¹ off.
    at = found.spectrum.axis[found.spectrum.intensity.argmax()]
    assert at == pytest.approx(520.45, abs=2.0)
    again = desk.run(*words)
    assert again.code != 0
    assert "--force" in again.err


def test_a_rescue_of_another_axis_is_refused_before_anything_is_written(desk, scans, tmp_path):
    other = desk.taken("silicon", raman(band(520.45)), serial="SN2", **WRONG)
    words = ("--from", scans[2], "--known", "polystyrene", "--apply-to", other, "--out", tmp_path / "out")
    done = desk.run("axis", *words)
    assert done.code == 4
    assert "SN2" in done.err
    assert not (tmp_path / "out").exists()
    assert desk.store.listed() == ()


def test_a_scan_that_names_no_instrument_is_rescued_for_whoever_says_which(desk, tmp_path):
    nameless = desk.taken("polystyrene", desk.polystyrene, serial="", **WRONG)
    words = ("axis", "--from", nameless, "--known", "polystyrene", "--out", tmp_path / "out")
    assert "--serial" in desk.run(*words).err
    assert desk.run(*words, "--serial", "SN7").code == 0
    (file,) = (tmp_path / "out").iterdir()
    spectrum = decode(file.read_bytes())[0].spectrum
    assert spectrum.axis[spectrum.intensity.argmax()] == pytest.approx(1001.4, abs=1.5)


def test_a_scan_that_was_cut_short_calibrates_nothing(desk, scans):
    cut = replace(desk.archive.get(scans[1]), aborted="the scan was stopped", transcript_sha256="")
    done = desk.axis(scans[0], desk.archive.put(cut).scan_id, scans[2])
    assert done.code == 4
    assert "cut short" in done.err


def test_files_of_shifts_are_rescued_as_files(desk, tmp_path):
    true = desk.polystyrene
    noise = np.random.default_rng(3).normal(0.0, 2e-4, true.axis.size)
    wrong = replace(true, axis=1.004 * true.axis + 7.0, intensity=true.intensity + noise, noise=None)
    file = tmp_path / "old.jdx"
    file.write_bytes(encode_jcamp(wrong, "old"))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    words = ("axis", "--from", file, "--known", "polystyrene", "--out", tmp_path / "out", "--serial", "SN9")
    done = desk.run(*words)
    assert done.code == 0, done.err
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    (found,) = decode((tmp_path / "out" / "old-rescued.jdx").read_bytes())
    at = found.spectrum.axis[found.spectrum.intensity.argmax()]
    assert at == pytest.approx(1001.4, abs=1.0)
    assert desk.run(*words[:-2], "--force").code == 2  # no serial number


def test_a_glass_makes_unequal_efficiency_equal_again(desk, tmp_path):
    lit = {"response": "tilted"}
    glass = raman(np.nan_to_num(certified("2241", AXIS), nan=0.0))
    two = raman(band(700.0, 1700.0, width=12.0) - 0.01)
    kept = desk.taken("SRM 2241", glass, exposure_s=1.0, **lit)
    sample = desk.archive.get(desk.taken("two bands", two, exposure_s=0.8, **lit))
    paper = ("--certificate", "SRM 2241=unit 42", "--plot", tmp_path / "r.png")
    done = desk.run("intensity", "--file", kept, "--srm", "2241", *paper)
    assert done.code == 0, done.err
    assert "SRM 2241" in done.out
    record = desk.store.in_force("SN1").intensity
    assert [(one.name, one.certificate) for one in record.standards] == [("SRM 2241", "unit 42")]

    def ratio(calibration):
        shown = spectrum_of(sample, calibration)
        low, high = (shown.intensity[abs(shown.axis - at) < 5].max() for at in (700.0, 1700.0))
        return high / low

    assert ratio(InForce()) < 0.8
    assert ratio(InForce(intensity=record)) == pytest.approx(1.0, abs=0.06)
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    assert desk.run("intensity", "--srm", "2241").code == 2
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    assert "JSON" in desk.run("intensity", "--file", kept, "--certificate-file", bad).err


def test_calcite_tells_the_resolution(desk):
    kept = desk.taken("calcite", raman(band(1085.91, width=8.0)))
    done = desk.run("resolution", "--file", kept)
    assert done.code == 0, done.err
    record = desk.store.in_force("SN1").resolution
    assert record.outcome.width_cm1 == pytest.approx(8.0, abs=1.0)
    assert desk.run("resolution", "--file", kept, "--standard", "sugar").code == 2


def test_a_film_calibrates_an_infrared_axis_and_no_raman_one(desk, scans, tmp_path):
    axis = np.arange(450.0, 4000.0, 1.9)
    true = (axis - 1.0) / 1.001
    places = ((907.0, 9), (1028.3, 8), (1154.5, 9), (1583.0, 7), (1601.2, 8), (1942.9, 20), (2849.5, 16))
    drawn = 0.05 + sum(0.5 / (1 + (2 * (true - at) / width) ** 2) for at, width in places)
    drawn += np.random.default_rng(1).normal(0, 3e-4, axis.size)
    file = tmp_path / "film.csv"
    file.write_bytes(encode_csv(Spectrum(axis, drawn, Technique.FTIR), "film"))
    done = desk.run("axis", "--film", file, "--serial", "FT1")
    assert done.code == 0, done.err
    record = desk.store.in_force("FT1").axis
    assert (record.outcome.form, record.outcome.laser_nm) == ("shifts", None)
    assert "belongs" in done.out
    assert desk.run("axis", "--film", scans[0]).code == 2


@pytest.mark.shared
def test_files_of_a_real_handheld_make_its_axis_response_and_resolution(desk):
    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data/raman-calibration/bwtek785"
    words = ("--lamp", "neon", "--lamp-file", folder / "Ne_785nm_x20_50ms.txt", "--serial", "BW1")
    standard = folder / "S0B02_iRPlus785_Z100_100_4700ms.txt"
    check = folder / "PST02_iRPlus785_Z100_100_9000ms.txt"
    silicon = ("--shift-standard", "silicon", "--standard-file", standard)
    polystyrene = ("--check", "polystyrene", "--check-file", check)
    # A guess that is 2 nm and 1 % wrong, and the maker's own.
    rough = ("--guess", "771.44,0.15234591690192257,-4.2544894e-06,-7.2665184e-10")
    for guess in ((), rough):
        done = desk.run("axis", *words, *silicon, *polystyrene, *guess, "--json")
        assert done.code == 0, done.err
        assert "count as calibrated out of date" in done.err
        said = json.loads(done.out)
        assert said["record"]["outcome"]["leave_one_out_rms"] < 0.05
        for line in said["lines"]:
            assert abs(line["after_cm1"] - line["reference_cm1"]) < 1.0
    glass = folder / "NISTSRM2241_BW785_100x_25sx5.txt"
    assert desk.run("intensity", "--file", glass, "--srm", "2241", "--serial", "BW1").code == 0
    calcite = folder / "nCAL02_iRPlus785_Z100_100_6000ms.txt"
    assert desk.run("resolution", "--file", calcite, "--serial", "BW1").code == 0
    force = desk.store.in_force("BW1")
    assert None not in (force.axis, force.intensity, force.resolution)
    assert force.resolution.outcome.width_cm1 < 6.0
    digests = {hashlib.sha256(file.read_bytes()).hexdigest() for file in (standard, check)}
    assert digests < set(force.axis.scans)
