"""Smooth references at every few points: products and norms stay what they are."""

import numpy as np
import pytest

from spectra import steps
from spectra.fitting import SHIFTS
from spectra.screening import ReferenceIndex
from spectra.thinning import HALF, interpolation, kept_points, thinned, triangle


def smooth(rows: int, points: int, seed: int = 0) -> np.ndarray:
    """Return derivatives of random bands, broadened as large sets are: 8 cm⁻¹ at a spacing of 2."""
    rng = np.random.default_rng(seed)
    at = np.arange(points)
    made = np.zeros((rows, points))
    for row in made:
        for centre, width in zip(rng.uniform(20, points - 20, 12), rng.uniform(1.5, 6, 12), strict=True):
            row += rng.uniform(0.1, 1) * np.exp(-0.5 * ((at - centre) / width) ** 2)
    return steps.broaden(np.gradient(made, axis=1), fwhm=8.0, spacing=2.0)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_what_reaches_a_point_sums_up_to_one_and_kept_points_stay(stride):
    for taps in (interpolation(stride), triangle(stride)):
        assert taps.size == 2 * HALF * stride + 1
        assert taps[HALF * stride] == pytest.approx(1.0)
        assert np.allclose(taps[HALF * stride % stride :: stride].sum(), 1.0)
        assert all(taps[phase::stride].sum() == pytest.approx(1.0) for phase in range(stride))
        assert np.allclose(taps, taps[::-1])


@pytest.mark.parametrize("points", [700, 701, 702, 703])
@pytest.mark.parametrize("stride", [2, 3])
def test_products_with_smooth_rows_stay(points, stride):
    rows = smooth(20, points)
    vectors = np.random.default_rng(1).normal(size=(5, points))
    fewer = thinned(vectors, stride, interpolation(stride))
    assert fewer.shape == (5, kept_points(points, stride))
    exact, ours = vectors @ rows.T, fewer @ rows[:, ::stride].T
    size = np.linalg.norm(vectors, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
    assert np.abs(exact - ours).max() < 0.01 * size.max()
    assert np.median(np.abs(exact - ours) / size) < 1e-3


def test_weighted_norms_stay_with_the_triangle():
    rows, at = smooth(20, 701), np.arange(701)
    weight = (1.0 + np.sin(at / 40) ** 2)[None] * (at > 60)
    fewer = thinned(weight, 3, triangle(3))
    exact, ours = (weight @ (rows**2).T)[0], (fewer @ (rows[:, ::3] ** 2).T)[0]
    assert np.allclose(ours, exact, rtol=0.02)


def test_one_point_for_each_point_changes_nothing():
    vectors = np.random.default_rng(0).normal(size=(2, 9))
    assert thinned(vectors, 1, interpolation(1)) is vectors


@pytest.mark.parametrize("held", [0, 2])
def test_scores_of_a_thinned_index_are_those_of_the_whole_one(held):
    rows = smooth(200, 701)
    rng = np.random.default_rng(5)
    weight = 0.5 + rng.random() + np.cos(np.arange(701) / 90) ** 2
    query = weight * (rows[17] + 0.4 * rows[60] + 0.02 * np.abs(rows).max() * rng.normal(size=701))
    basis = np.linalg.qr((rows[100 : 100 + held] * weight).T)[0].T.reshape(held, 701)
    whole, thin = (
        ReferenceIndex.build(rows, stride=stride).scores(query, weight, basis, SHIFTS, 2.0)
        for stride in (1, 3)
    )
    energy = float(query @ query)
    assert np.abs(whole - thin).max() < 0.01 * energy
    assert whole.max(axis=0).argmax() == thin.max(axis=0).argmax() == 17


def test_an_index_of_some_rows_keeps_the_stride():
    rows = smooth(40, 301)
    index = ReferenceIndex.build(rows, stride=3)
    weight, query = np.ones(301), rows[7].copy()
    some = index.only(np.array([30, 7, 2]))
    assert (some.stride, some.points, some.count) == (3, 301, 3)
    part = some.scores(query, weight, np.zeros((0, 301)), SHIFTS, 2.0)
    full = index.scores(query, weight, np.zeros((0, 301)), SHIFTS, 2.0)
    assert np.allclose(part, full[:, [30, 7, 2]], rtol=1e-5, atol=1e-9)
