"""Null tables: p-values have a floor, thresholds their rate, and simulation is repeatable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectra.nulls import NullTable, simulate_null


@given(st.lists(st.floats(0, 1e4), min_size=99, max_size=400), st.floats(0, 2e4))
def test_p_values_count_and_never_reach_zero(maxima, value):
    table = NullTable(np.sort(maxima), 0)
    assert table.p_value(value) == (1 + sum(m >= value for m in maxima)) / (len(maxima) + 1)
    assert table.p_value(np.inf) == 1 / (len(maxima) + 1)
    assert table.p_value(table.threshold(0.01)) <= 0.01


def test_a_table_too_small_for_a_rate_says_so():
    with pytest.raises(ValueError, match="cannot test"):
        NullTable(np.arange(50.0), 0).threshold(0.01)


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
