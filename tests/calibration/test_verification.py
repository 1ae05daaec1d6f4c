"""Verification: drift is seen, what is no proper measurement has no verdict, and a stable axis passes."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import RecordDamaged, UnknownStandard
from calibration.limits import BOUND_CM1, FIT_BIAS_CM1, LIMITS
from calibration.lines import fit_line
from calibration.negative import negative_control
from calibration.positive import verify_axis
from calibration.standards import SHARP, sharp_lines, standard_lines
from calibration.verification import Verification
from spectra.noise import noise_of
from spectra.values import Spectrum, Technique

AXIS = np.linspace(250, 2300, 1024)


def standard(
    name="polystyrene", *, shift=0.0, noise=2.0, fwhm=8.0, seed=0, lines=None, height=600.0, saturated=False
):
    rng = np.random.default_rng(seed)
    total = 200 + 0.05 * AXIS
    for line in lines if lines is not None else sharp_lines(name):
        total += height * np.exp(-4 * np.log(2) * ((AXIS - line - shift) / fwhm) ** 2)
    counts = total + rng.normal(0, noise, AXIS.size)
    return Spectrum(
        AXIS, counts, Technique.RAMAN, noise=noise_of(counts), laser_nm=785.0, saturated=saturated
    )


def figure(found, name):
    return [one for one in found.figures if one.name == name]


@pytest.mark.parametrize("name", sorted(SHARP))
def test_a_true_axis_passes_with_numbers(name):
    found = verify_axis(standard(name), standard=name, at="2026-11-21T12:00:00Z")
    assert (found.verdict, found.passed, found.why) == ("passed", True, "")
    assert found.worst_cm1 < 0.3
    assert found.resolution_cm1 == pytest.approx(8.0, abs=0.5)
    assert len(figure(found, "position")) == len(SHARP[name])
    assert all(one.ok for one in found.figures)
    assert all(str(one.high or one.low) or one.words for one in found.figures)
    assert Verification.from_json(found.to_json()) == found


def test_paracetamol_is_acetaminophen():
    found = verify_axis(standard("acetaminophen"), standard="Paracetamol")
    assert (found.standard, found.passed) == ("acetaminophen", True)


@pytest.mark.parametrize("seed", range(20))
def test_a_stable_axis_never_fails_and_a_drift_beyond_the_limit_always_does(seed):
    stable = verify_axis(standard(shift=0.5, noise=12.0, seed=seed))
    assert stable.passed
    sign = 1 if seed % 2 else -1
    drifted = verify_axis(standard(shift=sign * (LIMITS.position_cm1 + 0.8), noise=12.0, seed=seed))
    assert drifted.verdict == "failed"
    assert drifted.worst_cm1 == pytest.approx(LIMITS.position_cm1 + 0.8, abs=0.5)
    assert f"limit ± {LIMITS.position_cm1:g}" in drifted.why


@pytest.mark.parametrize("shift", [-40.0, -13.0, 7.0, 25.0])
def test_an_axis_that_is_far_off_fails_and_is_not_taken_for_another_substance(shift):
    found = verify_axis(standard(shift=shift))
    assert found.verdict == "failed"
    assert found.offset_cm1 == pytest.approx(shift, abs=0.2)


def test_what_is_no_proper_measurement_has_no_verdict():
    for seed in range(4):
        empty = verify_axis(standard(lines=(), seed=seed))
        assert (empty.verdict, empty.worst_cm1) == ("no_verdict", None)
    one_missing = verify_axis(standard(lines=sharp_lines("polystyrene")[:-1]))
    assert (one_missing.verdict, "1602.3" in one_missing.why) == ("no_verdict", True)
    saturated = verify_axis(standard(shift=1.9, saturated=True))
    assert (saturated.verdict, "saturated" in saturated.why) == ("no_verdict", True)
    weak = verify_axis(standard(noise=45.0))
    assert (weak.verdict, "too weak" in weak.why) == ("no_verdict", True)
    other = verify_axis(standard(lines=(*sharp_lines("polystyrene"), 521.0)))
    assert (other.verdict, "521" in other.why) == ("no_verdict", True)
    short = Spectrum(AXIS[:300], standard().intensity[:300], Technique.RAMAN, laser_nm=785.0)
    assert verify_axis(short).verdict == "no_verdict"


def test_width_and_intensity_are_held_against_the_baseline():
    first = verify_axis(standard(), light=100.0, scan_id="a" * 64)
    assert not figure(first, "intensity")
    again = verify_axis(standard(seed=1), light=100.0, baseline=first)
    assert (again.passed, again.baseline_scan_id) == (True, "a" * 64)
    assert figure(again, "intensity")[0].value == pytest.approx(1.0, abs=0.05)
    # Twice the light for twice the counts is the same intensity.
    assert verify_axis(standard(height=1200.0), light=200.0, baseline=first).passed
    wide = verify_axis(standard(fwhm=12.0), light=100.0, baseline=first)
    assert (wide.verdict, "width 1.5" in wide.why) == ("failed", True)
    dim = verify_axis(standard(height=150.0), light=100.0, baseline=first)
    assert (dim.verdict, "intensity 0.25" in dim.why) == ("failed", True)
    assert figure(verify_axis(standard(), baseline=first), "intensity") == []


def test_what_passes_leaves_room_to_the_bound():
    """No scan passes in which a line may be off by more than may ever be, however noisy it is."""
    for seed in range(25):
        found = verify_axis(standard(shift=1.3, noise=24.0, seed=seed))
        if found.passed:
            assert found.worst_cm1 + found.unsure_cm1 + FIT_BIAS_CM1 < BOUND_CM1


def test_lines_are_found_between_pixels():
    for true in (1000.3, 1001.1, 1002.7):
        line = fit_line(standard(lines=(true,), noise=1.0), 1001.4)
        assert line.centre_cm1 == pytest.approx(true, abs=0.1)
        assert line.sigma_cm1 < 0.2
    assert fit_line(standard(), 5000.0) is None


def test_the_stated_errors_of_positions_are_true():
    """Of 120 fits the scatter is as large as the standard error says, at the weakest that decides."""
    fits = [fit_line(standard(lines=(1001.4,), noise=30.0, seed=seed), 1001.4) for seed in range(120)]
    assert None not in fits
    off = np.array([fit.centre_cm1 - 1001.4 for fit in fits])
    said = np.median([fit.sigma_cm1 for fit in fits])
    assert off.std() == pytest.approx(said, rel=0.25)
    assert abs(off.mean()) < 0.03


def test_standards_come_from_the_table():
    assert 1001.4 in standard_lines("polystyrene")
    assert set(sharp_lines("acetaminophen")) <= set(standard_lines("acetaminophen"))
    with pytest.raises(UnknownStandard):
        standard_lines("sugar")
    with pytest.raises(UnknownStandard, match="verification knows"):
        verify_axis(standard(), standard="sulfur")


def test_damaged_records_are_refused():
    good = verify_axis(standard()).to_json()
    damages = ({"schema": "opioscan.verification/1"}, {"extra": 1}, {"lines": [{"a": 1}]}, {"worst_cm1": "1"})
    for damage in damages:
        with pytest.raises(RecordDamaged):
            Verification.from_json({**good, **damage})
    for other in (None, [], "x", {}):
        with pytest.raises(RecordDamaged):
            Verification.from_json(other)


CONTAINER = {"substance": "Polyethylene", "role": "container", "controlled": False}
NOTHING = {"verdict": "inconclusive", "reasons": ["weak_signal"], "components": [], "classes": []}
DRUG = {"substance": "Ketoprofen", "role": "content", "controlled": False, "watch_list": True}


def test_a_negative_control_passes_where_nothing_is_found():
    found = negative_control({**NOTHING, "components": [CONTAINER]}, scan_id="s", at="2026-11-21T12:00:00Z")
    assert (found.control, found.verdict) == ("negative", "passed")
    assert Verification.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    "change",
    [
        {"components": [DRUG]},
        {"components": [{"substance": "Lactose", "role": "content", "controlled": False}]},
        {"components": [{**CONTAINER, "controlled": True}]},
        {"classes": [{"class": "fentanyl_analogue", "detected": True}]},
        {"reasons": ["unexplained_residual"]},
        {"verdict": "alarm_class"},
        {"components": [DRUG], "reasons": ["saturated"]},
    ],
)
def test_a_negative_control_fails_where_anything_is_found(change):
    found = negative_control({**NOTHING, **change})
    assert (found.verdict, found.why.startswith("this is not empty")) == ("failed", True)
    # A watched substance is not named by what may not name it.
    assert "Ketoprofen" not in found.why


def test_a_negative_control_of_a_bad_scan_has_no_verdict():
    assert negative_control({**NOTHING, "reasons": ["saturated"]}).verdict == "no_verdict"
    left = {**NOTHING, "components": [{**CONTAINER, "substance": "Polystyrene"}]}
    assert negative_control(left).passed
    still_there = negative_control(left, standard="polystyrene")
    assert (still_there.verdict, "take it away" in still_there.why) == ("no_verdict", True)
    assert (
        negative_control({**left, "components": [DRUG, CONTAINER]}, standard="polystyrene").verdict
        == "failed"
    )
    assert negative_control(NOTHING, residue="a residue at 1700 cm⁻¹").verdict == "failed"
    assert negative_control({**NOTHING, "reasons": ["unexplained_residual"]}, residue="").passed


def measured(name):
    from spectra.formats import decode

    shared = Path(os.environ["OPIOSCAN_SHARED"]) / "data"
    places = (shared / f"raman785-library/{name}.csv", shared / f"raman-calibration/bwtek785/{name}.txt")
    path = next(one for one in places if one.exists())
    return decode(path.read_bytes(), name=path.name)[0].spectrum


@pytest.mark.shared
def test_real_standards_pass_on_four_instruments():
    for name in ("polystyrene", "acetaminophen", "cyclohexane"):
        assert verify_axis(measured(name), standard=name).passed
    for scan in ("Z020_100_1300ms", "Z050_100_3200ms", "Z100_100_9000ms"):
        found = verify_axis(measured(f"PST02_iRPlus785_{scan}"))
        assert found.passed
        assert found.worst_cm1 < 0.75


@pytest.mark.shared
@pytest.mark.parametrize("name", ["toluene", "benzene", "caffeine", "Ketoprofen", "Ibuprofen", "methanol"])
def test_another_real_substance_is_no_verification(name):
    assert verify_axis(measured(name)).verdict == "no_verdict"


@pytest.mark.shared
def test_broadening_real_polystyrene_to_13_cm1_moves_no_line_by_more_than_the_stated_bias():
    from scipy.ndimage import gaussian_filter1d

    sharp = measured("polystyrene")
    step = float(np.median(np.diff(sharp.axis)))
    for added in (4.0, 8.0, 10.0):
        blurred = gaussian_filter1d(sharp.intensity, added / 2.3548 / step)
        wide = replace(sharp, intensity=blurred, noise=None)
        for line in sharp_lines("polystyrene"):
            before, after = fit_line(sharp, line), fit_line(wide, line)
            assert abs(after.centre_cm1 - before.centre_cm1) < FIT_BIAS_CM1


def test_a_cosmic_ray_in_the_only_dark_frame_spoils_no_line():
    axis = np.linspace(1100.0, 1200.0, 60)
    line = 1000.0 * np.exp(-4 * np.log(2) * ((axis - 1155.3) / 9.0) ** 2)
    noise = np.full(axis.size, 5.0)
    intensity = line + np.random.default_rng(0).normal(0.0, 5.0, axis.size)
    intensity[30] -= 3000.0
    found = fit_line(Spectrum(axis, intensity, Technique.RAMAN, noise=noise), 1155.3)
    assert found is not None
    assert abs(found.centre_cm1 - 1155.3) < 0.3
