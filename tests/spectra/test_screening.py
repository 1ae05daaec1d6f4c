"""Screening: the drop of `spectra.search.screen`, in single precision, for many references at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectra import _kernels, fitting, search
from spectra.errors import MethodError
from spectra.recipe import default_recipe
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.refset import build_reference_set
from spectra.screening import COLLINEAR, ReferenceIndex, orthonormal_beyond
from spectra.values import Spectrum, Technique

SHIFTS = fitting.SHIFTS
SPACING = 2.0

#: Shifts that are interpolated between two points on either side, as `fitting.moved` does.
CENTRED = np.array([abs(shift) != 3 for shift in SHIFTS])


@pytest.fixture(params=["numba", "plain"])
def path(request, monkeypatch):
    """Run a test with compiled kernels, where numba is installed, and without."""
    if request.param == "numba":
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(_kernels, "available", lambda: False)
    return request.param


def smooth(rng, count, points):
    """Return derivatives of bands, about as spectra have them."""
    rows = rng.standard_normal((count, points + 8)).cumsum(axis=1)
    return np.stack([np.convolve(row, np.hanning(9), "valid") for row in rows])


def case(seed=0, count=50, points=101, parts=4):
    """Return references, a weighted query, weights and a basis."""
    rng = np.random.default_rng(seed)
    rows = smooth(rng, count, points)
    u = np.linspace(0.0, 1.0, points)
    weight = (1.0 + 0.8 * np.sin(9 * u)) * np.clip(4 * u - 0.5, 0.0, 1.0)
    query = rows[3] + 0.3 * smooth(rng, 1, points)[0]
    none = np.zeros((0, points))
    basis = orthonormal_beyond(none, smooth(rng, parts, points) * weight) if parts else none
    return rows, query * weight, weight, basis


def rounded(rows):
    """Return references as an index keeps them, of norm 1 in half precision."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16).astype(np.float64)


def slow(rows, weighted, weight, basis, shifts=SHIFTS, least=-np.inf):
    """Return what `spectra.search.screen` calls the drop, in double precision.

    It cuts off weights below ``least``, which interpolation makes where weights end abruptly.
    """
    rest = weighted - basis.T @ (basis @ weighted)
    rss = float(rest @ rest)
    drops = []
    for shift in shifts:
        pack = fitting.moved(np.concatenate((rest[None], basis)) * weight, -shift / SPACING)
        inner = rows @ pack.T
        size = rows**2 @ np.maximum(fitting.moved(weight**2, -shift / SPACING), least)
        apart = size - np.sum(inner[:, 1:] ** 2, axis=1)
        drop = np.maximum(inner[:, 0], 0.0) ** 2 / np.maximum(apart, 1e-300)
        drops.append(np.where(apart > COLLINEAR * size, np.minimum(drop, rss), 0.0))
    return np.stack(drops), rss


@pytest.mark.parametrize("parts", [0, 1, 4, 12])
@pytest.mark.parametrize(("count", "points"), [(1, 40), (50, 101), (700, 64)])
def test_scores_are_those_of_the_plain_search(path, count, points, parts):
    rows, weighted, weight, basis = case(1, max(count, 4), points, parts)
    rows = rows[:count]
    wanted, rss = slow(rounded(rows), weighted, weight, basis)
    found = ReferenceIndex.build(rows).scores(weighted, weight, basis, SHIFTS, SPACING)
    assert found.shape == (9, count)
    assert found.dtype == np.float32
    assert np.abs(found - wanted)[CENTRED].max() < 1e-3 * rss


@pytest.mark.parametrize("parts", [0, 4])
def test_half_precision_changes_little(path, parts):
    rows, weighted, weight, basis = case(21, 300, 701, parts)
    wanted, rss = slow(rows, weighted, weight, basis)
    found = ReferenceIndex.build(rows).scores(weighted, weight, basis, SHIFTS, SPACING)
    assert np.abs(found - wanted)[CENTRED].max() < 1e-3 * rss


