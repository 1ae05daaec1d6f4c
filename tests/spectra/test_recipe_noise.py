"""Predicted noise against repeated scans: Monte Carlo over whole recipes."""

import numpy as np
import pytest

from spectra import operators
from spectra.compensation import air_on
from spectra.recipe import Recipe, default_recipe, prepare_many
from spectra.values import Technique

RUNS = 800
#: A variance of 800 runs has a relative standard error of 5 %; over hundreds of correlated points the
#: extremes stay within five of them, and the median within one.
EXTREME, MEDIAN = 0.25, 0.04
AXIS = np.linspace(350, 2000, 700)
LEVEL = np.linspace(1.0, 4.0, AXIS.size)
BAND = 2000 * np.exp(-0.5 * ((AXIS - 1000) / 8) ** 2) + 300


def check(rows, noise, recipe, *, axis=AXIS, extreme=EXTREME, inside=0):
    """Compare variances of rows that differ by their noise alone with the predicted ones."""
    batch = prepare_many(axis, rows, recipe, noise=noise)
    part = slice(inside, -inside or None)
    for seen, told in ((batch.values, batch.variance), (batch.corrected, batch.sigma**2)):
        ratio = (np.var(seen, axis=0) / np.mean(told, axis=0))[part]
        assert np.median(ratio) == pytest.approx(1.0, abs=MEDIAN)
        assert 1 - extreme < ratio.min()
        assert ratio.max() < 1 + extreme


def linear(*before, technique=Technique.RAMAN, order=1):
    resample = {"step": "resample", "start_cm1": 400.0, "stop_cm1": 1800.0, "spacing_cm1": 2.0}
    derivative = {"step": "derivative", "window": 9, "degree": 3, "order": order}
    return Recipe("linear", technique, (*before, resample, derivative))


@pytest.mark.parametrize(
    "recipe",
    [
        linear(),
        linear({"step": "smooth", "passes": 2}),
        linear({"step": "smooth", "window": 9, "degree": 2}, order=2),
        linear({"step": "crop", "start_cm1": 400.0, "stop_cm1": 1800.0}, {"step": "smooth", "passes": 1}),
        linear({"step": "atr", "reference_cm1": 800.0}, technique=Technique.FTIR),
    ],
    ids=["plain", "binomial", "polynomial", "crop", "atr"],
)
def test_linear_chains_are_exact_up_to_the_edges(recipe):
    rng = np.random.default_rng(3)
    check(BAND + LEVEL * rng.standard_normal((RUNS, AXIS.size)), LEVEL, recipe)


def test_noise_that_is_not_normal_goes_through_as_well():
    rng = np.random.default_rng(4)
    photons = np.full((RUNS, AXIS.size), 400.0)
    check(rng.poisson(photons).astype(float), np.sqrt(photons[0]), linear({"step": "smooth", "passes": 1}))


def test_transmittance_to_first_order():
    rng = np.random.default_rng(5)
    passed = 10 ** -(0.05 + 0.8 * np.exp(-0.5 * ((AXIS - 1000) / 8) ** 2))
    noise = np.full(AXIS.size, 1e-3)
    rows = passed + noise * rng.standard_normal((RUNS, AXIS.size))
    recipe = linear({"step": "unit", "given": "transmittance"}, technique=Technique.FTIR)
    # The noise is read off the noisy transmittance itself.
    check(rows, noise, recipe)


def test_a_bridged_spike_leaves_the_noise_of_its_bridge():
    rng = np.random.default_rng(6)
    rows = 100.0 + rng.standard_normal((RUNS, AXIS.size))
    rows[:, 300] += 500.0
    check(rows, np.ones(AXIS.size), linear({"step": "despike"}))


def test_subtracted_water_and_bridged_carbon_dioxide():
    rng = np.random.default_rng(7)
    axis = np.arange(1200.0, 2500.0, 2.0)
    noise = np.full(axis.size, 1e-3)
    rows = 0.1 * air_on(axis, width_cm1=4.0).lines + noise * rng.standard_normal((RUNS, axis.size))
    steps = (
        {"step": "atmosphere"},
        {"step": "resample", "start_cm1": 1220.0, "stop_cm1": 2480.0, "spacing_cm1": 3.0},
        {"step": "derivative", "window": 7, "degree": 2},
    )
    recipe = Recipe("air", Technique.FTIR, steps)
    check(rows, noise, recipe, axis=axis)
    left = prepare_many(axis, rows, recipe, noise=noise)
    assert np.abs(left.corrected.mean(axis=0)).max() < 1e-3


@pytest.mark.parametrize("by", ["area", "vector"])
def test_normalising_by_a_size_of_many_points_scales_the_noise(by):
    rng = np.random.default_rng(8)
    recipe = linear()
    steps = (*recipe.steps[:1], {"step": "normalise", "by": by}, *recipe.steps[1:])
    rows = BAND + LEVEL * rng.standard_normal((RUNS, AXIS.size))
    # Where the spectrum is far above its noise the factor's own error shows; it is not counted.
    check(rows, LEVEL, Recipe("n", Technique.RAMAN, steps), extreme=0.35)


def test_the_baseline_takes_little_of_the_noise_along():
    rng = np.random.default_rng(9)
    rows = BAND + LEVEL * rng.standard_normal((200, AXIS.size))
    batch = prepare_many(AXIS, rows, default_recipe(Technique.RAMAN), noise=LEVEL)
    ratio = np.var(batch.values, axis=0) / batch.variance[0]
    assert 0.85 < np.median(ratio[20:-20]) < 1.2


def test_noise_that_nobody_gave_is_read_from_each_spectrum():
    rng = np.random.default_rng(10)
    rows = BAND + np.array([[1.0], [10.0]]) * rng.standard_normal((2, AXIS.size))
    batch = prepare_many(AXIS, rows, linear())
    assert np.median(batch.variance[1] / batch.variance[0]) == pytest.approx(100.0, rel=0.3)


def test_variances_can_divide():
    batch = prepare_many(AXIS, np.ones((2, AXIS.size)), linear(), noise=np.zeros(AXIS.size))
    assert (batch.variance > 0).all()
    assert (batch.sigma > 0).all()
    matrix = operators.identity(3)
    assert operators.variance_of(matrix, np.array([[1.0, 2.0, 3.0]])).tolist() == [[1.0, 4.0, 9.0]]


def test_air_that_was_left_alone_changes_no_variance():
    rng = np.random.default_rng(11)
    axis = np.arange(1200.0, 2200.0, 2.0)
    noise = np.full(axis.size, 1e-3)
    steps = (
        {"step": "atmosphere"},
        {"step": "resample", "start_cm1": 1220.0, "stop_cm1": 2180.0, "spacing_cm1": 3.0},
        {"step": "derivative", "window": 7, "degree": 2},
    )
    rows = noise * rng.standard_normal((4, axis.size))
    rows[3] += 0.1 * air_on(axis, width_cm1=4.0).lines
    with_air = prepare_many(axis, rows, Recipe("air", Technique.FTIR, steps), noise=noise)
    without = prepare_many(axis, rows, Recipe("bare", Technique.FTIR, steps[1:]), noise=noise)
    assert np.allclose(with_air.variance[:3], without.variance[:3], rtol=1e-12, atol=0)
    assert not np.allclose(with_air.variance[3], without.variance[3], rtol=1e-3, atol=0)
