"""Null tables simulated by several processes are those of one, to the last bit."""

import numpy as np
import pytest

from library.null_workers import simulate_null_by
from library.starter import starter_entries
from spectra.nulls import simulate_null
from spectra.recipe import default_recipe
from spectra.refset import build_reference_set
from spectra.values import Technique


@pytest.fixture(scope="module")
def few():
    return build_reference_set(starter_entries(), default_recipe(Technique.RAMAN)).subset(range(8))


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_the_table_does_not_depend_on_the_number_of_processes(few, workers, monkeypatch):
    monkeypatch.setattr("library.null_workers.WORTH_IT", 1)
    told = []
    alone = simulate_null(few, draws=60, seed=4)
    shared = simulate_null_by(workers, few, draws=60, seed=4, advance=told.append)
    assert sum(told) == 60
    assert np.array_equal(alone.maxima, shared.maxima)
    assert np.array_equal(alone.regimes, shared.regimes)
    assert shared.seed == 4


def test_few_draws_start_no_process(few, monkeypatch):
    def never(*_arguments):
        raise AssertionError("a process was started")

    monkeypatch.setattr("library.null_workers.ProcessPoolExecutor", never)
    assert simulate_null_by(2, few, draws=3).maxima.size == 3
