"""Kernels: the same baselines as pybaselines, whatever stands in the other lanes, with and without numba."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pybaselines import Baseline

from spectra import _kernels
from spectra.errors import RecipeError


@pytest.fixture(params=["numba", "plain"])
def path(request, monkeypatch):
    """Run a test with compiled kernels, where numba is installed, and without."""
    if request.param == "numba":
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(_kernels, "available", lambda: False)
    return request.param


def spectra(count, points, seed=0):
    """Return bands on a falling background with noise."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0.0, 1.0, points)
    rows = []
    for _ in range(count):
        bands = sum(
            rng.uniform(10, 300) * np.exp(-0.5 * ((x - rng.uniform()) / rng.uniform(0.005, 0.02)) ** 2)
            for _ in range(6)
        )
        rows.append(1000 * np.exp(-x * rng.uniform(0.5, 3)) + bands + rng.normal(0, 3, points))
    return np.stack(rows)


def one_by_one(rows, **options):
    fitter = Baseline(np.arange(rows.shape[1], dtype=float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack([fitter.arpls(row, **options)[0] for row in rows])


def error(found, wanted, rows):
    return np.max(np.abs(found - wanted) / np.ptp(rows, axis=1, keepdims=True))


@pytest.mark.parametrize("stiffness", [1e2, 1e5, 1e7])
@pytest.mark.parametrize(("count", "points"), [(1, 300), (7, 64), (40, 200)])
def test_baselines_are_those_of_pybaselines(path, count, points, stiffness):
    rows = spectra(count, points)
    found = _kernels.arpls(rows, lam=stiffness)
    assert error(found, one_by_one(rows, lam=stiffness), rows) < 1e-6


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 20),
    st.integers(3, 120),
    st.floats(0, 8),
    st.floats(1e-5, 0.5),
    st.integers(0, 20),
)
def test_any_size_stiffness_and_stop_agree(seed, count, points, log_stiffness, tol, max_iter):
    pytest.importorskip("numba")
    rows = np.random.default_rng(seed).normal(size=(count, points)).cumsum(axis=1)
    options = {"lam": 10**log_stiffness, "tol": tol, "max_iter": max_iter}
    assert error(_kernels.arpls(rows, **options), one_by_one(rows, **options), rows) < 1e-3


def test_other_difference_orders_are_left_to_pybaselines(path):
    rows = spectra(3, 80)
    found = _kernels.arpls(rows, lam=1e3, diff_order=1)
    assert np.array_equal(found, one_by_one(rows, lam=1e3, diff_order=1))


def test_a_batch_gives_what_each_spectrum_gives_alone(path):
    rows = spectra(37, 150, seed=4)
    whole = _kernels.arpls(rows, lam=1e5)
    alone = [_kernels.arpls(row[None], lam=1e5)[0] for row in rows]
    assert np.array_equal(whole, alone)
    assert np.array_equal(_kernels.arpls(rows[::-1], lam=1e5), whole[::-1])


@pytest.mark.parametrize("workers", [2, 3, 50])
def test_threads_change_nothing(path, workers):
    rows = spectra(35, 120, seed=2)
    assert np.array_equal(_kernels.arpls(rows, lam=1e5, workers=workers), _kernels.arpls(rows, lam=1e5))


def test_a_flat_spectrum_is_its_own_baseline(path):
    rows = spectra(20, 90)
    rows[[0, 7, 19]] = [[0.0], [5.5], [-3.0]]
    found = _kernels.arpls(rows, lam=1e4)
    assert np.array_equal(found[[0, 7, 19]], rows[[0, 7, 19]])
    bumpy = np.delete(np.arange(20), [0, 7, 19])
    assert np.array_equal(found[bumpy], _kernels.arpls(rows[bumpy], lam=1e4))


def test_spectra_without_a_background_end_early_as_in_pybaselines(path):
    x = np.linspace(-1.0, 1.0, 101)
    rows = np.stack([np.abs(x), np.exp(-(x**2) / 0.001), np.where(np.arange(101) == 50, 1.0, 0.0), x])
    assert error(_kernels.arpls(rows, lam=1e2), one_by_one(rows, lam=1e2), rows) < 1e-6


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_unit_does_not_matter(path, scale):
    rows = spectra(4, 100)
    assert np.allclose(
        _kernels.arpls(rows * scale, lam=1e4), _kernels.arpls(rows, lam=1e4) * scale, rtol=1e-6
    )


def test_inputs_stay_as_they_were_and_may_be_read_only(path):
    rows = spectra(18, 60)
    kept = rows.copy()
    rows.setflags(write=False)
    found = _kernels.arpls(rows, lam=1e4)
    assert np.array_equal(rows, kept)
    assert found.flags.writeable
    assert np.array_equal(_kernels.arpls(np.asfortranarray(kept), lam=1e4), found)


def test_nothing_in_nothing_out(path):
    assert _kernels.arpls(np.zeros((0, 50)), lam=1e4).shape == (0, 50)
    assert _kernels.arpls(np.zeros((3, 0)), lam=1e4).shape == (3, 0)


@pytest.mark.parametrize(
    ("rows", "stiffness"),
    [
        (np.zeros(5), 1.0),
        ([[1.0, np.nan, 2.0]], 1.0),
        ([[1.0, np.inf, 2.0]], 1.0),
        (np.eye(4), 0.0),
        (np.eye(4), np.nan),
    ],
)
def test_what_has_no_baseline_is_refused(path, rows, stiffness):
    with pytest.raises(RecipeError):
        _kernels.arpls(np.asarray(rows), lam=stiffness)


def test_a_singular_system_is_what_pybaselines_makes_of_it(path):
    rows = spectra(3, 2000)
    with pytest.raises(np.linalg.LinAlgError):
        one_by_one(rows, lam=1e19)
    with pytest.raises(np.linalg.LinAlgError):
        _kernels.arpls(rows, lam=1e19)


def test_numba_that_may_not_compile_is_as_good_as_none(monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    _kernels._compiled.cache_clear()
    try:
        assert _kernels._kernels() is None
    finally:
        _kernels._compiled.cache_clear()


def test_an_error_in_a_thread_reaches_the_caller():
    def work(start, stop):
        if start:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _kernels._shared_out(work, 10, 2)


def test_slices_cover_everything_once():
    for count, workers, step in ((0, 2, 1), (1, 4, 16), (100, 3, 16), (512, 2, 256), (513, 2, 256)):
        met = []
        _kernels._shared_out(lambda a, b, met=met: met.append((a, b)), count, workers, step=step, slices=3)
        assert len(met) <= 3 * workers
        assert sorted(i for a, b in met for i in range(a, b)) == list(range(count))
        assert all(a % step == 0 for a, _ in met)


def test_nothing_is_compiled_before_it_is_needed():
    # pybaselines imports numba by itself where it is installed; the kernels must not come with it.
    code = (
        "import sys, spectra.recipe, spectra.screening, spectra._kernels as k; k.available(); "
        "sys.exit(any(name.startswith('spectra._compiled') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
