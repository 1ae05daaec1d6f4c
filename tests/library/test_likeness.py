"""The blocked comparison against a plain double loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from library import likeness as module
from library.likeness import compare_all, likeness


def plain(rows, compounds, least):
    """Return the best pair of each two compounds, and the nearest of each row's own compound."""
    count, n = rows.shape
    pairs, own = {}, np.full(count, np.nan)
    for i in range(count):
        for j in range(i + 1, count):
            inner = rows[i][2 : n - 2]
            sizes = float(rows[i] @ rows[i]) * float(rows[j] @ rows[j])
            best = max(float(inner @ rows[j][k : n - 4 + k]) for k in range(5))
            value = max(best, 0.0) ** 2 / sizes if sizes else 0.0
            if compounds[i] == compounds[j]:
                own[i], own[j] = np.fmax(own[i], value), np.fmax(own[j], value)
            elif value >= least:
                key = tuple(sorted((compounds[i], compounds[j])))
                pairs[key] = max(pairs.get(key, 0.0), value)
    return pairs, own


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 23), st.integers(1, 6), st.integers(0, 10_000))
def test_blocks_find_what_a_double_loop_finds(count, kinds, seed):
    rng = np.random.default_rng(seed)
    shapes = rng.normal(size=(kinds, 40))
    compounds = rng.integers(0, kinds, count).tolist()
    rows = (shapes[rng.integers(0, kinds, count)] + 0.3 * rng.normal(size=(count, 40))).astype(np.float32)
    module_block, module.BLOCK = module.BLOCK, 5
    try:
        found = compare_all(rows, compounds, spacing=2.0, least=0.3)
    finally:
        module.BLOCK = module_block
    pairs, own = plain(rows.astype(float), compounds, 0.3)
    mine = {tuple(sorted((compounds[p.first], compounds[p.second]))): p.likeness for p in found.pairs}
    close = {key for key, value in pairs.items() if abs(value - 0.3) < 1e-4}
    assert set(mine) - close == set(pairs) - close
    assert all(value == pytest.approx(pairs[key], abs=1e-4) for key, value in mine.items() if key in pairs)
    np.testing.assert_allclose(found.own, own, atol=1e-4)


def test_only_what_is_new_is_compared():
    rows = np.eye(6, 40, k=10, dtype=np.float32)
    rows[3] = rows[0]
    rows[5] = rows[1]
    found = compare_all(rows, range(6), spacing=2.0, least=0.5, since=5)
    assert {(pair.first, pair.second) for pair in found.pairs} <= {(k, 5) for k in range(5)}
    assert any((pair.first, pair.second) == (1, 5) for pair in found.pairs)


def test_shifts_that_are_fitted_do_not_part_two_spectra():
    row = np.zeros(60, dtype=np.float32)
    row[28:33] = [1, 3, 0, -3, -1]
    assert likeness(row, np.roll(row, 2), 2.0) == pytest.approx(1.0, abs=1e-5)
    assert likeness(row, np.roll(row, 9), 2.0) < 0.2
    assert likeness(row, np.zeros(60, dtype=np.float32), 2.0) == 0.0


def test_of_very_many_alike_pairs_the_most_alike_are_kept_and_no_more(monkeypatch):
    rng = np.random.default_rng(4)
    rows = (rng.normal(size=40) + 0.2 * rng.normal(size=(60, 40))).astype(np.float32)
    every = compare_all(rows, range(60), spacing=2.0, least=0.3).pairs
    assert len(every) > 1000
    kept = []
    monkeypatch.setattr(module, "MOST_PAIRS", 12)
    monkeypatch.setattr(module, "BLOCK", 7)
    pruned = module._most_alike
    monkeypatch.setattr(module, "_most_alike", lambda best: kept.append(len(best)) or pruned(best))
    found = compare_all(rows, range(60), spacing=2.0, least=0.3).pairs
    assert [pair.likeness for pair in found] == pytest.approx(
        [pair.likeness for pair in every[:12]], abs=1e-5
    )
    assert kept
    assert max(kept) <= 12 + 2 * 12
