"""``opioscan calibration``: records as a technician keeps them, and charts of verifications."""

import json
import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pytest
import rfc8785

from calibration.outcomes import AxisOutcome, LineFit, ResolutionOutcome, ResponseOutcome
from calibration.record import CalibrationRecord, Kind, StandardUsed
from instrument.config import BenchConfig, save_device
from service.archive.journal import Archive
from service.bench.outbox_file import OutboxFile
from service.calibrations import Calibrations
from service.cli.checks_calibration import NONE_KEPT, calibrations
from service.cli.start import run
from service.plots.calibration_record import record_picture
from service.settings import load_settings
from spectra.axis import polynomial_axis, raman_shift
from spectra.values import DeviceInfo, Scan, Technique

COEFFICIENTS = (786.0, 0.165, -2e-6)
LINES = (620.9, 795.8, 1001.4, 1031.8, 1155.3, 1602.3)


def axis_record(coefficients=COEFFICIENTS, **more):
    pixels = np.linspace(60, 980, 8)
    places = np.polynomial.polynomial.polyval(pixels, coefficients)
    lamps = [
        LineFit("Ne", place - 0.01, pixel, 0.05, 0.01, True)
        for place, pixel in zip(places.tolist(), pixels.tolist(), strict=True)
    ]
    shifts = raman_shift(polynomial_axis(coefficients, 1024), 785.1)
    pixel = float(np.interp(1001.4, shifts, np.arange(1024)))
    outcome = AxisOutcome(
        form="pixels",
        coefficients=coefficients,
        pixels=1024,
        laser_nm=785.1,
        laser_sigma_nm=0.01,
        rms=0.0123,
        leave_one_out_rms=0.02,
        sigma_cm1=0.25,
        valid_range=(float(places[0]), float(places[-1])),
        lines=(*lamps, LineFit("silicon\x1b[2J", 1001.4, pixel, 0.05, 0.0, False)),
    )
    fields = {
        "kind": Kind.AXIS,
        "device_serial": "S1",
        "device_model": "STS",
        "outcome": outcome,
        "standards": (StandardUsed("neon lamp", "L-77", "2027-01-01"),),
        "scans": ("0" * 64,),
        "made_at": "2026-11-01T12:00:00Z",
        "operator": "T. Nician",
    }
    return CalibrationRecord(**{**fields, **more})


def response_record(tilt=0.0, **more):
    axis = tuple(np.linspace(200.0, 2000.0, 50).tolist())
    factor = tuple(1.0 + tilt * (x - 1100.0) / 900.0 for x in axis)
    outcome = ResponseOutcome(
        "SRM 2241", 785.0, (200.0, 2000.0), axis, factor, 0.004, (min(factor), max(factor))
    )
    return axis_record(
        kind=Kind.INTENSITY, outcome=outcome, standards=(StandardUsed("SRM 2241", "17"),), **more
    )


def width_record(width=8.0, **more):
    outcome = ResolutionOutcome("calcite", 1085.9, "voigt", width, 0.06, width - 0.2, 1.5)
    return axis_record(kind=Kind.RESOLUTION, outcome=outcome, standards=(StandardUsed("calcite"),), **more)


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_cli(opioscan_home, capsys):
    """Return a function that runs a command in this process, in the test's home."""

    def call(*arguments):
        code = run([str(one) for one in arguments])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call


