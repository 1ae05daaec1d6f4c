"""Which records a scan is made into a spectrum with: of its device, of its time, and only where they fit."""

from datetime import UTC, datetime

import numpy as np
import pytest

from calibration.apply import spectrum_of
from calibration.errors import UncalibratedScan
from calibration.in_force import InForce
from calibration.outcomes import AxisOutcome, LineFit
from calibration.record import CalibrationRecord, Kind, StandardUsed
from service.calibrated import (
    Calibrated,
    blank_spectrum,
    calibrated,
    calibrated_spectrum,
    in_force_at,
    with_calibration,
)
from service.calibrations import Calibrations
from spectra.answer import InstrumentState
from spectra.axis import polynomial_axis
from spectra.values import DeviceInfo, Scan, Technique

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def record(**more):
    outcome = {
        "form": "pixels",
        "coefficients": (800.5, 0.16, -1e-6),
        "pixels": 512,
        "laser_nm": 785.3,
        "laser_sigma_nm": 0.01,
        "rms": 0.01,
        "leave_one_out_rms": 0.02,
        "sigma_cm1": 0.3,
        "valid_range": (800.0, 960.0),
        "lines": (LineFit("Ne", 811.85492, 74.1, 0.02, 0.003, True),),
    }
    fields = {
        "kind": Kind.AXIS,
        "device_serial": "S1",
        "outcome": AxisOutcome(**{key: more.pop(key, value) for key, value in outcome.items()}),
        "standards": (StandardUsed("neon lamp"),),
        "scans": ("0" * 64,),
        "made_at": "2026-11-21T12:00:00Z",
    }
    return CalibrationRecord(**{**fields, **more})


def scan(**more):
    fields = {
        "technique": Technique.RAMAN,
        "counts": 1000 + np.random.default_rng(0).normal(0, 3, (2, 512)),
        "device": DeviceInfo("STS", "S1"),
        "exposure_s": 1.0,
        "taken_at": "2026-11-22T10:00:00Z",
        "axis": polynomial_axis((800.0, 0.16, -1e-6), 512),
        "laser_nm": 785.0,
    }
    return Scan(**{**fields, **more})


@pytest.fixture
def store(tmp_path):
    return Calibrations(tmp_path / "calibrations")


def test_a_later_record_changes_no_earlier_scan(store):
    first, second = record(), record(made_at="2026-11-22T11:00:00Z", coefficients=(801.0, 0.16, -1e-6))
    store.keep(first)
    before = calibrated(store, scan())
    assert (before.records.axis, before.left_out) == (first, ())
    assert spectrum_of(scan(), before.records).history[-1] == f"axis by record {first.record_id[:12]}"
    store.keep(second)
    assert calibrated(store, scan()) == before
    assert calibrated(store, scan(taken_at="2026-11-22T11:30:00Z")).records.axis == second
    assert calibrated(store, scan(taken_at="2026-11-20T00:00:00Z")).records.axis is None


def test_devices_without_records_are_as_they_were(store):
    store.keep(record())
    for device in (DeviceInfo("STS", "S2"), DeviceInfo("STS", "")):
        assert calibrated(store, scan(device=device)) == Calibrated()


@pytest.mark.parametrize(
    ("unfit", "words"),
    [
        ({"pixels": 1024}, "1024 channels cannot serve a scan of 512"),
        ({"form": "shifts"}, "calibration of shifts cannot serve"),
        ({"coefficients": (800.0, -0.16)}, "gives no axis"),
        ({"laser_nm": None}, "names no laser line"),
    ],
)
def test_a_record_that_does_not_fit_is_left_out_and_said(store, unfit, words):
    made = record(**unfit)
    store.keep(made)
    found = calibrated(store, scan())
    assert found.records.axis is None
    assert len(found.left_out) == 1
    assert made.record_id[:12] in found.left_out[0]
    assert words in found.left_out[0]
    assert found.outdated(NOW), "an answer made without it may not say that nothing is there"
    np.testing.assert_array_equal(spectrum_of(scan(), found.records).axis, spectrum_of(scan()).axis)
    with pytest.raises(UncalibratedScan, match="withdraw the record"):
        calibrated_spectrum(store, scan())


def test_a_store_that_cannot_be_read_is_said(store):
    store.folder.write_text("no folder")
    found = calibrated(store, scan())
    assert "cannot be read" in found.left_out[0]
    assert in_force_at(store, "S1", NOW).left_out == found.left_out


def test_a_blank_stands_on_the_axis_of_its_scan(store):
    store.keep(record(made_at="2026-11-22T09:30:00Z"))
    blank = scan(taken_at="2026-11-22T09:00:00Z")
    used = calibrated(store, scan())
    np.testing.assert_array_equal(
        blank_spectrum(blank, used.records).axis, calibrated_spectrum(store, scan()).axis
    )
    short = scan(counts=np.ones((1, 256)), axis=polynomial_axis((800.0, 0.16), 256))
    assert blank_spectrum(short, used.records).history[-1] == "axis by the device"


def test_the_state_names_the_records_and_whether_they_are_out_of_date():
    made = record(valid_until="2026-11-22T11:00:00Z")
    used = Calibrated(InForce(axis=made))
    known = InstrumentState("verified", verified_at="2026-11-22T09:00:00Z", verification_id="v" * 64)
    early = with_calibration(known, used, datetime(2026, 11, 22, 10, tzinfo=UTC))
    assert (early.axis, early.calibration_expired) == ("verified", False)
    assert early.to_json() == {
        "id": made.record_id,
        "verified_at": "2026-11-22T09:00:00Z",
        "verification": "v" * 64,
        "intensity": "",
        "resolution": "",
    }
    assert with_calibration(known, used, NOW).calibration_expired
    assert with_calibration(known, Calibrated(), NOW) == known