def test_shifts_near_the_outermost_differ_little(path):
    # they are put together one-sidedly; bands are as sharp as the sharpest instruments see them
    axis = np.arange(701.0) * SPACING
    rng = np.random.default_rng(20)
    rows = np.stack(
        [
            sum(
                rng.uniform(0.2, 1)
                * -(axis - centre)
                * np.exp(-0.5 * ((axis - centre) / rng.uniform(4, 10)) ** 2)
                for centre in rng.uniform(20, 1380, 12)
            )
            for _ in range(60)
        ]
    )
    weight = 1.0 + 0.8 * np.sin(axis / 150)
    basis = orthonormal_beyond(np.zeros((0, 701)), rows[40:44] * weight)
    wanted, rss = slow(rounded(rows), (rows[3] + 0.3 * rows[7]) * weight, weight, basis)
    found = ReferenceIndex.build(rows).scores(
        (rows[3] + 0.3 * rows[7]) * weight, weight, basis, SHIFTS, SPACING
    )
    assert np.abs(found - wanted).max() < 1e-2 * rss
    assert np.abs(found - wanted)[CENTRED].max() < 1e-5 * rss


def test_where_the_measured_range_ends_abruptly_scores_change_little(path):
    rows, weighted, weight, _ = case(12, 60, 701)
    weight = np.where(np.arange(701) < 100, 0.0, 1.0)
    basis = orthonormal_beyond(np.zeros((0, 701)), smooth(np.random.default_rng(2), 4, 701) * weight)
    wanted, rss = slow(rounded(rows), rows[3] * weight, weight, basis, least=0.0)
    found = ReferenceIndex.build(rows).scores(rows[3] * weight, weight, basis, SHIFTS, SPACING)
    assert np.abs(found - wanted).max() < 5e-3 * rss
    whole = np.array([s % SPACING == 0 for s in SHIFTS])
    assert np.abs(found - wanted)[whole].max() < 1e-5 * rss


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 40),
    st.integers(16, 80),
    st.integers(0, 6),
    st.lists(st.floats(-6, 6), min_size=1, max_size=5),
)
def test_both_ways_agree_for_any_shifts(seed, count, points, parts, shifts):
    pytest.importorskip("numba")
    rows, weighted, weight, basis = case(seed, max(count, 4), points, parts)
    index = ReferenceIndex.build(rows)
    with pytest.MonkeyPatch.context() as patch:
        compiled = index.begin(weighted, weight, basis, shifts, SPACING)
        patch.setattr(_kernels, "available", lambda: False)
        plain = index.begin(weighted, weight, basis, shifts, SPACING)
    firm = compiled.norms[0][:, : len(rows)] > 1e-3
    assert np.abs(compiled.explained - plain.explained)[firm].max(initial=0.0) < 1e-3


def test_candidates_come_in_the_order_of_the_search(path):
    rng = np.random.default_rng(5)
    axis = np.arange(398.0, 1803.0, 1.0)
    entries = []
    for i in range(20):
        bands = sum(
            rng.uniform(20, 100) * np.exp(-0.5 * ((axis - rng.uniform(450, 1750)) / 6) ** 2) for _ in range(8)
        )
        spectrum = Spectrum(axis, 50 + bands + rng.normal(0, 0.5, axis.size), Technique.RAMAN)
        entries.append(ReferenceEntry(f"r{i}", Substance(f"s{i}"), spectrum, Grade.MEASURED))
    references = build_reference_set(entries, default_recipe(Technique.RAMAN))
    values = references.row(2) + 0.4 * references.row(11)
    measured = np.ones(values.size, bool)
    query = search.weigh(values, np.full(values.size, 1e-12), measured, spacing=2.0)
    fit = search.fit_terms(query, references, [search.Term(2, 0.0, 0)])
    basis = search.basis_of(query, references, fit)
    wanted = search.screen(query, references, fit, shifts=SHIFTS, widths=(0,))[:, 0]
    index = ReferenceIndex.build(np.stack([references.row(i) for i in range(20)]))
    top = index.begin(query.weight * query.values, query.weight, basis, SHIFTS, 2.0).top(5)
    assert list(top.rows) == list(np.argsort(-wanted.max(axis=0))[:5])
    assert top.rows[0] == 11
    assert list(top.shifts) == list(wanted[:, top.rows].argmax(axis=0))


