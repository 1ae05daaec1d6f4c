"""Reliability tables: against the simulation's own truth, and against p-values that are wrong on purpose."""

import numpy as np
import pytest
from scipy.stats import kstest

from library.starter import starter_entries
from spectra.nulls import simulate_null
from spectra.recipe import default_recipe
from spectra.refset import build_reference_set
from spectra.reliability import EDGES, Bin, reliability, uniform_distance
from spectra.values import Technique


@pytest.fixture(scope="module")
def few():
    return build_reference_set(starter_entries(), default_recipe(Technique.RAMAN)).subset(range(8))


@pytest.fixture(scope="module")
def table(few):
    return simulate_null(few, draws=120)


@pytest.fixture(scope="module")
def found(few, table):
    told = []
    made = reliability(few, table.p_value, rate=0.05, draws=30, seed=0, advance=told.append)
    assert sum(told) == 60
    return made


def test_every_scan_is_counted_once(found):
    assert found.absent == 30
    assert sum(one.scans for one in found.bins) == 60
    assert [one.upto for one in found.bins] == list(EDGES)
    assert found.at_most[-1] == 30
    assert list(found.at_most) == sorted(found.at_most)


def test_small_p_values_mean_something_is_there(found):
    small = [one for one in found.bins if one.upto <= 0.05]
    large = [one for one in found.bins if one.upto > 0.2]
    assert sum(b.true for b in small) > 0.6 * sum(b.scans for b in small)
    assert sum(b.true for b in large) < 0.2 * sum(b.scans for b in large)


def test_null_p_values_are_about_uniform(found):
    low, high = found.interval
    assert low <= 0.05 <= high
    assert found.distance < 0.3


def test_the_same_seed_gives_the_same_table_and_no_draw_of_the_null_table(few, table, found):
    again = reliability(few, table.p_value, rate=0.05, draws=30, seed=0)
    assert again == found
    seen = []
    reliability(few, lambda value, _share: seen.append(value) or 1.0, rate=0.05, draws=5, seed=0)
    assert not (set(seen) - {0.0}) & set(table.maxima.tolist())


def test_p_values_that_promise_too_much_are_found_out(few):
    wrong = reliability(few, lambda _value, _share: 0.001, rate=0.05, draws=10)
    assert (wrong.false, wrong.absent) == (10, 10)
    assert wrong.interval[0] > 0.05
    assert wrong.distance == pytest.approx(0.999)


def test_the_json_says_that_it_is_simulated(found):
    told = found.to_json()
    assert told["simulated"] is True
    assert told["observed_rate"] == found.false / 30
    assert len(told["curve"]) == len(told["bins"]) == len(EDGES)


def test_the_distance_is_that_of_kolmogorov_and_smirnov():
    rng = np.random.default_rng(3)
    for size in (1, 7, 200):
        values = np.sort(rng.uniform(size=size) ** 1.3)
        assert uniform_distance(values) == pytest.approx(kstest(values, "uniform").statistic)
    assert uniform_distance(np.zeros(0)) == 1.0


def test_an_empty_bin_knows_nothing():
    assert Bin(0.1, 0, 0).interval == (0.0, 1.0)
