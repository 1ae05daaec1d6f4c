"""Axes from lamps: real neon from a wrong guess, instruments whose truth is known, and what must be refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.axis import calibrate_axis
from calibration.errors import NotCalibrated, UnknownStandard
from calibration.lamps import lamp_lines
from calibration.laser_line import calibrate_laser, checked_lines
from calibration.line_groups import found_lines, line_shape
from calibration.peaks import lamp_peaks
from calibration.polynomial_fit import fit_polynomial
from calibration.wavelength import calibrate_wavelengths
from spectra.axis import polynomial_axis, raman_shift
from spectra.formats.pixels import decode_pixels

PIXELS = 2048
TRUE = (770.0, 0.1505, -4.0e-6, -7.0e-10)


def lit(true_nm, lamps, *, fwhm_px=2.4, top=20000.0, noise=8.0, seed=0, without=(), strangers=()):
    """Draw the spectrum of lamps on a known axis, point by point on a grid nine times as fine."""
    rng = np.random.default_rng(seed)
    table = lamp_lines(lamps)
    fine = np.arange(true_nm.size * 9) / 9 - 4 / 9
    at = np.interp(table.wavelength_nm, true_nm, np.arange(true_nm.size), left=-50, right=-50)
    height = 10 ** (3 * (table.strength - 1))
    keep = [n for n in range(len(table)) if at[n] > 0 and n not in without]
    counts = np.zeros(fine.size)
    for place, strength in [*zip(at[keep], height[keep], strict=True), *strangers]:
        counts += strength * np.exp(-4 * np.log(2) * ((fine - place) / fwhm_px) ** 2)
    counts = counts.reshape(-1, 9).mean(axis=1)
    return 1000 + top * counts / counts.max() + rng.normal(0, noise, true_nm.size)


def silicon(true_nm, laser_nm, *, noise=8.0, height=8000.0, line=520.45, seed=1):
    shift = raman_shift(true_nm, laser_nm)
    counts = height / (1 + ((shift - line) / 4.0) ** 2) + 300 * np.exp(-(((shift - 900) / 700) ** 2))
    return counts + np.random.default_rng(seed).normal(0, noise, true_nm.size)


def wrong(coefficients, offset_nm, stretch):
    first, *others = coefficients
    return (first + offset_nm, *(one * (1 + stretch) for one in others))


@settings(max_examples=5, deadline=None)
@given(st.floats(-2, 2), st.floats(-0.01, 0.01), st.floats(-0.6, 0.6), st.integers(0, 999))
def test_the_true_axis_is_found_from_a_wrong_guess(offset_nm, stretch, laser_off, seed):
    true_nm, laser_nm = polynomial_axis(TRUE, PIXELS), 785.0 + laser_off
    outcome = calibrate_axis(
        [(lit(true_nm, ["neon"], seed=seed), "neon")],
        (silicon(true_nm, laser_nm, seed=seed), "silicon"),
        guess=wrong(TRUE, offset_nm, stretch),
        laser_nm=785.0,
    )
    assert outcome.laser_nm == pytest.approx(laser_nm, abs=0.01)
    found = raman_shift(polynomial_axis(outcome.coefficients, PIXELS), outcome.laser_nm)
    truth = raman_shift(true_nm, laser_nm)
    between = (true_nm > outcome.valid_range[0]) & (true_nm < outcome.valid_range[1])
    assert np.abs(found - truth)[between].max() < 0.5
    assert outcome.sigma_cm1 < 0.3
    assert outcome.form == "pixels"
    assert {line.standard for line in outcome.lines} == {"Ne", "silicon"}


def test_missing_lines_and_strangers_mislead_nobody():
    true_nm = polynomial_axis(TRUE, PIXELS)
    rng = np.random.default_rng(3)
    without = set(rng.choice(len(lamp_lines(["neon"])), 30, replace=False).tolist())
    strangers = [(float(place), 0.3) for place in rng.uniform(200, 1800, 6)]
    counts = lit(true_nm, ["neon"], without=without, strangers=strangers)
    fit = calibrate_wavelengths(counts, ["neon"], wrong(TRUE, 1.5, 0.008))
    low, high = int(fit.first_line.pixel), int(fit.last_line.pixel)
    assert np.abs(fit.axis_nm - true_nm)[low:high].max() < 0.05
    assert np.abs(fit.axis_nm - true_nm)[low:high].max() < 5 * fit.sigma_nm[low:high].max() + 0.01


def test_two_lamps_one_after_the_other_are_better_than_one():
    true_nm = polynomial_axis((690.0, 0.14, -3e-6), PIXELS)
    guess = wrong((690.0, 0.14, -3e-6), -1.0, 0.005)
    scans = [(lit(true_nm, [lamp], seed=n), lamp) for n, lamp in enumerate(("neon", "argon"))]
    both = calibrate_axis(scans, None, guess=guess, laser_nm=680.0)
    assert {line.standard for line in both.lines} >= {"Ne", "Ar"}
    truth = polynomial_axis(both.coefficients, PIXELS)
    inside = (true_nm > both.valid_range[0]) & (true_nm < both.valid_range[1])
    assert np.abs(truth - true_nm)[inside].max() < 0.03
    assert both.laser_nm == 680.0
    assert both.laser_sigma_nm is None


def test_lines_that_run_together_keep_their_distance():
    true_nm = polynomial_axis(TRUE, PIXELS)
    counts = lit(true_nm, ["neon"], fwhm_px=4.0)
    found = found_lines(lamp_peaks(counts), lamp_lines(["neon"]), true_nm)
    off = [line.pixel - np.interp(line.wavelength_nm, true_nm, np.arange(PIXELS)) for line in found]
    assert len(found) > 25
    assert np.median(np.abs(off)) < 0.05
    blend = [line for line in found if 837.3 < line.wavelength_nm < 837.7]
    single = {round(value, 3) for value in lamp_lines(["neon"]).wavelength_nm}
    assert all(round(line.wavelength_nm, 3) not in single for line in blend)


def test_a_line_is_a_gaussian_that_channels_collect():
    channel = np.arange(-20, 21, dtype=float)
    drawn = line_shape(channel, 0.3, 3.0)
    fine = np.arange(-20.5, 20.5, 0.01) + 0.005
    truth = np.exp(-4 * np.log(2) * ((fine - 0.3) / 3.0) ** 2).reshape(41, 100).mean(axis=1)
    assert np.allclose(drawn, truth, atol=1e-4)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (np.full(PIXELS, 100.0), "no noise"),
        (
            np.random.default_rng(0).normal(100, 5, PIXELS),
            "no line stands out|too few lines|lines of the lamp",
        ),
        (np.full(20, 1.0), "64 channels"),
        (np.full(PIXELS, np.nan), "finite"),
    ],
)
def test_what_is_no_lamp_is_refused(counts, words):
    with pytest.raises(NotCalibrated, match=words):
        calibrate_wavelengths(counts, ["neon"], TRUE)


def test_another_lamp_is_refused():
    argon = lit(polynomial_axis(TRUE, PIXELS), ["argon"])
    with pytest.raises(NotCalibrated):
        calibrate_wavelengths(argon, ["neon"], TRUE)
    with pytest.raises(UnknownStandard, match="neon, argon, mercury"):
        calibrate_wavelengths(argon, ["krypton"], TRUE)
    with pytest.raises(UnknownStandard, match="none"):
        lamp_lines([])


def test_saturated_lines_are_not_measured():
    true_nm = polynomial_axis(TRUE, PIXELS)
    counts = np.minimum(lit(true_nm, ["neon"], top=200000.0), 65535.0)
    fit = calibrate_wavelengths(counts, ["neon"], TRUE, saturation=65535.0)
    low, high = int(fit.first_line.pixel), int(fit.last_line.pixel)
    assert np.abs(fit.axis_nm - true_nm)[low:high].max() < 0.05
    full = true_nm[counts >= 65535.0]
    assert all(np.abs(full - line.wavelength_nm).min() > 0.1 for line in fit.lines)


def test_a_laser_line_needs_its_substance():
    true_nm = polynomial_axis(TRUE, PIXELS)
    flat = np.random.default_rng(0).normal(500, 10, PIXELS)
    with pytest.raises(NotCalibrated, match="stands out"):
        calibrate_laser(flat, true_nm, "silicon", 785.0)
    with pytest.raises(NotCalibrated, match="saturated"):
        calibrate_laser(np.minimum(silicon(true_nm, 785.0), 4000.0), true_nm, "silicon", 785.0)
    with pytest.raises(UnknownStandard, match="silicon"):
        calibrate_laser(flat, true_nm, "chalk", 785.0)
    with pytest.raises(NotCalibrated, match="one for each"):
        calibrate_laser(flat[:100], true_nm, "silicon", 785.0)
    far = silicon(true_nm, 785.0, line=700.0)
    with pytest.raises(NotCalibrated):
        calibrate_laser(far, true_nm, "silicon", 785.0)


def test_an_axis_is_not_trusted_far_beyond_its_lines():
    true_nm = polynomial_axis(TRUE, PIXELS)
    early = {n for n, line in enumerate(lamp_lines(["neon"]).wavelength_nm) if line < 848.0}
    counts = lit(true_nm, ["neon"], without=early)
    with pytest.raises(NotCalibrated, match="hold the axis only from 9"):
        calibrate_axis([(counts, "neon")], (silicon(true_nm, 785.0), "silicon"), guess=TRUE, laser_nm=785.0)


def test_lines_are_checked_on_a_finished_axis():
    true_nm = polynomial_axis(TRUE, PIXELS)
    (line,) = checked_lines(silicon(true_nm, 785.1), true_nm, "silicon", 785.1)
    assert abs(line.residual) < 0.1
    assert not line.used


def test_a_polynomial_sets_outliers_aside_and_takes_no_higher_degree_than_it_needs():
    rng = np.random.default_rng(5)
    x = np.sort(rng.uniform(0, 1000, 24))
    y = 0.3 + 2e-3 * x - 1e-6 * x**2 + rng.normal(0, 0.005, 24)
    y[[4, 15]] += 0.3
    fit = fit_polynomial(x, y, np.full(24, 0.005), extent=1000.0, floor=0.001)
    assert fit.degree == 2
    assert np.flatnonzero(~fit.used).tolist() == [4, 15]
    assert np.allclose(fit.powers(), [0.3, 2e-3, -1e-6], rtol=0.1, atol=0.01)
    kept = fit.used
    for left in np.flatnonzero(kept)[:5]:
        others = kept.copy()
        others[left] = False
        again = np.polynomial.Polynomial.fit(x[others], y[others], 2)
        assert again(x[left]) - y[left] == pytest.approx(fit.left_out[left], rel=1e-3, abs=1e-6)
    assert fit_polynomial(x[:4], y[:4], np.ones(4), extent=1000.0, floor=0.1) is None


@pytest.mark.shared
@pytest.mark.parametrize(("offset_nm", "stretch"), [(2.0, 0.01), (-2.0, 0.01), (2.0, -0.01), (-2.0, -0.01)])
def test_a_real_neon_lamp_from_a_guess_wrong_by_two_nanometres(offset_nm, stretch):
    path = Path(os.environ["OPIOSCAN_SHARED"]) / "data/raman-calibration/bwtek785/Ne_785nm_x20_50ms.txt"
    raw = decode_pixels(path.read_bytes(), name=path.name)
    fit = calibrate_wavelengths(
        raw.counts, ["neon"], wrong(raw.coefficients, offset_nm, stretch), saturation=65535.0
    )
    assert fit.fit.leave_one_out_rms <= 0.05
    assert fit.fit.used.sum() >= 25
