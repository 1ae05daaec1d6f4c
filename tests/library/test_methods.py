"""Methods from libraries: digests, watch lists, and null tables that are kept and checked."""

import json
import shutil
from functools import partial

import numpy as np
import pytest

from library.methods import SHIPPED, TRAINING_TARGETS
from library.methods import fit_method as fit_in_earnest
from library.starter import ensure_starter, starter_entries
from library.store import read_library, write_library
from spectra import nulls
from spectra.method import WatchItem
from spectra.null_scans import simulated_scan
from spectra.nulls import largest_absent
from spectra.values import Technique

#: As few draws as a rate of 5 % allows: what is tested here does not depend on their number.
DRAWS = 25
fit_method = partial(fit_in_earnest, false_alarm_rate=0.05, draws=DRAWS)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A library of a dozen starter entries, quick to fit."""
    folder = tmp_path_factory.mktemp("small")
    chosen = [e for e in starter_entries() if e.technique is Technique.RAMAN][:10]
    chosen += [e for e in starter_entries() if e.substance.name in {"Metamizole", "Ketoprofen"}]
    write_library(folder / "small.h5", chosen, name="small")
    return read_library(folder / "small.h5")


@pytest.fixture(scope="module")
def fitted(small, tmp_path_factory):
    """Return a method, the folder its null table was kept in, and what was told of the simulation."""
    folder, told = tmp_path_factory.mktemp("kept"), []
    return fit_method(small, cache=folder, advance=told.append), folder, tuple(told)


@pytest.fixture
def kept(fitted, tmp_path):
    """Return a copy of the folder of a test's own."""
    return shutil.copytree(fitted[1], tmp_path / "kept")


def test_null_tables_are_kept_and_used_again(small, fitted):
    first, folder, simulated = fitted
    told = [*simulated]
    assert len(told) == DRAWS
    again = fit_method(small, cache=folder, advance=told.append)
    assert len(told) == DRAWS
    assert again.digest == first.digest
    assert again.threshold(Technique.RAMAN) == first.threshold(Technique.RAMAN)


@pytest.mark.parametrize("damage", ["truncate", "value", "key", "large"])
def test_a_damaged_table_is_computed_again(small, fitted, kept, damage):
    first, folder = fitted[0], kept
    (kept,) = folder.glob("null-*.json")
    text = kept.read_text()
    value = json.loads(text)
    if damage == "truncate":
        kept.write_text(text[:100])
    elif damage == "value":
        value["maxima"][0] += 1.0
        kept.write_text(json.dumps(value))
    elif damage == "key":
        kept.write_text(json.dumps({**value, "key": "x"}))
    else:
        kept.write_bytes(b" " * (5 << 20))
    again = fit_method(small, cache=folder)
    assert np.array_equal(again.nulls[Technique.RAMAN].maxima, first.nulls[Technique.RAMAN].maxima)
    assert json.loads(kept.read_text())["key"] == value["key"]


def test_the_digest_depends_on_everything_that_decides(small, fitted, kept):
    base, tmp_path = fitted[0], kept
    watched = fit_method(small, cache=tmp_path, watch_list=[WatchItem("Metamizole", 0.1)])
    training = fit_method(small, cache=tmp_path, training=True)
    named = fit_method(small, cache=tmp_path, name="other")
    classed = fit_method(small, cache=tmp_path, classes=["nitazene"])
    assert len({m.digest for m in (base, watched, training, named, classed)}) == 5
    assert base.watch_list == ()
    assert watched.watched(["Metamizole"])


def test_the_training_method_watches_two_harmless_substances():
    by_name = {e.substance.name.lower(): e for e in starter_entries()}
    for target in TRAINING_TARGETS:
        assert not by_name[target].substance.controlled


def test_a_library_with_controlled_entries_watches_them(tmp_path):
    chosen = [e for e in starter_entries() if e.technique is Technique.FTIR]
    library = write_library(tmp_path / "ir.h5", chosen, name="ir")
    method = fit_method(library)
    assert "fentanyl" in {item.substance for item in method.watch_list}
    assert Technique.RAMAN not in method.sets


@pytest.mark.long
def test_the_shipped_tables_are_what_the_simulation_gives(tmp_path):
    library = read_library(ensure_starter(tmp_path))
    shipped = fit_in_earnest(library)
    for technique, references in shipped.sets.items():
        table = shipped.nulls[technique]
        assert table.maxima.size == nulls.DRAWS
        # Every draw has a stream of its own: some of them tell whether all would be the same.
        for number in range(0, nulls.DRAWS, 300):
            child = np.random.SeedSequence(table.seed, spawn_key=(number,))
            scan = simulated_scan(references, np.random.default_rng(child))
            value, regime = largest_absent(scan, references), scan.query.regime
            there = np.abs(table.regimes - regime) <= 1e-4
            assert np.isclose(table.maxima[there], value, rtol=1e-3, atol=1e-3).any(), "run ship_null_tables"
    assert len(list(SHIPPED.glob("null-*.json"))) == len(shipped.sets)