def test_a_reference_scores_alike_in_any_company(path):
    rows, weighted, weight, basis = case(2, 300)
    whole = ReferenceIndex.build(rows).scores(weighted, weight, basis, SHIFTS, SPACING)
    some = [250, 3, 77]
    few = ReferenceIndex.build(rows[some]).scores(weighted, weight, basis, SHIFTS, SPACING)
    if path == "numba":
        assert np.array_equal(few, whole[:, some])
    assert np.allclose(few, whole[:, some], rtol=1e-3, atol=1e-5 * float(whole.max()))


@pytest.mark.parametrize("workers", [2, 5])
def test_threads_change_nothing(path, workers):
    rows, weighted, weight, basis = case(3, 1300, 48)
    index = ReferenceIndex.build(rows)
    one = index.begin(weighted, weight, basis, SHIFTS, SPACING)
    many = index.begin(weighted, weight, basis, SHIFTS, SPACING, workers=workers)
    assert np.array_equal(one.scores(), many.scores())
    more = smooth(np.random.default_rng(9), 2, 48)
    assert np.array_equal(one.beyond(more).scores(), many.beyond(more, workers=workers).scores())


def test_a_grown_model_scores_as_if_begun_with_it(path):
    rows, weighted, weight, basis = case(4, 80)
    more = smooth(np.random.default_rng(8), 3, 101) * weight
    index = ReferenceIndex.build(rows)
    grown = index.begin(weighted, weight, basis, SHIFTS, SPACING).beyond(more, shifts=SHIFTS[2:6])
    whole = np.concatenate((basis, orthonormal_beyond(basis, more)))
    fresh = index.begin(weighted, weight, whole, SHIFTS, SPACING)
    assert grown.rss == pytest.approx(fresh.rss)
    assert grown.basis.shape == (7, 101)
    assert np.abs(grown.explained - fresh.explained[2:6]).max() < 1e-4
    assert np.allclose(grown.basis @ grown.basis.T, np.eye(7), atol=1e-12)


def test_freed_of_fewer_directions_no_reference_scores_more(path):
    rows, weighted, weight, basis = case(13, 80)
    index = ReferenceIndex.build(rows)
    whole = index.begin(weighted, weight, basis, SHIFTS, SPACING)
    few = index.begin(weighted, weight, basis, SHIFTS, SPACING, main=basis[:1])
    assert few.rss == whole.rss
    firm = whole.norms[0][:, :80] > 1e-3
    assert (few.explained <= whole.explained * 1.001 + 1e-5)[firm].all()
    assert few.explained.max() > 0.1
    none = index.begin(weighted, weight, basis, SHIFTS, SPACING, main=basis[:0])
    assert (none.explained <= few.explained + 1e-5)[firm].all()
    # what is added to the model: all of it leaves the residual, the first column leaves the references
    more = smooth(np.random.default_rng(14), 3, 101) * weight
    grown = few.beyond(more, main=1)
    assert grown.basis.shape == (7, 101)
    assert grown.main.shape == (2, 101)
    assert grown.rss == pytest.approx(whole.beyond(more).rss)


def test_a_part_of_an_index_scores_as_the_whole_does(path):
    rows, weighted, weight, basis = case(15, 90)
    index = ReferenceIndex.build(rows)
    some = np.array([70, 3, 41])
    part = index.only(some)
    assert part.count == 3
    whole = index.scores(weighted, weight, basis, SHIFTS, SPACING)
    found = part.scores(weighted, weight, basis, SHIFTS, SPACING)
    assert np.allclose(found, whole[:, some], rtol=1e-3, atol=1e-5 * float(whole.max()))


