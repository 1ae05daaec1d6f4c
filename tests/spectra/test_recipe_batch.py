"""A batch is its spectra one by one, step by step and through whole recipes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spectra import _kernels, operators, steps
from spectra.baseline import ALGORITHMS, BATCH_ROWS, baseline
from spectra.compensation import air_on, subtract_water
from spectra.despike import despike, find_spikes
from spectra.infrared_units import absorbance_of, convert
from spectra.noise import noise_of
from spectra.recipe import Recipe, prepare, prepare_many, shipped_recipes
from spectra.treating import KEPT_PLANS, LONGEST_KEPT, plan_of
from spectra.values import Spectrum, Technique

FINITE = st.floats(-1e6, 1e6, allow_nan=False)
ROWS = arrays(np.float64, (3, 40), elements=FINITE)
POSITIVE = arrays(np.float64, (3, 40), elements=st.floats(1e-3, 1.9))
AXIS = np.linspace(400, 478, 40)
TARGET = np.linspace(405, 470, 27)

STEPS = {
    "smooth": lambda y: steps.smooth(y, passes=2),
    "smooth by polynomials": lambda y: steps.smooth_polynomial(y, window=7, degree=2),
    "resample": lambda y: steps.resample(AXIS, y, TARGET),
    "derivative": lambda y: steps.derivative(y, window=9, degree=2, spacing=2.0),
    "second derivative": lambda y: steps.derivative(y, window=9, degree=3, order=2, spacing=2.0),
    "broaden": lambda y: steps.broaden(y, fwhm=7.0, spacing=2.0),
    "area": lambda y: steps.normalise(y, by="area", spacing=2.0),
    "max": lambda y: steps.normalise(y, by="max"),
    "vector": lambda y: steps.normalise(y, by="vector"),
    "noise": noise_of,
    "despike": despike,
    "spikes": lambda y: find_spikes(y, width=3).astype(float),
}


@pytest.mark.parametrize("step", STEPS)
@given(rows=ROWS)
def test_every_step_treats_a_batch_as_its_rows(step, rows):
    rows.setflags(write=False)
    one_by_one = np.stack([STEPS[step](row) for row in rows])
    scale = max(1.0, float(np.abs(rows).max()))
    assert np.allclose(STEPS[step](rows), one_by_one, rtol=1e-12, atol=1e-12 * scale)
    many = STEPS[step](rows.reshape(1, 3, 1, 40))
    assert many.shape == (1, 3, 1, one_by_one.shape[-1])
    assert np.allclose(many.reshape(one_by_one.shape), one_by_one, rtol=1e-12, atol=1e-12 * scale)


@given(POSITIVE)
def test_units_of_a_batch(rows):
    values, noise = convert(rows, 0.01 * rows, given="transmittance")
    assert np.array_equal(values, np.stack([absorbance_of(row) for row in rows]))
    assert np.allclose(noise, 0.01 / np.log(10))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(max_examples=20)
@given(rows=arrays(np.float64, (3, 60), elements=st.floats(0, 1e4)))
def test_a_batch_of_baselines_is_its_rows(algorithm, rows):
    # Numbers far below all others make any Whittaker system singular.
    rows = np.round(rows, 3)
    stiffness = {"snip": 10}.get(algorithm)
    options = {"algorithm": algorithm, "stiffness": stiffness}
    assert np.array_equal(
        baseline(rows, **options), np.stack([baseline(row, **options) for row in rows]), equal_nan=True
    )


def test_large_batches_go_through_the_kernel_and_agree(monkeypatch):
    rng = np.random.default_rng(5)
    x = np.arange(300.0)
    rows = np.stack(
        [
            1e3 * np.exp(-0.5 * ((x - c) / 5) ** 2) + 500 * np.exp(-x / w) + rng.normal(0, 5, x.size)
            for c, w in zip(rng.uniform(50, 250, 12), rng.uniform(100, 900, 12), strict=True)
        ]
    )
    rows[4] = 7.0
    assert len(rows) > BATCH_ROWS
    batch = baseline(rows)
    one_by_one = np.stack([baseline(row) for row in rows])
    assert (np.abs(batch - one_by_one) <= 1e-3 * np.ptp(rows, axis=1, keepdims=True)).all()
    assert np.array_equal(batch[4], rows[4])
    monkeypatch.setattr(_kernels, "available", lambda: False)
    assert np.array_equal(baseline(rows), one_by_one)


def scans(technique, axis, rng, count=3):
    """Return spectra with bands, a background and noise; the infrared ones as absorbance."""
    bands = np.stack(
        [np.exp(-0.5 * ((axis - c) / 8) ** 2) for c in np.linspace(axis[0] + 60, axis[-1] - 60, 9)]
    )
    shape = rng.uniform(0, 1, (count, 9)) @ bands + 0.4 * np.exp(-((axis - 1200) ** 2) / 9e5) + 0.05
    scale = 1e4 if technique is Technique.RAMAN else 0.4
    return scale * (shape + 2e-3 * rng.standard_normal(shape.shape))


def options_of_steps():
    """Return steps beside the needed ones, as lists of which one is taken."""
    before = {
        Technique.RAMAN: [
            [{}, {"step": "crop", "start_cm1": 395.0, "stop_cm1": 1705.0}],
            [{}, {"step": "despike", "width": 3}],
        ],
        Technique.FTIR: [
            [{}, {"step": "unit", "given": "transmittance_percent"}],
            [{}, {"step": "atmosphere", "sigmas": 0.0}],
            [{}, {"step": "atr", "reference_cm1": 1200.0}],
        ],
    }
    smooth = [{}, {"step": "smooth", "passes": 2}, {"step": "smooth", "window": 7, "degree": 3}]
    tail = [
        [{}, *({"step": "baseline", "algorithm": name} for name in ALGORITHMS)],
        [{}, *({"step": "normalise", "by": by} for by in steps.NORMS)],
        [{"step": "derivative", "window": 9, "degree": 3, "order": order} for order in (1, 2)],
    ]
    for technique, early in before.items():
        choice = [st.sampled_from(options) for options in (*early, smooth, *tail)]
        yield st.tuples(st.just(technique), st.integers(0, 2**32 - 1), st.tuples(*choice))


@settings(max_examples=60, deadline=None)
@given(st.one_of(*options_of_steps()), st.sampled_from(["none", "shared", "each"]))
def test_any_recipe_treats_a_batch_as_its_rows(chosen, kind_of_noise):
    technique, seed, picked = chosen
    rng = np.random.default_rng(seed)
    resample = {"step": "resample", "start_cm1": 400.0, "stop_cm1": 1700.0, "spacing_cm1": 4.0}
    parts = [step for step in picked if step]
    place = next(i for i, step in enumerate(parts) if step["step"] in ("baseline", "normalise", "derivative"))
    recipe = Recipe("any", technique, (*parts[:place], resample, *parts[place:]))
    axis = np.sort(rng.uniform(380, 1950, 900))
    rows = scans(technique, axis, rng)
    if technique is Technique.RAMAN:
        rows[1, 400] += 3e4
    elif recipe.parameters("unit"):
        rows = 100 * 10**-rows
    noise = {"none": None, "shared": np.full(axis.size, 0.1), "each": rng.uniform(0.01, 1, rows.shape)}[
        kind_of_noise
    ]
    batch = prepare_many(axis, rows, recipe, noise=noise)
    assert len(batch) == 3
    given_noise = itertools.repeat(None) if noise is None else np.broadcast_to(noise, rows.shape)
    for i, (row, one_noise) in enumerate(zip(rows, given_noise, strict=False)):
        single = prepare(Spectrum(axis, row, technique, noise=one_noise), recipe)
        found = batch.row(i)
        assert found.first == single.first
        assert found.scale == pytest.approx(single.scale, rel=1e-9)
        for name in ("axis", "corrected", "background", "values", "variance", "sigma"):
            one, other = getattr(single, name), getattr(found, name)
            assert one.shape == other.shape
            assert np.abs(one - other).max() <= 1e-9 * np.abs(one).max(), name


def test_shipped_recipes_treat_a_batch_as_its_rows():
    rng = np.random.default_rng(1)
    axis = np.linspace(350.0, 3700.0, 1800)
    for recipe in shipped_recipes().values():
        rows = scans(recipe.technique, axis, rng, count=2)
        if recipe.parameters("unit"):
            rows = 10**-rows
        batch = prepare_many(axis, rows, recipe, resolution_cm1=6.0)
        for i, row in enumerate(rows):
            single = prepare(Spectrum(axis, row, recipe.technique, resolution_cm1=6.0), recipe)
            assert np.allclose(batch.row(i).values, single.values, rtol=1e-9, atol=1e-12)
            assert np.allclose(batch.row(i).variance, single.variance, rtol=1e-9, atol=1e-30)


def test_air_is_taken_from_each_row_alone():
    rng = np.random.default_rng(2)
    axis = np.arange(700.0, 4000.0, 1.9)
    air = air_on(axis, width_cm1=4.0)
    rows = 1e-3 * rng.standard_normal((3, axis.size)) + np.array([[0.0], [0.05], [-0.02]]) * air.lines
    together, seen = subtract_water(rows, air, air.water(rows), sigmas=5.0)
    assert seen.tolist() == [False, True, True]
    for i, row in enumerate(rows):
        alone, _ = subtract_water(row[None], air, air.water(row[None]), sigmas=5.0)
        assert np.allclose(alone[0], together[i], rtol=0, atol=1e-14)


@given(arrays(np.float64, (3, 40), elements=FINITE))
def test_matrices_are_the_twins_of_their_steps(rows):
    twins = [
        (operators.binomial(40, 3), steps.smooth(rows, passes=3)),
        (operators.interpolation(AXIS, TARGET), steps.resample(AXIS, rows, TARGET)),
        (operators.local_polynomial(40, 7, 2), steps.smooth_polynomial(rows, window=7, degree=2)),
        (
            operators.local_polynomial(40, 9, 2, order=1, spacing=2.0),
            steps.derivative(rows, window=9, degree=2, spacing=2.0),
        ),
        (
            operators.local_polynomial(40, 39, 3, order=2, spacing=0.5),
            steps.derivative(rows, window=39, degree=3, order=2, spacing=0.5),
        ),
    ]
    for matrix, expected in twins:
        found = operators.apply(matrix, rows)
        assert np.allclose(found, expected, rtol=1e-10, atol=1e-10 * max(1.0, np.abs(rows).max()))


def test_plans_are_kept_but_not_without_end():
    recipe = shipped_recipes()["raman-default"]
    axis = np.linspace(350.0, 1900.0, 700)
    assert plan_of(axis, recipe, None) is plan_of(np.array(axis), recipe, None)
    assert plan_of(axis + 1, recipe, None) is not plan_of(axis, recipe, None)
    long = np.linspace(350.0, 1900.0, LONGEST_KEPT + 1)
    assert plan_of(long, recipe, None) is not plan_of(long, recipe, None)
    before = plan_of(axis, recipe, None)
    for shift in range(KEPT_PLANS):
        plan_of(axis + 2 + shift / 100, recipe, None)
    assert plan_of(axis, recipe, None) is not before
