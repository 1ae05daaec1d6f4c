"""Baselines: the wall in front of pybaselines hands on what it was given, and backgrounds come off."""

import warnings

import numpy as np
import pytest
from pybaselines import Baseline
from pybaselines.utils import ParameterWarning

from spectra.baseline import ALGORITHMS, VARIANTS, baseline, options_of
from spectra.errors import RecipeError

X = np.arange(400, 1802, 2.0)
BAND = 100 * np.exp(-0.5 * ((X - 1000) / 6) ** 2)


def fluorescent(height=400.0, seed=0):
    """Return a background like that of fluorescence, and bands on it with noise."""
    rng = np.random.default_rng(seed)
    background = height * np.exp(-0.5 * ((X - 700) / 600) ** 2) + 0.05 * X
    bands = sum(
        h * np.exp(-0.5 * ((X - c) / 6) ** 2) for c, h in ((620, 60), (1001, 100), (1030, 50), (1600, 80))
    )
    return background, bands + background + rng.normal(0, 0.5, X.size)


def whittaker(y, lam, weights):
    """The slow definition: (W + λ·DᵀD)·z = W·y with dense matrices."""
    d = np.diff(np.eye(y.size), 2, axis=0)
    return np.linalg.solve(np.diag(weights) + lam * d.T @ d, weights * y)


def test_asls_is_its_definition():
    _, y = fluorescent()
    y = y[::3]
    weights = np.ones(y.size)
    for _ in range(60):
        z = whittaker(y, 1e3, weights)
        new = np.where(y > z, 0.01, 0.99)
        if np.array_equal(new, weights):
            break
        weights = new
    assert np.allclose(baseline(y, algorithm="asls", stiffness=1e3), z, atol=0.05)


def test_arpls_is_its_definition():
    _, y = fluorescent()
    y = y[::3]
    weights = np.ones(y.size)
    for _ in range(51):
        z = whittaker(y, 1e3, weights)
        below = (y - z)[y < z]
        argument = 2 * (y - z - (2 * below.std(ddof=1) - below.mean())) / below.std(ddof=1)
        new = 1 / (1 + np.exp(np.clip(argument, -500, 500)))
        if np.linalg.norm(new - weights) / np.linalg.norm(weights) < 1e-3:
            break
        weights = new
    assert np.allclose(baseline(y, stiffness=1e3), z, atol=1e-6 * np.ptp(y))


@pytest.mark.parametrize(
    ("algorithm", "stiffness", "variant", "direct"),
    [
        ("asls", 2e5, 0.005, {"lam": 2e5, "p": 0.005}),
        ("arpls", 3e4, None, {"lam": 3e4}),
        ("airpls", 1e6, None, {"lam": 1e6}),
        ("drpls", 1e6, 0.3, {"lam": 1e6, "eta": 0.3}),
        (
            "snip",
            30,
            5,
            {"max_half_window": 30, "smooth_half_window": 5, "decreasing": True, "filter_order": 4},
        ),
        ("modpoly", 4, None, {"poly_order": 4, "max_iter": 500}),
    ],
)
def test_parameters_reach_pybaselines(algorithm, stiffness, variant, direct):
    _, y = fluorescent()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)
        expected = getattr(Baseline(np.arange(y.size)), algorithm)(y, **direct)[0]
    assert np.array_equal(baseline(y, algorithm=algorithm, stiffness=stiffness, variant=variant), expected)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_defaults_take_fluorescence_off_and_leave_the_bands(algorithm):
    background, y = fluorescent()
    found = baseline(y, algorithm=algorithm)
    assert np.abs(found - background)[15:-15].max() < 12
    assert np.ptp(background) > 150


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_baseline_takes_off_a_slope_and_keeps_the_band(algorithm):
    background = 50 + 0.02 * (X - 400)
    stiffness = {"snip": 40, "modpoly": 2}.get(algorithm, 1e6)
    found = baseline(BAND + background, algorithm=algorithm, stiffness=stiffness)
    assert np.abs(found - background)[20:-20].max() < 12


def test_a_flat_spectrum_is_its_own_baseline():
    for algorithm in ALGORITHMS:
        assert np.array_equal(baseline(np.full(100, 7.0), algorithm=algorithm), np.full(100, 7.0))
    rows = np.stack([np.full(X.size, 7.0), BAND])
    assert np.array_equal(baseline(rows)[0], rows[0])


def test_a_baseline_follows_an_added_line_and_a_factor():
    _, y = fluorescent()
    z = baseline(y)
    assert np.allclose(baseline(1000 * y), 1000 * z, rtol=1e-6)
    assert np.allclose(baseline(y + X), z + X, atol=1e-4 * np.ptp(y))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"algorithm": "nothing"}, "known are asls"),
        ({"stiffness": 0}, "lam must be a number from 1 to"),
        ({"stiffness": float("nan")}, "lam must be"),
        ({"algorithm": "snip", "stiffness": 1.5}, "whole"),
        ({"algorithm": "modpoly", "stiffness": -1}, "poly_order"),
        ({"algorithm": "drpls", "variant": 2}, "eta"),
        ({"algorithm": "airpls", "variant": 0.1}, "no variant"),
    ],
)
def test_what_no_algorithm_takes_is_refused(options, words):
    with pytest.raises(RecipeError, match=words):
        baseline(np.ones(9), **options)


def test_every_algorithm_has_defaults_within_its_range():
    for name in ALGORITHMS:
        assert ALGORITHMS[name].keyword in options_of(name)
    for name, knob in VARIANTS.items():
        assert options_of(name)[knob.keyword] == knob.default


def test_rows_are_not_changed():
    _, y = fluorescent()
    y.setflags(write=False)
    baseline(y)
    assert baseline(np.zeros((0, 50))).shape == (0, 50)
