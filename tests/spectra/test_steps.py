"""Steps of a recipe: linear algebra against slow definitions, batches against single spectra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spectra import steps
from spectra.axis import polynomial_axis, raman_shift, wavelength_of
from spectra.errors import AxisError, RecipeError, ValueRangeError
from spectra.noise import noise_of

FINITE = st.floats(-1e6, 1e6, allow_nan=False)


@given(arrays(np.float64, 40, elements=FINITE))
def test_smoothing_removes_the_odd_even_pattern_and_keeps_straight_lines(row):
    pattern = np.where(np.arange(40) % 2, 1.0, -1.0)
    assert np.allclose(steps.smooth(row + 1e3 * pattern)[1:-1], steps.smooth(row)[1:-1], atol=1e-6)
    line = np.arange(40.0)
    assert np.allclose(steps.smooth(line)[1:-1], line[1:-1])


def test_derivative_of_a_parabola_is_exact():
    x = np.arange(0, 60, 2.0)
    assert np.allclose(steps.derivative(3 * x**2 - x, window=9, degree=2, spacing=2.0), 6 * x - 1)


def test_second_derivative_of_a_cubic_is_exact():
    x = np.arange(0, 60, 2.0)
    found = steps.derivative(x**3 - 2 * x**2, window=9, degree=3, order=2, spacing=2.0)
    assert np.allclose(found, 6 * x - 4)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_local_polynomials_are_least_squares_fits(order):
    """The slow definition: a polynomial fitted to each window, and to the outermost ones at the edges."""
    rng = np.random.default_rng(order)
    y = rng.standard_normal(30)
    window, degree, spacing = 7, 3, 0.5
    if order:
        found = steps.derivative(y, window=window, degree=degree, order=order, spacing=spacing)
    else:
        found = steps.smooth_polynomial(y, window=window, degree=degree)
    for i in range(y.size):
        start = min(max(i - window // 2, 0), y.size - window)
        x = (np.arange(start, start + window) - i) * spacing
        fitted = np.polynomial.Polynomial.fit(x, y[start : start + window], degree).deriv(order)
        assert found[i] == pytest.approx(fitted(0.0), abs=1e-10)


def test_binomial_smoothing_is_a_convolution_with_binomial_coefficients():
    rng = np.random.default_rng(1)
    y = rng.standard_normal(50)
    coefficients = np.array([1, 6, 15, 20, 15, 6, 1]) / 64
    assert np.allclose(steps.smooth(y, passes=3)[3:-3], np.convolve(y, coefficients, mode="valid"))


def test_interpolation_is_the_straight_line_between_two_channels():
    axis = np.array([0.0, 1.0, 3.0, 7.0])
    y = np.array([1.0, 3.0, -1.0, 7.0])
    assert steps.resample(axis, y, np.array([0.0, 0.5, 2.0, 4.0, 7.0])).tolist() == [1.0, 2.0, 1.0, 1.0, 7.0]


def test_cropping_keeps_both_ends():
    axis = np.arange(10.0)
    assert axis[steps.crop(axis, 3.0, 6.0)].tolist() == [3.0, 4.0, 5.0, 6.0]
    assert axis[steps.crop(axis, -9.0, 99.0)].size == 10
    with pytest.raises(AxisError, match="nothing of 0–9"):
        steps.crop(axis, 3.1, 4.1)


def test_sizes_of_a_spectrum_in_closed_form():
    y = np.array([3.0, -4.0, 0.0])
    assert steps.size_of(y, by="area", spacing=2.0) == 14.0
    assert steps.size_of(y, by="max") == 4.0
    assert steps.size_of(y, by="vector") == 5.0
    for by, size in (("area", 7.0), ("max", 4.0), ("vector", 5.0)):
        assert np.allclose(steps.normalise(y, by=by), y / size)
        assert steps.size_of(steps.normalise(y, by=by), by=by) == pytest.approx(1.0)
        assert steps.normalise(0 * y, by=by).tolist() == [0.0, 0.0, 0.0]


def test_the_area_of_a_gaussian():
    x = np.arange(-100, 100, 0.5)
    assert steps.size_of(np.exp(-0.5 * (x / 6) ** 2), by="area", spacing=0.5) == pytest.approx(
        6 * np.sqrt(2 * np.pi)
    )


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
        lambda: steps.derivative(np.ones(30), window=9, degree=2, order=3),
        lambda: steps.derivative(np.ones(30), window=9, degree=1, order=2),
        lambda: steps.smooth_polynomial(np.ones(30), window=4, degree=2),
        lambda: steps.smooth_polynomial(np.ones(30), window=5, degree=5),
        lambda: steps.normalise(np.ones(9), by="hope"),
    ],
)
def test_impossible_steps_are_refused(call):
    with pytest.raises(RecipeError):
        call()


def test_resampling_never_extrapolates():
    axis = np.linspace(500, 600, 51)
    with pytest.raises(AxisError, match="measured"):
        steps.resample(axis, axis, np.linspace(400, 600, 10))


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
