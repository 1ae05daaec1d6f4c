"""Response: what an instrument did to the light is undone, within the range that is known and nowhere else."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.apply import spectrum_of
from calibration.errors import (
    RecordDamaged,
    ScanUnfit,
    UncalibratedScan,
    UnknownStandard,
    WrongDevice,
    WrongLaser,
)
from calibration.in_force import InForce
from calibration.outcomes import ResolutionOutcome, ResponseOutcome
from calibration.record import CalibrationRecord, Kind, StandardUsed
from calibration.response import apply_response, calibrate_response, is_corrected
from calibration.smoothing import roughness, smooth
from calibration.srm import certified
from spectra.formats import decode
from spectra.values import DeviceInfo, Scan, Spectrum, Technique

#: 512 channels, the distance of two falling from 6.7 to 4.2 cm⁻¹ as on a grating.
AXIS = 100.0 + np.cumsum(np.linspace(6.7, 4.2, 512))


def instrument(centre=800.0, width=1100.0, fringe=0.03, period=160.0):
    """How much of the light an instrument counts: a falling detector with a fringe."""
    return np.exp(-(((AXIS - centre) / width) ** 2)) * (1 + fringe * np.sin(2 * np.pi * AXIS / period)) + 0.05


def glass(counted, *, most=40000.0, seed=0, noise=0.5):
    """A scan of SRM 2241 as that instrument counts it, by the written-out polynomial of the certificate."""
    constants = (9.71937e-02, 2.28325e-04, -5.86762e-08, 2.16023e-10, -9.77171e-14, 1.15596e-17)
    light = sum(constant * AXIS**power for power, constant in enumerate(constants))
    true = light * counted
    true = true / true.max() * most
    drawn = true + np.random.default_rng(seed).normal(0, noise * np.sqrt(np.maximum(true, 1)))
    return Spectrum(AXIS, drawn, Technique.RAMAN, laser_nm=785.0)


def inside(outcome):
    """The channels of `AXIS` that a response covers."""
    low, high = outcome.range_cm1
    shifts = AXIS
    return (shifts >= low) & (shifts <= high)


def relative_error(outcome, counted):
    """Largest relative error of the factor against the instrument that was made up, away from the ends."""
    axis, factor = np.array(outcome.axis_cm1), np.array(outcome.factor)
    true = 1 / np.interp(axis, AXIS, counted)
    off = factor / true
    inner = slice(8, -8)
    return np.abs(off / np.median(off) - 1)[inner].max()


def test_the_response_of_a_made_up_instrument_is_found():
    counted = instrument()
    outcome = calibrate_response(glass(counted), "SRM 2241")
    assert outcome.standard == "SRM 2241"
    assert outcome.range_cm1[0] >= 200
    assert relative_error(outcome, counted) < 0.01
    assert np.median(outcome.factor) == pytest.approx(1.0, rel=1e-6)
    assert outcome.spread == (min(outcome.factor), max(outcome.factor))
    assert 0 < outcome.noise < 0.003


@settings(max_examples=4, deadline=None)
@given(
    centre=st.floats(500, 1800),
    width=st.floats(1100, 2500),
    fringe=st.floats(0, 0.05),
    seed=st.integers(0, 1 << 20),
)
def test_a_true_spectrum_is_recovered(centre, width, fringe, seed):
    counted = instrument(centre, width, fringe)
    outcome = calibrate_response(glass(counted, seed=seed), "2241")
    true = 50 + sum(1000 * np.exp(-(((AXIS - at) / 8) ** 2)) for at in (620.0, 1001.0, 1602.0))
    seen = Spectrum(AXIS, true * counted, Technique.RAMAN, noise=np.full(AXIS.size, 2.0), laser_nm=785.2)
    corrected = apply_response(seen, outcome)
    share = corrected.intensity / true[inside(outcome)]
    assert np.abs(share / np.median(share) - 1)[8:-8].max() < 0.02
    assert np.allclose(corrected.noise / corrected.intensity, 2.0 / (true * counted)[inside(outcome)])


def test_more_noise_makes_a_stiffer_curve():
    counted = instrument(fringe=0.0)
    axis = np.arange(400.0)
    true = 1000 * np.exp(-(((axis - 200) / 150) ** 2))
    quiet, loud = (
        smooth(true + np.random.default_rng(3).normal(0, noise, axis.size), np.full(axis.size, noise))
        for noise in (1.0, 30.0)
    )
    assert roughness(quiet.curve) < 1e-3
    assert np.median(loud.noise_left) / 30.0 < np.median(quiet.noise_left)
    raw = glass(counted, noise=3.0)
    outcome = calibrate_response(raw, "2241")
    covered = inside(outcome)
    measured = certified("2241", AXIS[covered]) / raw.intensity[covered]
    assert roughness(np.array(outcome.factor)) < 0.1 * roughness(measured)


def test_the_noise_left_is_what_repeated_scans_scatter_by():
    counted = instrument()
    outcomes = [calibrate_response(glass(counted, seed=seed), "2241") for seed in range(4)]
    axis = AXIS[np.all([inside(one) for one in outcomes], axis=0)]
    factors = np.array([np.interp(axis, one.axis_cm1, one.factor) for one in outcomes])
    scatter = np.sqrt(np.mean((factors.std(axis=0, ddof=1) / factors.mean(axis=0)) ** 2))
    assert scatter == pytest.approx(outcomes[0].noise, rel=0.6)


def test_what_the_glass_does_not_light_is_cut_and_said():
    counted = instrument(centre=500.0, width=700.0) - 0.05
    outcome = calibrate_response(glass(counted), "2241")
    assert outcome.range_cm1[1] < 2300
    assert outcome.cut.startswith("cut at")
    shown = apply_response(glass(counted), outcome)
    assert shown.axis[0] >= 200
    assert shown.axis[-1] <= outcome.range_cm1[1] + 1e-6
    assert "left out" in shown.history[-1]


def test_cosmic_rays_do_not_become_a_response():
    counted = instrument()
    scan = glass(counted)
    struck = scan.intensity.copy()
    struck[[60, 200, 201, 390]] += [30000.0, 8000.0, 5000.0, 2000.0]
    outcome = calibrate_response(replace(scan, intensity=struck), "2241")
    assert relative_error(outcome, counted) < 0.015


@pytest.mark.parametrize(
    "noise",
    [np.zeros(AXIS.size), np.where(np.arange(AXIS.size) % 7 == 0, 0.0, 60.0), None],
    ids=["none", "some", "found"],
)
def test_a_scan_without_noise_or_with_some_told_as_none_is_no_trap(noise):
    counted = instrument()
    outcome = calibrate_response(replace(glass(counted, noise=0.0), noise=noise), "2241")
    assert relative_error(outcome, counted) < 0.01


def bands(counted):
    scan = glass(counted)
    added = sum(30000 * np.exp(-(((AXIS - at) / 40) ** 2)) for at in (620.0, 1001.0, 1602.0))
    return replace(scan, intensity=scan.intensity + added)


def spikes(counted):
    scan = glass(counted)
    places = np.random.default_rng(1).integers(40, 400, 30)
    return replace(scan, intensity=scan.intensity + np.isin(np.arange(AXIS.size), places) * 9000.0)


@pytest.mark.parametrize(
    ("scan", "why"),
    [
        (lambda counted: replace(glass(counted), saturated=True), "saturated"),
        (lambda counted: glass(counted, most=20.0, noise=3.0), "expose it longer"),
        (lambda counted: replace(glass(counted), intensity=-glass(counted).intensity), "expose it longer"),
        (lambda counted: replace(glass(counted), intensity=np.zeros(AXIS.size)), "expose it longer"),
        (bands, "band"),
        (spikes, "stand out"),
        (lambda counted: replace(glass(counted), history=("intensity by SRM 2241",)), "corrected already"),
        (lambda counted: replace(glass(counted), axis=AXIS / 40), "certified range"),
        (lambda counted: replace(glass(counted), axis=AXIS / 4), "of the most"),
        (lambda counted: replace(glass(counted), technique=Technique.FTIR), "Raman"),
    ],
)
def test_scans_that_tell_no_response_are_refused(scan, why):
    with pytest.raises(ScanUnfit, match=why):
        calibrate_response(scan(instrument()), "2241")


def test_standards_and_records_of_another_laser_are_refused():
    scan = glass(instrument())
    for laser in (532.0, None):
        with pytest.raises(WrongLaser):
            calibrate_response(replace(scan, laser_nm=laser), "2241")
    with pytest.raises(WrongLaser):
        calibrate_response(scan, "2242a")
    with pytest.raises(UnknownStandard):
        calibrate_response(scan, "2243")
    outcome = calibrate_response(scan, "2241")
    with pytest.raises(WrongLaser, match="532"):
        apply_response(replace(scan, laser_nm=532.0), outcome)
    with pytest.raises(UncalibratedScan, match="once"):
        apply_response(apply_response(scan, outcome), outcome)
    with pytest.raises(UncalibratedScan, match="no channels"):
        apply_response(replace(scan, axis=AXIS + 9000), outcome)


def record(kind, outcome):
    return CalibrationRecord(
        kind=kind,
        device_serial="S1",
        outcome=outcome,
        standards=(StandardUsed("SRM 2241", certificate="unit 77"),),
        scans=("0" * 64,),
        made_at="2026-11-22T12:00:00Z",
    )


RESPONSE = ResponseOutcome(
    "SRM 2241", 785.0, (300.0, 900.0), (300.0, 600.0, 900.0), (1.0, 2.0, 4.0), 0.01, (1.0, 4.0)
)
RESOLUTION = ResolutionOutcome("calcite", 1085.9, "voigt", 7.2, 0.1, 6.4, 2.0)


def scan(**changes):
    fields = {
        "technique": Technique.RAMAN,
        "counts": np.full((3, 200), 500.0),
        "dark": np.full((1, 200), 400.0),
        "device": DeviceInfo("M", "S1"),
        "exposure_s": 1.0,
        "taken_at": "2026-11-22T12:00:00Z",
        "axis": np.linspace(160.0, 1155.0, 200),
        "axis_unit": "cm-1",
        "laser_nm": 785.0,
    }
    return Scan(**{**fields, **changes})


def test_the_records_in_force_are_applied_and_named():
    intensity, resolution = record(Kind.INTENSITY, RESPONSE), record(Kind.RESOLUTION, RESOLUTION)
    plain = spectrum_of(scan())
    assert not is_corrected(plain)
    assert plain.resolution_cm1 is None
    made = spectrum_of(scan(), InForce(intensity=intensity, resolution=resolution))
    assert made.axis[0] == 300.0
    assert made.axis[-1] == 900.0
    told = np.interp(made.axis, (300.0, 600.0, 900.0), (100.0, 200.0, 400.0))
    assert made.intensity == pytest.approx(told, rel=1e-12)
    assert made.resolution_cm1 == 6.4
    assert any(line.startswith(f"intensity by record {intensity.record_id[:12]}") for line in made.history)
    assert any(line.startswith(f"resolution by record {resolution.record_id[:12]}") for line in made.history)
    own = scan(settings={"file": {"resolution_cm1": 9.0}})
    assert spectrum_of(own, InForce(resolution=resolution)).resolution_cm1 == 9.0


def test_a_response_of_another_laser_or_device_is_refused():
    intensity = record(Kind.INTENSITY, RESPONSE)
    for laser in (830.0, None):
        with pytest.raises(WrongLaser):
            spectrum_of(scan(laser_nm=laser), InForce(intensity=intensity))
    with pytest.raises(WrongDevice):
        spectrum_of(scan(device=DeviceInfo("M", "S2")), InForce(intensity=intensity))


def test_outcomes_survive_their_record():
    outcome = calibrate_response(glass(instrument()), "2241")
    kept = CalibrationRecord.from_json(record(Kind.INTENSITY, outcome).to_json())
    assert kept.outcome == outcome


@pytest.mark.parametrize(
    "damage",
    [
        {"factor": (1.0, 2.0)},
        {"factor": (1.0, 0.0, 2.0)},
        {"axis_cm1": (300.0, 300.0, 900.0)},
        {"range_cm1": (200.0, 900.0)},
        {"range_cm1": (900.0, 300.0)},
        {"axis_cm1": (), "factor": ()},
    ],
)
def test_a_response_that_contradicts_itself_is_refused(damage):
    told = record(Kind.INTENSITY, RESPONSE).to_json()
    with pytest.raises(RecordDamaged):
        replace(RESPONSE, **damage)
    with pytest.raises(RecordDamaged):
        CalibrationRecord.from_json({**told, "outcome": {**told["outcome"], **damage}})
    for width in (0.0, -3.0, 5000.0):
        with pytest.raises(RecordDamaged):
            replace(RESOLUTION, instrument_cm1=width)


@pytest.mark.shared
def test_the_real_glass_gives_a_smooth_response_cut_where_stray_light_begins():
    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data/raman-calibration/bwtek785"
    name = "NISTSRM2241_BW785_100x_25sx5.txt"
    measured = decode((folder / name).read_bytes(), name=name)[0].spectrum
    outcome = calibrate_response(measured, "2241")
    assert outcome.range_cm1[0] < 205
    assert 2800 < outcome.range_cm1[1] < 3050
    assert "cut at" in outcome.cut
    assert outcome.noise < 0.005
    assert roughness(np.array(outcome.factor)) < 1e-3
    for other in ("PST02_iRPlus785_Z100_100_9000ms.txt", "nCAL02_iRPlus785_Z100_100_6000ms.txt"):
        stranger = decode((folder / other).read_bytes(), name=other)[0].spectrum
        with pytest.raises(ScanUnfit):
            calibrate_response(stranger, "2241")
