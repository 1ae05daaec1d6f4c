"""Steps of a recipe: linear algebra against slow definitions, batches against single spectra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spectra import steps
from spectra.axis import polynomial_axis, raman_shift, wavelength_of
from spectra.baseline import ALGORITHMS, baseline
from spectra.errors import AxisError, RecipeError, ValueRangeError
from spectra.noise import noise_of

FINITE = st.floats(-1e6, 1e6, allow_nan=False)
ROWS = arrays(np.float64, (3, 40), elements=FINITE)


@given(ROWS)
def test_batch_equals_one_by_one(rows):
    rows.setflags(write=False)
    axis = np.linspace(400, 478, 40)
    target = np.linspace(405, 470, 27)
    for step in (
        lambda y: steps.smooth(y, passes=2),
        lambda y: steps.resample(axis, y, target),
        lambda y: steps.derivative(y, window=9, degree=2, spacing=2.0),
        lambda y: steps.broaden(y, fwhm=7.0, spacing=2.0),
    ):
        assert np.allclose(step(rows), np.stack([step(row) for row in rows]), rtol=1e-12, atol=1e-9)


@given(arrays(np.float64, 40, elements=FINITE))
def test_smoothing_removes_the_odd_even_pattern_and_keeps_straight_lines(row):
    pattern = np.where(np.arange(40) % 2, 1.0, -1.0)
    assert np.allclose(steps.smooth(row + 1e3 * pattern)[1:-1], steps.smooth(row)[1:-1], atol=1e-6)
    line = np.arange(40.0)
    assert np.allclose(steps.smooth(line)[1:-1], line[1:-1])


def test_derivative_of_a_parabola_is_exact():
    x = np.arange(0, 60, 2.0)
    assert np.allclose(steps.derivative(3 * x**2 - x, window=9, degree=2, spacing=2.0), 6 * x - 1)


def test_broadening_adds_widths_in_quadrature_and_keeps_area():
    x = np.arange(-200, 200, 1.0)
    sigma = 6.0 / steps.FWHM_PER_SIGMA
    band = np.exp(-0.5 * (x / sigma) ** 2)
    wide = steps.broaden(band, fwhm=8.0, spacing=1.0)
    assert np.isclose(wide.sum(), band.sum(), rtol=1e-6)
    found = np.sqrt((wide * x**2).sum() / wide.sum()) * steps.FWHM_PER_SIGMA
    assert np.isclose(found, 10.0, rtol=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: steps.grid(400, 400, 2),
        lambda: steps.grid(400, 1800, -1),
        lambda: steps.grid(0, 1e9, 1),
        lambda: steps.smooth(np.ones(9), passes=0),
        lambda: steps.derivative(np.ones(30), window=8, degree=2),
        lambda: steps.derivative(np.ones(5), window=9, degree=2),
        lambda: steps.broaden(np.ones(9), fwhm=-1, spacing=1),
        lambda: baseline(np.ones(9), algorithm="nothing"),
        lambda: baseline(np.ones(9), stiffness=0),
    ],
)
def test_impossible_steps_are_refused(call):
    with pytest.raises(RecipeError):
        call()


def test_resampling_never_extrapolates():
    axis = np.linspace(500, 600, 51)
    with pytest.raises(AxisError, match="measured"):
        steps.resample(axis, axis, np.linspace(400, 600, 10))


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_baseline_takes_off_a_slope_and_keeps_the_band(algorithm):
    x = np.arange(400, 1802, 2.0)
    band = 100 * np.exp(-0.5 * ((x - 1000) / 6) ** 2)
    background = 50 + 0.02 * (x - 400)
    stiffness = {"snip": 40, "modpoly": 2}.get(algorithm, 1e6)
    found = baseline(band + background, algorithm=algorithm, stiffness=stiffness)
    assert np.abs(found - background)[20:-20].max() < 12
    both = baseline(np.stack([band + background] * 2), algorithm=algorithm, stiffness=stiffness)
    assert np.array_equal(both[1], found)


def test_a_flat_spectrum_is_its_own_baseline():
    assert np.array_equal(baseline(np.full(100, 7.0)), np.full(100, 7.0))


def test_noise_is_found_beside_bands_slope_and_odd_even_pattern():
    rng = np.random.default_rng(1)
    x = np.arange(2000.0)
    clean = 1e4 * np.exp(-0.5 * ((x - 900) / 8) ** 2) + x + np.where(x % 2, 40.0, 0.0)
    found = noise_of(clean + rng.normal(0, 5, x.size))
    assert 4.2 < np.median(found) < 5.8
    assert noise_of(np.array([1.0, 2.0, 3.0])).shape == (3,)


@given(st.floats(400, 1100), st.floats(-500, 4000))
def test_raman_shift_and_wavelength_are_inverse(laser, shift):
    there = wavelength_of(np.array([shift]), laser)
    assert np.isclose(raman_shift(there, laser)[0], shift, atol=1e-6)


def test_raman_shift_of_silicon_at_785():
    # 520.5 cm⁻¹ from 785 nm lies at 818.45 nm (10⁷/785 − 520.5 = 12218.35 cm⁻¹).
    assert np.isclose(raman_shift(np.array([1e7 / 12218.354]), 785.0)[0], 520.5, atol=0.01)


def test_axes_that_make_no_sense_are_refused():
    with pytest.raises(AxisError):
        polynomial_axis([], 10)
    with pytest.raises(AxisError):
        polynomial_axis([800.0, -0.1], 10)
    with pytest.raises(ValueRangeError):
        raman_shift(np.array([800.0]), 0.0)
    assert np.allclose(polynomial_axis([800.0, 0.5], 3), [800.0, 800.5, 801.0])