def test_what_the_model_holds_already_adds_nothing():
    _, _, weight, basis = case(6)
    again = orthonormal_beyond(basis, np.stack([basis[0] * 5, basis[1] - basis[2]]))
    assert again.shape == (0, weight.size)


def test_references_in_the_span_of_the_model_and_opposite_ones_score_nothing(path):
    rows, weighted, _, _ = case(7, 20)
    weight = np.ones(101)
    rows[5] = -weighted
    basis = orthonormal_beyond(np.zeros((0, 101)), rows[8:9])
    scores = ReferenceIndex.build(rows).scores(weighted, weight, basis, [0.0], SPACING)[0]
    assert scores[8] == 0.0
    assert scores[5] == 0.0
    assert scores[3] > 0.0


def test_without_weights_signal_or_bands_nothing_is_found(path):
    rows, weighted, weight, basis = case(8, 20)
    rows[4] = 0.0
    index = ReferenceIndex.build(rows)
    none = np.zeros((0, 101))
    assert not index.scores(np.zeros(101), np.zeros(101), none, SHIFTS, SPACING).any()
    silent = index.begin(np.zeros(101), weight, basis, SHIFTS, SPACING)
    assert not silent.scores().any()
    assert silent.top().rows.size == 0
    assert not index.scores(weighted, weight, basis, SHIFTS, SPACING)[:, 4].any()
    outside = np.zeros(101)
    outside[:5] = 1.0  # all of it where nothing was measured, out of reach of every shift
    assert not ReferenceIndex.build(outside[None]).scores(weighted, weight, none, SHIFTS, SPACING).any()


def test_the_scale_of_references_and_weights_does_not_matter(path):
    rows, weighted, weight, basis = case(9)
    one = ReferenceIndex.build(rows).begin(weighted, weight, basis, SHIFTS, SPACING)
    other = ReferenceIndex.build(rows * 1e-30).begin(weighted * 1e-20, weight * 1e-20, basis, SHIFTS, SPACING)
    assert np.allclose(one.explained, other.explained, atol=1e-6)


def test_the_best_come_first_and_ties_in_the_order_of_rows(path):
    rows, weighted, weight, basis = case(10, 40)
    rows[30] = rows[6]
    screening = ReferenceIndex.build(rows).begin(weighted, weight, basis, SHIFTS, SPACING)
    best = screening.scores().max(axis=0)
    top = screening.top(10)
    assert list(top.rows) == sorted(range(40), key=lambda row: (-best[row], row))[:10]
    assert np.array_equal(top.drop, best[top.rows])
    assert np.array_equal(screening.scores()[top.shifts, top.rows], top.drop)
    assert screening.top(1000).rows.size == np.count_nonzero(best)
    assert not set(screening.top(1000, without=[3, 6]).rows) & {3, 6}
    assert screening.top(0).rows.size == 0


def test_an_index_costs_little_more_than_its_matrix():
    rows = smooth(np.random.default_rng(0), 1000, 701)
    index = ReferenceIndex.build(rows)
    assert index.matrix.nbytes <= 1.05 * rows.astype(np.float16).nbytes
    assert not index.matrix.flags.writeable
    assert index.count == 1000
    assert index.points == 701
    assert COLLINEAR == search.COLLINEAR


@pytest.mark.parametrize("rows", [np.zeros((0, 5)), np.zeros(5), [[1.0, np.nan]], [[1.0, np.inf]]])
def test_what_is_no_matrix_of_references_is_refused(rows):
    with pytest.raises(MethodError):
        ReferenceIndex.build(rows)


def test_a_query_of_another_axis_is_refused():
    rows, weighted, weight, basis = case(11)
    index = ReferenceIndex.build(rows)
    for bad in (
        (weighted[:-1], weight, basis),
        (weighted, weight[:-1], basis),
        (weighted, weight, basis[:, :-1]),
    ):
        with pytest.raises(MethodError, match="101 points"):
            index.scores(*bad, SHIFTS, SPACING)
