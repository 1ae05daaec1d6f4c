"""Verification: drift is seen, noise and missing lines fail, and a stable axis passes."""

import os
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import RecordDamaged, UnknownStandard
from calibration.lines import fit_line
from calibration.standards import SHARP, sharp_lines, standard_lines
from calibration.verification import LIMIT_CM1, Verification, verify_axis
from spectra.values import Spectrum, Technique

AXIS = np.linspace(250, 2300, 1024)


def standard(name="polystyrene", *, shift=0.0, noise=2.0, fwhm=8.0, seed=0, lines=None, saturated=False):
    rng = np.random.default_rng(seed)
    total = 200 + 0.05 * AXIS
    for line in lines if lines is not None else sharp_lines(name):
        total += 600 * np.exp(-4 * np.log(2) * ((AXIS - line - shift) / fwhm) ** 2)
    return Spectrum(
        AXIS, total + rng.normal(0, noise, AXIS.size), Technique.RAMAN, laser_nm=785.0, saturated=saturated
    )


@pytest.mark.parametrize("name", sorted(SHARP))
def test_a_true_axis_passes_with_numbers(name):
    found = verify_axis(standard(name), standard=name, at="2026-11-21T12:00:00Z")
    assert found.passed
    assert found.worst_cm1 < 0.3
    assert found.resolution_cm1 == pytest.approx(8.0, abs=0.5)
    assert Verification.from_json(found.to_json()) == found


@pytest.mark.parametrize("seed", range(20))
def test_a_stable_axis_never_fails_and_a_drift_beyond_the_limit_always_does(seed):
    stable = verify_axis(standard(shift=0.5, noise=12.0, seed=seed), at="")
    assert stable.passed
    drifted = verify_axis(standard(shift=LIMIT_CM1 + 0.5, noise=12.0, seed=seed), at="")
    assert not drifted.passed
    assert drifted.worst_cm1 == pytest.approx(LIMIT_CM1 + 0.5, abs=0.5)


def test_what_is_no_standard_fails():
    for seed in range(20):
        empty = verify_axis(standard(lines=(), seed=seed), at="")
        assert not empty.passed
        assert empty.worst_cm1 is None
    one_missing = verify_axis(standard(lines=sharp_lines("polystyrene")[:-1]), at="")
    assert not one_missing.passed
    assert not verify_axis(standard(saturated=True), at="").passed
    assert not verify_axis(standard(noise=150.0), at="").passed


def test_lines_are_found_between_pixels():
    for true in (1000.3, 1001.1, 1002.7):
        line = fit_line(standard(lines=(true,), noise=1.0), 1001.4)
        assert line.centre_cm1 == pytest.approx(true, abs=0.1)
        assert line.sigma_cm1 < 0.2
    assert fit_line(standard(), 5000.0) is None


def test_standards_come_from_the_table():
    assert 1001.4 in standard_lines("polystyrene")
    assert set(sharp_lines("acetaminophen")) <= set(standard_lines("acetaminophen"))
    with pytest.raises(UnknownStandard):
        standard_lines("sugar")
    with pytest.raises(UnknownStandard, match="verification knows"):
        verify_axis(standard(), standard="sulfur", at="")


def test_damaged_records_are_refused():
    good = verify_axis(standard(), at="").to_json()
    for damage in ({"schema": "x"}, {"extra": 1}, {"lines": [{"a": 1}]}):
        with pytest.raises(RecordDamaged):
            Verification.from_json({**good, **damage})


@pytest.mark.shared
def test_real_polystyrene_passes_and_toluene_does_not_pass_for_it():
    from spectra.formats import decode

    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data/raman785-library"
    read = {
        name: decode((folder / f"{name}.csv").read_bytes(), name=name)[0].spectrum
        for name in ("polystyrene", "toluene")
    }
    good = verify_axis(read["polystyrene"], at="")
    assert good.passed
    assert good.worst_cm1 < 0.3
    assert not verify_axis(read["toluene"], at="").passed
