"""Cosmic rays are found and bridged; bands, however sharp, strong and quiet, are not taken for them."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectra import operators
from spectra.despike import bridged, despike, find_spikes
from spectra.errors import RecipeError
from spectra.formats import decode
from spectra.values import Technique

X = np.arange(600.0)


def scan(seed=0, noise=10.0):
    rng = np.random.default_rng(seed)
    bands = sum(h * np.exp(-0.5 * ((X - c) / 3) ** 2) for c, h in ((90, 4e3), (210, 900), (400, 2e4)))
    return bands + 3e3 * np.exp(-X / 400) + rng.normal(0, noise, X.size)


@settings(max_examples=60)
@given(st.integers(0, 99), st.integers(20, 580), st.integers(1, 3), st.floats(300, 6e4))
def test_spikes_on_even_ground_are_found_and_nothing_else(seed, place, width, height):
    flat = 500 + np.random.default_rng(seed).normal(0, 10, X.size)
    hit = np.array(flat)
    hit[place : place + width] += height
    marked = find_spikes(hit, width=3)
    assert np.flatnonzero(marked).tolist() == list(range(place, place + width))
    assert np.abs(despike(hit, width=3) - flat)[place : place + width].max() < 80


def test_spikes_beside_and_on_bands():
    y = scan()
    for place in (60, 105, 213, 380, 500):
        hit = np.array(y)
        hit[place] += 5e3
        assert np.flatnonzero(find_spikes(hit)).tolist() == [place]


def test_a_ray_that_runs_out_into_a_neighbour():
    y = np.array(scan())
    y[300:302] += (4000.0, 1800.0)
    assert np.flatnonzero(find_spikes(y)).tolist() == [300, 301]
    assert not find_spikes(y, width=1).any()


@pytest.mark.parametrize(("width", "narrowest"), [(1, 1.4), (2, 1.9), (3, 2.4)])
@pytest.mark.parametrize("shape", ["gauss", "lorentz"])
def test_no_band_is_taken_for_a_spike(width, narrowest, shape):
    for fwhm in np.arange(narrowest, 12, 0.1):
        offsets = np.linspace(-0.5, 0.5, 21)[:, None]
        u = (np.arange(80) - 40 - offsets) / fwhm
        rows = 1e6 * (np.exp(-4 * np.log(2) * u**2) if shape == "gauss" else 1 / (1 + 4 * u**2))
        assert not find_spikes(rows, width=width, noise=np.full(80, 1e-3)).any()


def test_noise_alone_makes_no_spikes():
    rng = np.random.default_rng(1)
    found = find_spikes(rng.normal(100, 5, (400, 1024)), width=3)
    assert found.mean() < 1e-6


def test_the_score_is_that_of_whitaker_and_hayes():
    """The slow definition for one channel: modified z-scores of both flanks against the threshold."""
    y = 500 + np.random.default_rng(2).normal(0, 10, X.size)
    quiet = np.zeros(X.size)
    for height in np.arange(20.0, 200.0, 4.0):
        hit = np.array(y)
        hit[250] += height
        step = np.diff(hit)
        score = 0.6745 * (step - np.median(step)) / np.median(np.abs(step - np.median(step)))
        flanks = score[249] > 7 and -score[250] > 7
        level = max(abs(score[248]), abs(score[251])) <= 0.25 * min(score[249], -score[250])
        assert find_spikes(hit, width=1, noise=quiet)[250] == (flanks and level)


def test_known_noise_raises_the_bar():
    y = scan()
    y[300] += 200.0
    assert find_spikes(y)[300]
    assert not find_spikes(y, noise=np.full(X.size, 60.0)).any()


def test_differences_that_are_mostly_equal_have_a_spread_too():
    y = np.zeros(40)
    y[20] = 5.0
    assert np.flatnonzero(find_spikes(y)).tolist() == [20]
    assert not find_spikes(np.zeros(40)).any()
    assert not find_spikes(np.array([0.0, 0, 9, 0, 0])).any()


def test_bridges_are_straight_lines_and_twins_of_their_matrix():
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((5, 30))
    marked = rng.random((5, 30)) < 0.3
    marked[4] = False
    for row, mask, found in zip(rows, marked, bridged(rows, marked), strict=True):
        assert np.allclose(operators.bridge(mask) @ row, found)
        assert np.array_equal(found[~mask], row[~mask])
    line = 2 * X - 3
    hit = np.array(line)
    hit[100:102] += 50
    assert np.allclose(despike(hit), line)
    one = np.ones(4, bool)
    one[2] = False
    assert (operators.bridge(one) @ np.arange(4.0)).tolist() == [2.0] * 4


@pytest.mark.parametrize(
    "options", [{"threshold": 2.0}, {"threshold": float("nan")}, {"width": 4}, {"width": 0}]
)
def test_impossible_searches_are_refused(options):
    with pytest.raises(RecipeError):
        find_spikes(X, **options)


@pytest.mark.shared
def test_measured_spectra_of_samples_keep_their_channels():
    """Two open sets of finished scans: whatever is marked in them is a mistake, or nearly always one."""
    data = Path(os.environ["OPIOSCAN_SHARED"]) / "data"
    marked = channels = 0
    for folder in ("raman785-library", "raman785-sig-container"):
        for path in sorted((data / folder).glob("*.csv")):
            (one,) = decode(path.read_bytes(), technique=Technique.RAMAN, laser_nm=785.0)
            found = find_spikes(one.spectrum.intensity)
            marked, channels = marked + int(found.sum()), channels + found.size
    assert channels > 1e5
    assert marked <= 2
