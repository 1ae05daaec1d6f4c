"""A wrong axis set right by a known substance: real spectra moved on purpose, and what must be refused."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import NotCalibrated, UnknownStandard
from calibration.rescue import rescue_axis
from calibration.standards import weighted_lines
from spectra.formats import decode
from spectra.values import Spectrum, Technique

AXIS = np.linspace(250.0, 2000.0, 1600)


def drawn(lines, *, noise=0.003, seed=0):
    intensity = sum(w / (1 + ((AXIS - at) / 5.0) ** 2) for at, w in lines if AXIS[0] < at < AXIS[-1])
    return Spectrum(
        AXIS, intensity + np.random.default_rng(seed).normal(0, noise, AXIS.size), Technique.RAMAN
    )


def moved(spectrum, offset, tilt, bend):
    u = 2 * (spectrum.axis - spectrum.axis[0]) / np.ptp(spectrum.axis) - 1
    return replace(spectrum, axis=spectrum.axis + offset + tilt * u + bend * u * u)


def error_of(spectrum, bad, outcome):
    inside = (bad.axis >= outcome.valid_range[0]) & (bad.axis <= outcome.valid_range[1])
    corrected = np.polynomial.polynomial.polyval(bad.axis, outcome.coefficients)
    return np.abs(corrected - spectrum.axis)[inside].max()


@pytest.mark.parametrize("substance", ["acetaminophen", "naphthalene"])
@pytest.mark.parametrize(("offset", "tilt", "bend"), [(0, 0, 0), (30, 12, 4), (-35, 15, -8), (20, -18, 6)])
def test_a_bent_axis_is_straightened(substance, offset, tilt, bend):
    spectrum = drawn(weighted_lines(substance))
    bad = moved(spectrum, offset, tilt, bend)
    outcome = rescue_axis(bad, substance)
    assert outcome.form == "shifts"
    assert outcome.pixels == AXIS.size
    assert error_of(spectrum, bad, outcome) < 2.0


def test_any_lines_will_do():
    lines = [
        (400.0, 0.4),
        (640.0, 1.0),
        (905.0, 0.5),
        (1120.0, 0.7),
        (1333.0, 0.3),
        (1610.0, 0.8),
        (1740.0, 0.4),
    ]
    spectrum = drawn(lines)
    bad = moved(spectrum, -12, 5, 0)
    assert error_of(spectrum, bad, rescue_axis(bad, lines)) < 1.0


def test_another_substance_and_nothing_at_all_are_refused():
    other = drawn([(333.0, 1.0), (480.0, 0.7), (777.0, 0.9), (1090.0, 0.8), (1411.0, 1.0), (1888.0, 0.6)])
    with pytest.raises(NotCalibrated):
        rescue_axis(other, "acetaminophen")
    noise = Spectrum(AXIS, np.random.default_rng(1).normal(0, 1, AXIS.size), Technique.RAMAN)
    with pytest.raises(NotCalibrated):
        rescue_axis(noise, "acetaminophen")
    with pytest.raises(UnknownStandard):
        rescue_axis(other, "chalk")
    with pytest.raises(NotCalibrated, match="4 are needed"):
        rescue_axis(other, [(333.0, 1.0), (480.0, 0.7)])


def test_the_uncertainty_is_stated():
    spectrum = drawn(weighted_lines("acetaminophen"))
    outcome = rescue_axis(moved(spectrum, 10, 3, 0), "acetaminophen")
    assert 0 < outcome.sigma_cm1 <= 1.0
    assert len(outcome.lines) >= 10
    assert outcome.leave_one_out_rms >= outcome.rms


@pytest.mark.shared
def test_a_measured_spectrum_moved_by_forty_wavenumbers_comes_back():
    path = Path(os.environ["OPIOSCAN_SHARED"]) / "data/raman785-library/acetaminophen.csv"
    spectrum = decode(path.read_bytes(), name=path.name, technique=Technique.RAMAN)[0].spectrum
    bad = moved(spectrum, 25, 12, 4)
    assert np.abs(bad.axis - spectrum.axis).max() > 40
    assert error_of(spectrum, bad, rescue_axis(bad, "acetaminophen")) < 2.0
