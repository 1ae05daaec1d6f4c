"""The search: local mismatch, robust statistics, rivals, large sets, limits."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from spectra import refset as refset_module
from spectra import widths as widths_module
from spectra.errors import MethodError
from spectra.fitting import SHIFTS, Term, fit_terms
from spectra.limits import detectable_share
from spectra.query import WITH_BLANK, make_query, weigh
from spectra.recipe import default_recipe, prepare
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.refset import assemble, build_reference_set
from spectra.search import begin, candidates, excess, statistic
from spectra.select import may_be_named, near_duplicates, select
from spectra.simulation import detector_axis, mix
from spectra.values import Spectrum, Technique

THRESHOLD = 80.0


@pytest.fixture(scope="module")
def scan(entry_of):
    """Return a function that simulates a prepared scan of a mixture."""

    def make(shares, recipe, *, seed=0, snr=200.0, shift=0.5, fwhm=4.0):
        entries = [entry_of(name) for name in shares]
        spectrum = mix(
            entries,
            list(shares.values()),
            axis=detector_axis(entries),
            snr=snr,
            extra_fwhm=fwhm,
            shift=shift,
            rng=np.random.default_rng(seed),
        )
        return prepare(spectrum, recipe)

    return make


def row_of(references, name):
    (row,) = references.rows_of(name)
    return row


def test_mismatch_is_expected_where_signal_is():
    n = 400
    values = np.zeros(n)
    values[100:110] = 10.0
    values[300:310] = 1.0
    query = weigh(values, np.full(n, 1e-6), np.ones(n, bool), spacing=2.0)
    beside, weak, strong = query.weight[200], query.weight[305], query.weight[105]
    assert beside > weak > strong
    assert weak == pytest.approx(10.0 * strong, rel=0.4)


def test_a_blank_changes_the_regime_and_lowers_the_mismatch_of_its_own_lines(scan, raman_set):
    features = scan({"Polyethylene": 1.0}, raman_set.recipe, snr=1000.0)
    blank = scan({"Polyethylene": 1.0}, raman_set.recipe, snr=1000.0, seed=1)
    alone, with_blank = make_query(features, raman_set), make_query(features, raman_set, blank=blank)
    assert alone.regime <= 1.0 < WITH_BLANK <= with_blank.regime
    assert with_blank.noise_share > alone.noise_share
    assert with_blank.blank_noise < 0.05


def test_ends_of_a_baseline_are_left_out(scan, raman_set):
    features = scan({"lactose": 1.0}, raman_set.recipe)
    short = replace(features, margins=(0, 0))
    assert make_query(short, raman_set).points < make_query(features, raman_set).points


def test_unknown_content_hides_only_what_lies_under_it(scan, raman_set):
    query = make_query(scan({"caffeine": 1.0}, raman_set.recipe), raman_set)
    nothing = fit_terms(query, raman_set, [])
    worth = excess(query, nothing.residual)
    assert worth.max() > 5.0
    assert worth.min() <= 1.0
    right = fit_terms(query, raman_set, [Term(row_of(raman_set, "caffeine"), 0.0, 1)])
    wrong = fit_terms(query, raman_set, [Term(row_of(raman_set, "lactose"), 0.0, 1)])
    assert statistic(query, nothing, right) > 10.0 * statistic(query, nothing, wrong)


def test_a_minor_component_is_selected_and_what_is_not_there_is_not(scan, raman_set):
    query = make_query(scan({"lactose": 0.85, "caffeine": 0.15}, raman_set.recipe), raman_set)
    found = select(query, raman_set, threshold=THRESHOLD)
    named = {raman_set.entries[m.term.row].substance.name for m in found.matches if may_be_named(m)}
    assert named == {"lactose", "caffeine"}
    assert found.best_absent < THRESHOLD


def test_a_neighbour_of_what_the_library_lacks_is_not_named(scan, raman_set):
    row = row_of(raman_set, "Arginine")
    without = raman_set.subset([r for r in range(len(raman_set.entries)) if r != row])
    query = make_query(scan({"Arginine": 1.0}, raman_set.recipe, snr=500.0), without)
    found = select(query, without, threshold=THRESHOLD)
    assert not any(may_be_named(match) for match in found.matches)
    assert found.unexplained > 0


def test_alike_references_are_near_duplicates_at_some_shift():
    x = np.arange(300.0)
    row = -(x - 150.0) * np.exp(-0.5 * ((x - 150.0) / 6.0) ** 2)
    moved = np.roll(row, 2)
    other = np.roll(row, 40)
    assert near_duplicates(row, moved, 2.0)
    assert not near_duplicates(row, other, 2.0)
    assert not near_duplicates(row, np.zeros(300), 2.0)


def test_a_large_set_gives_the_same_answer_from_its_index(scan, raman_set, monkeypatch):
    monkeypatch.setattr(refset_module, "DENSE", 20)
    sharp = raman_set.rows[0].astype(np.float32)
    large = assemble(raman_set.entries, raman_set.recipe, raman_set.axis, sharp)
    assert large.index is not None
    assert np.allclose(large.row(3, 2), raman_set.row(3, 2), rtol=1e-4, atol=1e-9)
    monkeypatch.undo()
    query = make_query(scan({"sucrose": 0.7, "urea": 0.3}, raman_set.recipe), raman_set)
    nothing = fit_terms(query, raman_set, [])
    begun = begin(query, large, nothing, SHIFTS)
    best, *_ = candidates(query, large, nothing, shifts=SHIFTS, without=(), begun=begun)
    same, *_ = candidates(query, raman_set, nothing, shifts=SHIFTS, without=())
    assert best[0] == same[0]
    assert begin(query, raman_set, nothing, SHIFTS) is None
    names = [
        {
            raman_set.entries[m.term.row].substance.name
            for m in select(query, one, threshold=THRESHOLD).matches
        }
        for one in (raman_set, large)
    ]
    assert names[0] == names[1] == {"sucrose", "urea"}


def test_a_large_set_comes_back_from_what_was_prepared(raman_set, monkeypatch):
    monkeypatch.setattr(refset_module, "DENSE", 20)
    made = build_reference_set(raman_set.entries, raman_set.recipe)
    prepared = made.prepared()
    assert prepared is not None
    entries = list(raman_set.entries)[::-1]
    again = build_reference_set(entries, raman_set.recipe, prepared=prepared)
    assert [one.reference_id for one in again.entries] == [one.reference_id for one in made.entries]
    assert again.sharp is prepared.sharp
    assert np.array_equal(again.index.matrix, made.index.matrix)
    assert (again.index.count, again.index.points, again.index.stride) == (
        made.index.count,
        made.index.points,
        made.index.stride,
    )
    with pytest.raises(MethodError, match="another library"):
        build_reference_set(entries[1:], raman_set.recipe, prepared=prepared)
    with pytest.raises(MethodError, match="another one"):
        build_reference_set(
            entries, raman_set.recipe, prepared=prepared._replace(matrix=prepared.matrix[:, 16:])
        )


def test_a_small_set_has_nothing_to_keep(raman_set):
    assert raman_set.prepared() is None


def test_rows_of_a_large_set_are_kept_and_stay_the_same(raman_set, monkeypatch):
    monkeypatch.setattr(refset_module, "DENSE", 20)
    monkeypatch.setattr(widths_module, "KEPT", 6)
    sharp = raman_set.rows[0].astype(np.float32)
    large = assemble(raman_set.entries, raman_set.recipe, raman_set.axis, sharp)
    wanted = assemble(raman_set.entries[:12], raman_set.recipe, raman_set.axis, sharp[:12])
    for _ in range(2):
        few = large.subset([7, 2, 7, 11])
        assert few.sharp is None
        assert np.array_equal(few.rows, wanted.rows[:, [7, 2, 7, 11]])
        assert np.allclose(few.single, few.rows, rtol=1e-6)
        assert np.array_equal(few.squares, few.single**2)
        assert np.array_equal(large.row(5, 3), wanted.rows[3, 5])
        assert len(widths_module._KEPT[large]) <= 6
        assert np.array_equal(large.subset(range(9)).rows, wanted.rows[:, :9])
    assert large.subset([]).rows.shape == (len(widths_module.WIDTHS), 0, raman_set.axis.size)
    assert large.subset(range(30)).index is not None


@pytest.mark.parametrize("noise", [None, 0.01])
def test_many_references_are_prepared_together_as_they_are_one_by_one(noise, monkeypatch):
    recipe = default_recipe(Technique.RAMAN)
    rng = np.random.default_rng(1)
    entries = []
    for i in range(40):
        axis = np.arange(380.0, 1850.0, 1.5 if i % 3 else 2.0)
        if i == 17:
            axis = axis[axis < 700]  # covers too little: left out
        centres = rng.uniform(450, 1750, 6)
        bands = sum(np.exp(-0.5 * ((axis - c) / 8) ** 2) for c in centres) + rng.normal(0, 0.01, axis.size)
        spread = None if noise is None else np.full(axis.size, noise)
        spectrum = Spectrum(axis, bands + 2.0, Technique.RAMAN, noise=spread)
        entries.append(ReferenceEntry(f"r{i}", Substance(f"s{i}"), spectrum, Grade.MEASURED))
    single = build_reference_set(entries, recipe)
    monkeypatch.setattr(refset_module, "DENSE", 30)
    large = build_reference_set(entries, recipe)
    assert [entry.reference_id for entry in large.entries] == [entry.reference_id for entry in single.entries]
    assert len(large.entries) == 39
    assert np.abs(large.sharp - single.rows[0]).max() < 1e-4 * np.abs(single.rows[0]).max()


def test_the_excess_is_the_mean_square_around_each_point(scan, raman_set):
    query = make_query(scan({"caffeine": 1.0}, raman_set.recipe), raman_set)
    residual = np.random.default_rng(0).normal(0.0, 3.0, query.values.size)
    wanted = uniform_filter1d(residual**2, 9, mode="constant")
    assert np.allclose(excess(query, residual), np.maximum(wanted, 1.0))


def test_a_limit_grows_with_noise_and_is_found_above_it(scan, raman_set):
    row = row_of(raman_set, "caffeine")
    limits = []
    for snr in (400.0, 40.0):
        features = scan({"lactose": 1.0}, raman_set.recipe, snr=snr)
        query = make_query(features, raman_set)
        found = select(query, raman_set, threshold=THRESHOLD)
        limits.append(
            detectable_share(
                query,
                raman_set,
                found.fit,
                [row],
                threshold=THRESHOLD,
                total_area=float(found.fit.amplitudes.sum()),
                width=1,
            )
        )
    assert 0.0 < limits[0] < limits[1] < 1.0
    share = 1.5 * limits[1]
    query = make_query(
        scan({"caffeine": share, "lactose": 1.0 - share}, raman_set.recipe, snr=40.0), raman_set
    )
    assert row in {m.term.row for m in select(query, raman_set, threshold=THRESHOLD).matches}
