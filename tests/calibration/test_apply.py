"""From counts to a spectrum: dark, cosmic rays, axis, and whose record it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.apply import average, spectrum_of
from calibration.errors import RecordDamaged, UncalibratedScan, WrongDevice
from calibration.in_force import InForce
from calibration.outcomes import AxisOutcome, LineFit
from calibration.record import CalibrationRecord, Kind, StandardUsed
from spectra.axis import polynomial_axis, wavelength_of
from spectra.values import DeviceInfo, Scan, Technique

COEFFICIENTS = (800.0, 0.16, -1e-6)
PIXELS = 1024


def axis_record(laser_nm):
    outcome = AxisOutcome(
        form="pixels",
        coefficients=COEFFICIENTS,
        pixels=PIXELS,
        laser_nm=laser_nm,
        laser_sigma_nm=0.01,
        rms=0.01,
        leave_one_out_rms=0.02,
        sigma_cm1=0.3,
        valid_range=(800.0, 960.0),
        lines=(LineFit("Ne", 811.85492, 74.1, 0.02, 0.003, True),),
    )
    return CalibrationRecord(
        kind=Kind.AXIS,
        device_serial="S1",
        outcome=outcome,
        standards=(StandardUsed("neon lamp"),),
        scans=("0" * 64,),
        made_at="2026-11-21T12:00:00Z",
    )


RECORD = axis_record(785.2)
CALIBRATED = InForce(axis=RECORD)


def scan(**more):
    rng = np.random.default_rng(0)
    counts = 1000 + 500 * np.exp(-(((np.arange(PIXELS) - 400) / 5) ** 2)) + rng.normal(0, 3, (4, PIXELS))
    fields = {
        "technique": Technique.RAMAN,
        "counts": counts,
        "device": DeviceInfo("STS", "S1"),
        "exposure_s": 1.0,
        "taken_at": "2026-11-21T12:00:00Z",
        "axis": polynomial_axis(COEFFICIENTS, PIXELS),
        "dark": np.full((2, PIXELS), 990.0),
        "laser_nm": 785.0,
        "saturation_counts": 16383.0,
    }
    return Scan(**{**fields, **more})


def test_the_dark_is_taken_off_and_wavelengths_become_shifts():
    spectrum = spectrum_of(scan())
    assert abs(np.median(spectrum.intensity) - 10) < 2
    peak = spectrum.axis[np.argmax(spectrum.intensity)]
    assert wavelength_of(np.array([peak]), 785.0)[0] == pytest.approx(scan().axis[400], abs=0.2)
    assert spectrum.axis[0] >= 150
    assert spectrum.laser_nm == 785.0
    assert any("dark" in step for step in spectrum.history)


def test_a_record_moves_the_axis_and_is_named():
    plain, recorded = spectrum_of(scan()), spectrum_of(scan(), CALIBRATED)
    assert recorded.laser_nm == 785.2
    assert recorded.axis[50] != plain.axis[50]
    assert any(RECORD.record_id[:12] in step for step in recorded.history)


def test_a_record_of_another_device_is_refused():
    with pytest.raises(WrongDevice, match="S1"):
        spectrum_of(scan(device=DeviceInfo("STS", "S2")), CALIBRATED)


def test_scans_without_an_axis_are_refused():
    with pytest.raises(UncalibratedScan, match="laser"):
        spectrum_of(scan(laser_nm=None))
    with pytest.raises(UncalibratedScan, match="cut short"):
        spectrum_of(scan(aborted="stopped"))


def test_infrared_scans_keep_their_wavenumbers():
    wavenumbers = np.linspace(600, 4000, PIXELS)
    spectrum = spectrum_of(scan(technique=Technique.FTIR, axis=wavenumbers, laser_nm=None, dark=None))
    assert np.array_equal(spectrum.axis, wavenumbers)
    assert spectrum.laser_nm is None


def test_saturation_behind_the_edge_filter_does_not_count():
    counts = scan().counts.copy()
    shift = 1e7 * (1 / 785.0 - 1 / scan().axis)
    counts[0, np.argmax(shift > 120)] = 16383.0
    edge = np.flatnonzero(shift < 150)
    if edge.size:
        behind = scan(counts=np.where(np.arange(PIXELS) == edge[0], 16383.0, scan().counts))
        assert not spectrum_of(behind).saturated
    counts = scan().counts.copy()
    counts[1, 700] = 16383.0
    assert spectrum_of(scan(counts=counts)).saturated


def test_a_cosmic_ray_in_one_accumulation_is_replaced():
    counts = scan().counts.copy()
    counts[2, 600] += 5000
    mean, replaced = average(counts)
    assert replaced == 1
    assert abs(mean[600] - scan().counts[:, 600].mean()) < 10


@given(st.integers(1, 2))
def test_too_few_accumulations_are_left_alone(count):
    frames = np.random.default_rng(1).normal(100, 1, (count, 50))
    mean, replaced = average(frames)
    assert replaced == 0
    assert np.allclose(mean, frames.mean(axis=0))


def test_records_are_named_by_content_and_read_back():
    again = CalibrationRecord.from_json(RECORD.to_json())
    assert again == RECORD
    assert again.record_id == RECORD.record_id
    moved = axis_record(785.3)
    assert moved.record_id != RECORD.record_id
    for damage in ({"schema": "other"}, {"laser": 1}, {"scans": [1]}, {"kind": "intensity"}):
        with pytest.raises(RecordDamaged):
            CalibrationRecord.from_json({**RECORD.to_json(), **damage})
