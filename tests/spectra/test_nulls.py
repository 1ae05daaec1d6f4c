"""Null tables: p-values have a floor, thresholds their rate, and simulation is repeatable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectra.nulls import LEAST, ordered_table, simulate_null
from spectra.query import WITH_BLANK


@given(st.lists(st.floats(0, 1e4), min_size=99, max_size=LEAST), st.floats(0, 2e4))
def test_p_values_count_and_never_reach_zero(maxima, value):
    table = ordered_table(np.array(maxima), np.full(len(maxima), 0.5), 0)
    assert table.count == len(maxima)
    threshold = table.threshold(0.01, 0.5)
    assert table.p_value(threshold, 0.5) <= 0.01
    assert table.p_value(np.inf, 0.5) == 1 / (len(maxima) + 1)
    above = sum(m >= value for m in maxima)
    near = sum(abs(m - value) <= 1e-9 * value for m in maxima)
    assert abs(table.p_value(value, 0.5) * (len(maxima) + 1) - 1 - above) <= near + 1e-6


def test_a_table_too_small_for_a_rate_says_so():
    with pytest.raises(ValueError, match="cannot test"):
        ordered_table(np.arange(50.0), np.zeros(50), 0).threshold(0.01, 0.0)


def test_a_scan_is_counted_against_those_of_its_regime():
    rng = np.random.default_rng(0)
    regimes = np.concatenate((rng.uniform(0, 1, 1500), WITH_BLANK + rng.uniform(0, 1, 1500)))
    maxima = rng.exponential(1.0, 3000) * np.where(regimes < WITH_BLANK, 5.0 + 20.0 * regimes, 100.0)
    table = ordered_table(maxima, regimes, 0)
    exact = -np.log(0.05)
    for regime in (0.02, 0.5, 0.98):
        assert table.threshold(0.05, regime) == pytest.approx((5.0 + 20.0 * regime) * exact, rel=0.2)
        assert table.threshold(0.05, regime + WITH_BLANK) == pytest.approx(100.0 * exact, rel=0.2)


def test_simulation_is_repeatable_and_depends_on_the_seed(raman_set):
    tables = [simulate_null(raman_set, draws=4, seed=seed) for seed in (1, 1, 2)]
    assert np.array_equal(tables[0].maxima, tables[1].maxima)
    assert not np.array_equal(tables[0].maxima, tables[2].maxima)
    told = []
    simulate_null(raman_set, draws=2, advance=told.append)
    assert told == [1.0, 1.0]


def test_the_promised_rate_holds_on_fresh_simulations(raman_set, training):
    # 60 draws of another seed: at a true rate of 0.01, more than 5 above the threshold has p < 1e-5.
    fresh = simulate_null(raman_set, draws=60, seed=99)
    assert (fresh.maxima >= training.threshold(raman_set.recipe.technique)).sum() <= 5