@pytest.fixture
def store(opioscan_home):
    return Calibrations(opioscan_home / "calibrations")


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def test_a_technician_keeps_records(run_cli, store, tmp_path):
    assert "every device's own axis counts" in run_cli("calibration", "list").out
    first = axis_record()
    second = axis_record(
        (786.1, 0.165, -2e-6), made_at="2026-11-20T12:00:00Z", supersedes=first.record_id, emulated=True
    )
    late = width_record(valid_until="2026-11-02T00:00:00Z")
    for record in (first, second, late):
        store.keep(record)

    listed = run_cli("calibration", "list")
    assert listed.code == 0
    rows = {line[:12]: line for line in listed.out.splitlines()}
    assert "superseded" in rows[first.record_id[:12]]
    assert "in force  EMULATED" in rows[second.record_id[:12]]
    assert "EXPIRED" in rows[late.record_id[:12]]

    shown = run_cli("calibration", "show", second.record_id[:8], "--png", tmp_path / "a.png")
    assert shown.code == 0
    assert f"record      {second.record_id}" in shown.out
    assert "certificate L-77, until 2027-01-01" in shown.out
    assert "\x1b" not in shown.out
    lamp = next(line for line in shown.out.splitlines() if line.split()[:1] == ["Ne"])
    assert lamp.split()[-3:] == ["-0.090", "+0.010", "nm"], "0.1 nm by the record before, less 0.01"
    assert size_of((tmp_path / "a.png").read_bytes())[0] == 990
    assert run_cli("calibration", "show", "ffffffff").code == 4

    told = json.loads(run_cli("calibration", "compare", first.record_id, second.record_id[:6], "--json").out)
    # 0.1 nm at 1000 cm-1 beyond 785.1 nm: 0.1 · 10⁷ / 852.0² cm-1.
    assert told["mean_cm1"] == pytest.approx(1.37, abs=0.1)
    assert told["max_cm1"] == pytest.approx(0.1e7 / 794.5**2, abs=0.05)
    assert run_cli("calibration", "compare", first.record_id, late.record_id).code == 2

    gone = run_cli("calibration", "withdraw", second.record_id[:8], "--why", "wrong lamp", "--by", "Q. M.")
    assert gone.code == 0
    assert f"in force now: {first.record_id[:12]}" in gone.out
    assert store.in_force("S1").axis == first
    (said,) = calibrations(load_settings())
    assert (said.state, said.facts["records"]["axis"]) == ("problem", first.record_id)
    assert "recalibrate" in said.text


def test_records_go_from_one_home_to_another(run_cli, store, tmp_path, monkeypatch):
    record, out = axis_record(), tmp_path / "out.json"
    store.keep(record)
    assert run_cli("calibration", "export", record.record_id, out).code == 0
    assert out.read_bytes() == rfc8785.dumps(record.to_json())
    assert run_cli("calibration", "export", record.record_id, out).code == 4, "it is there already"

    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / "other"))
    added = run_cli("calibration", "add", out, "--digest", record.record_id[:12], "--json")
    assert json.loads(added.out)["state"] == "in_force"
    assert Calibrations(tmp_path / "other" / "calibrations").in_force("S1").axis == record
    assert run_cli("calibration", "add", out, "--digest", "0" * 64).code == 4

    named = tmp_path / f"{record.record_id}.json"
    named.write_bytes(out.read_bytes().replace(b"0.165", b"0.166"))
    swapped = run_cli("calibration", "add", named)
    assert (swapped.code, swapped.err.count("\n")) == (4, 1)
    assert "damaged, edited or swapped" in swapped.err
    out.write_text('{"schema": "opioscan.calibration/2"}')
    assert run_cli("calibration", "add", out).code == 4


def test_a_damaged_record_is_named_and_the_others_are_listed(run_cli, store):
    store.keep(axis_record())
    path = store.keep(width_record())
    path.chmod(0o600)
    path.write_text("{}")
    listed = run_cli("calibration", "list", "--json")
    assert listed.code == 4
    assert path.name in listed.err
    assert [json.loads(line)["kind"] for line in listed.out.splitlines()] == ["axis"]
    good, damaged = calibrations(load_settings())
    assert (good.state, damaged.state) == ("ok", "problem")
    assert str(path) in damaged.text


def test_doctor_says_where_the_devices_own_axis_counts(run_cli, opioscan_home):
    (said,) = calibrations(load_settings())
    assert said.text == NONE_KEPT
    url = "obp+tcp://192.0.2.1:1?model=FX"
    save_device(opioscan_home / "devices.toml", BenchConfig("b1", url, None, 785.0))
    device = DeviceInfo("FX", "F-9", url=url, emulated=True)
    scan = Scan(
        Technique.RAMAN, np.ones((1, 9)), device, 1.0, "2026-01-01T08:00:00Z", np.arange(800.0, 809.0)
    )
    kept = Archive(opioscan_home / "archive").put(scan)
    history(opioscan_home, [0.0], device="FX/F-9", scan_id=kept.scan_id)
    (said,) = calibrations(load_settings())
    assert said.text == f"F-9: {NONE_KEPT}"
    assert (
        "FX/F-9, polystyrene: 1 verifications, 0 failed, 0 without a verdict  EMULATED"
        in run_cli("calibration", "chart", "b1").out
    )


