"""Recipes are data: digest, noise carried through, and refusals."""

import numpy as np
import pytest

from spectra.errors import RecipeError, SpectrumMismatch
from spectra.recipe import Recipe, default_recipe, prepare, shipped_recipes
from spectra.values import Spectrum, Technique

RAMAN = default_recipe(Technique.RAMAN)
AXIS = np.linspace(350, 2600, 1952)


def spectrum(intensity, **more):
    return Spectrum(AXIS, intensity, Technique.RAMAN, **more)


def test_the_digest_names_the_steps_and_not_the_name():
    same = Recipe("other", RAMAN.technique, RAMAN.steps)
    assert same.digest == RAMAN.digest
    assert len({recipe.digest for recipe in shipped_recipes().values()}) == len(shipped_recipes()) == 2
    changed = [dict(step) for step in RAMAN.steps]
    changed[2]["stiffness"] = 2e4
    assert Recipe("other", RAMAN.technique, tuple(changed)).digest != RAMAN.digest


def test_predicted_noise_is_what_repeated_scans_show():
    rng = np.random.default_rng(3)
    level = np.linspace(1.0, 4.0, AXIS.size)
    band = 2000 * np.exp(-0.5 * ((AXIS - 1000) / 5) ** 2)
    runs = [
        prepare(spectrum(band + level * rng.standard_normal(AXIS.size), noise=level), RAMAN)
        for _ in range(120)
    ]
    seen = np.var([run.values for run in runs], axis=0)
    told = runs[0].variance
    ratio = seen[20:-20] / told[20:-20]
    assert 0.85 < np.median(ratio) < 1.2


def test_a_spectrum_that_covers_part_is_treated_there():
    features = prepare(Spectrum(np.linspace(700, 1700, 900), np.ones(900) * 5, Technique.RAMAN), RAMAN)
    assert features.axis[0] == 700
    assert RAMAN.grid()[features.first] == 700


def test_refusals():
    with pytest.raises(SpectrumMismatch, match="covers"):
        prepare(Spectrum(np.linspace(400, 700, 300), np.ones(300), Technique.RAMAN), RAMAN)
    with pytest.raises(SpectrumMismatch, match="ftir"):
        prepare(Spectrum(AXIS, np.ones(AXIS.size), Technique.FTIR), RAMAN)
    with pytest.raises(RecipeError):
        Recipe("bad", Technique.RAMAN, ({"step": "magic"},))
    with pytest.raises(RecipeError):
        Recipe("bad", Technique.RAMAN, ({"step": "smooth", "passes": 1},))
    with pytest.raises(RecipeError):
        Recipe("bad", Technique.RAMAN, tuple(reversed(RAMAN.steps)))


def test_inputs_are_not_changed():
    values = np.sin(AXIS / 30) + 5
    before = values.copy()
    prepare(spectrum(values), RAMAN)
    assert np.array_equal(values, before)
