"""Fits of few terms: products made once, extended and shortened, and the small systems they lead to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from spectra.fitting import Design, Term, basis_of, columns, fit_terms
from spectra.least_squares import corrected, nonnegative
from spectra.query import make_query
from spectra.recipe import prepare
from spectra.simulation import detector_axis, mix


@pytest.fixture(scope="module")
def query(entry_of, raman_set):
    entries = [entry_of(name) for name in ("lactose", "caffeine", "urea")]
    spectrum = mix(
        entries,
        [0.5, 0.3, 0.2],
        axis=detector_axis(entries),
        snr=100.0,
        extra_fwhm=4.0,
        shift=0.7,
        rng=np.random.default_rng(0),
    )
    return make_query(prepare(spectrum, raman_set.recipe), raman_set)


def terms(raman_set, *names):
    return [Term(raman_set.rows_of(name)[0], float(k), k % 3) for k, name in enumerate(names)]


def same(one, other):
    assert one.terms == other.terms
    assert np.allclose(one.amplitudes, other.amplitudes, rtol=1e-9)
    assert np.allclose(one.residual, other.residual, rtol=1e-9, atol=1e-9)
    assert one.rss == pytest.approx(other.rss)
    assert one.parameters == other.parameters


def test_a_model_grown_or_shortened_fits_as_one_laid_out_anew(query, raman_set):
    chosen = terms(raman_set, "lactose", "caffeine", "urea", "sucrose")
    design = Design.of(query, raman_set, chosen[:3])
    grown = design.beside(query, chosen[3], columns(query, raman_set, chosen[3]))
    same(grown.fit(query), fit_terms(query, raman_set, chosen))
    same(grown.without(1).fit(query), fit_terms(query, raman_set, [chosen[0], *chosen[2:]]))
    same(design.without(0).without(0).without(0).fit(query), fit_terms(query, raman_set, []))


def test_a_trial_tells_amplitude_and_residual_of_the_fit(query, raman_set):
    chosen = terms(raman_set, "lactose", "caffeine", "urea", "sucrose")
    for count in range(4):
        design = Design.of(query, raman_set, chosen[:count])
        block = columns(query, raman_set, chosen[count])
        amplitude, residual = design.try_beside(query, chosen[count], block)
        wanted = fit_terms(query, raman_set, chosen[: count + 1])
        assert amplitude == pytest.approx(wanted.amplitudes[-1], rel=1e-9)
        assert np.allclose(residual, wanted.residual, rtol=1e-9, atol=1e-9)


def test_the_basis_is_that_of_the_columns_wherever_they_come_from(query, raman_set):
    chosen = terms(raman_set, "lactose", "caffeine")
    fit, design = fit_terms(query, raman_set, chosen), Design.of(query, raman_set, chosen)
    whole, main = basis_of(query, raman_set, fit), basis_of(query, raman_set, fit, main=True)
    assert (len(whole), len(main)) == (8, 2)
    assert np.allclose(whole @ whole.T, np.eye(8), atol=1e-12)
    assert np.allclose(main @ whole.T @ whole, main, atol=1e-9)
    assert np.array_equal(basis_of(query, raman_set, fit, design=design), whole)
    assert np.array_equal(basis_of(query, raman_set, fit, main=True, design=design), main)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_amplitudes_of_unlike_rows_are_those_of_nonnegative_least_squares(seed, count):
    rng = np.random.default_rng(seed)
    rows = np.linalg.qr(rng.standard_normal((40, count)))[0].T + 0.05 * rng.standard_normal((count, 40))
    target = rng.uniform(0.5, 3.0, count) @ rows
    found = nonnegative(rows @ rows.T, rows @ target)
    assert np.allclose(found, nnls(rows.T, target)[0], rtol=1e-6)
    against = nonnegative(rows @ rows.T, -(rows @ rows.T) @ np.ones(count))
    assert not against.any()


def test_corrections_are_free_or_held_as_their_prior_says():
    rng = np.random.default_rng(1)
    blocks = rng.standard_normal((2, 3, 60))
    rows = blocks.reshape(6, 60)
    truth = np.array([[2.0, 0.3, -0.2], [1.0, -0.1, 0.4]])
    target = truth.ravel() @ rows
    products = rows @ rows.T, rows @ target
    free = corrected(*products, np.array([2.0, 1.0]), np.full((2, 2), 1e6))
    assert np.allclose(free, truth, atol=1e-6)
    held = corrected(*products, np.array([2.0, 1.0]), np.full((2, 2), 1e-6))
    assert np.allclose(held[:, 1:], 0.0, atol=1e-6)
    # a term without amplitude stays out, with its corrections
    only = corrected(*products, np.array([2.0, 0.0]), np.full((2, 2), 1e6))
    assert not only[1].any()
    alone = np.linalg.lstsq(rows[:3].T, target, rcond=None)[0]
    assert np.allclose(only[0], alone, rtol=1e-6)
    # and so does one whose amplitude would be negative
    against = corrected(
        products[0], rows @ (truth[0] @ rows[:3] - 3.0 * rows[3]), np.ones(2), np.full((2, 2), 0.1)
    )
    assert not against[1].any()