def history(home, offsets, *, device="STS/S1", scan_id="", failed=()):
    """The verifications of a bench, as its table holds them."""
    OutboxFile(home / "outbox.sqlite3")
    columns = (
        "device, control, verdict, scan_id, standard, at, due_at, due_why, after_seq, axis_id, intensity_id, "
        "temperatures, outcome"
    )
    text = ", ".join(f"{name} TEXT NOT NULL" for name in columns.split(", "))
    with closing(sqlite3.connect(home / "outbox.sqlite3")) as database, database:
        database.execute(f"CREATE TABLE IF NOT EXISTS verifications (seq INTEGER PRIMARY KEY, {text})")
        for day, offset in enumerate(offsets):
            lines = [{"expected_cm1": line, "found_cm1": line + offset, "fwhm_cm1": 8.0} for line in LINES]
            lines[-1]["found_cm1"] = None
            outcome = {"lines": lines, "resolution_cm1": 8.1, "intensity": None, "snr": 90.0}
            verdict = "failed" if day in failed else "passed"
            at = f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T08:00:00Z"
            told = (device, "positive", verdict, scan_id, "polystyrene", at, at, "", 0)
            row = (*told, "", "", "{}", json.dumps(outcome))
            database.execute(
                f"INSERT INTO verifications ({columns}) VALUES ({', '.join('?' * len(row))})", row
            )


def test_verifications_are_charted(run_cli, opioscan_home, tmp_path):
    nothing = run_cli("calibration", "chart", "S1")
    assert nothing.code == 2
    assert "opioscan verify makes the first" in nothing.err
    rng = np.random.default_rng(0)
    drift = [0.05 + rng.normal(0, 0.05) for _ in range(30)] + [0.05 + 0.2 * day for day in range(12)]
    history(opioscan_home, drift, failed={40, 41})
    history(opioscan_home, [0.0], device="STS/S2")

    charted = run_cli("calibration", "chart", "S1", "--png", tmp_path / "c.png")
    assert charted.code == 0
    assert "STS/S1, polystyrene: 42 verifications, 2 failed, 0 without a verdict" in charted.out
    position = next(line for line in charted.out.splitlines() if line.startswith("  position"))
    assert "NOW: beyond 3σ, EWMA out" in position
    assert "intensity" not in charted.out
    width, height = size_of((tmp_path / "c.png").read_bytes())
    assert (width, height > 500) == (1280, True)

    told = [json.loads(line) for line in run_cli("calibration", "chart", "STS/S1", "--json").out.splitlines()]
    named = {one["name"]: one for one in told}
    assert named["position"]["in_control"] is False
    assert named["width"]["in_control"] is True
    (phase,) = named["line 1001.4"]["phases"]
    assert [point["value"] for point in phase["points"]] == pytest.approx(drift)
    assert phase["limits"]["count"] == 20
    assert "line 1602.3" not in named, "it was never found"
    since = run_cli("calibration", "chart", "S1", "--since", "2026-02-10")
    assert "no limits yet: " in since.out
    for wrong in (("S3",), ("S1", "--since", "soon"), ("S1", "--png", "c.gif")):
        ran = run_cli("calibration", "chart", *wrong)
        assert (ran.code, ran.err.count("\n")) == (2, 1), wrong


@pytest.mark.parametrize(
    "record", [axis_record(), response_record(0.3), width_record()], ids=lambda one: str(one.kind)
)
def test_pictures_are_the_same_for_the_same_record(record, tmp_path):
    first = record_picture(record, tmp_path / "a.png")
    assert size_of(first)[0] == 990
    assert first == record_picture(record, tmp_path / "b.png")
    assert record_picture(record, tmp_path / "a.svg").startswith(b"<?xml")
    marked = record_picture(replace(record, emulated=True), tmp_path / "a.svg")
    assert marked != record_picture(record, tmp_path / "a.svg")
