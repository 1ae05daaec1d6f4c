"""Recipes are data: digest, JSON, a table of steps, and refusals that say what is right."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectra.errors import AxisError, RecipeError, SpectrumMismatch, ValueRangeError
from spectra.recipe import Recipe, default_recipe, prepare, prepare_many, shipped_recipes
from spectra.recipe_data import MAX_JSON
from spectra.step_table import STEPS, step_table
from spectra.values import Spectrum, Technique

RAMAN = default_recipe(Technique.RAMAN)
AXIS = np.linspace(350, 2600, 1952)

#: Digests results of earlier builds are cited by.
DIGESTS = {
    "raman-default": "0bf796e0988d2063f15825f43089445687ddbf30faa482395976ab89b7d2daff",
    "ftir-default": "d43e856b82296b97e6d8ba6fea45387960d1f709a968beae6c6663c8a9d631b4",
}

RESAMPLE = {"step": "resample", "start_cm1": 400.0, "stop_cm1": 1800.0, "spacing_cm1": 2.0}
DERIVATIVE = {"step": "derivative", "window": 9, "degree": 2}


def spectrum(intensity, **more):
    return Spectrum(AXIS, intensity, Technique.RAMAN, **more)


def with_steps(*before, technique=Technique.RAMAN):
    return Recipe("tried", technique, (*before, RESAMPLE, DERIVATIVE))


def test_the_shipped_defaults_keep_their_digests():
    assert {name: shipped_recipes()[name].digest for name in DIGESTS} == DIGESTS


def test_the_digest_names_the_steps_and_not_the_name():
    same = Recipe("other", RAMAN.technique, RAMAN.steps, "another reason")
    assert same.digest == RAMAN.digest
    assert len({one.digest for one in shipped_recipes().values()}) == len(shipped_recipes()) >= 10
    changed = [dict(step) for step in RAMAN.steps]
    changed[2]["stiffness"] = 2e4
    assert Recipe("other", RAMAN.technique, tuple(changed)).digest != RAMAN.digest


def test_every_shipped_recipe_says_why_and_survives_json_and_pickling():
    for name, one in shipped_recipes().items():
        assert one.name == name
        assert len(one.why) > 40
        for again in (Recipe.from_json(one.to_json()), pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            assert again == one
            assert (again.digest, again.why, hash(again)) == (one.digest, one.why, hash(one))


def test_whole_numbers_are_the_same_in_any_spelling():
    steps = ({**RESAMPLE, "start_cm1": 400}, {**DERIVATIVE, "window": 9.0})
    one = Recipe("a", Technique.RAMAN, steps)
    assert one.digest == with_steps().digest
    assert type(one.parameters("derivative")["window"]) is int


def test_a_recipe_cannot_be_written_to():
    source = dict(DERIVATIVE)
    one = Recipe("a", Technique.RAMAN, (RESAMPLE, source))
    source["window"] = 99
    assert one.parameters("derivative")["window"] == 9
    with pytest.raises(TypeError):
        one.steps[0]["start_cm1"] = 0.0


def test_settings_fill_in_what_a_recipe_leaves_out():
    one = with_steps({"step": "despike"})
    assert one.settings("despike") == {"threshold": 7.0, "width": 2}
    assert one.parameters("despike") == {}
    assert one.settings("smooth") is None
    assert one.settings("derivative") == {"window": 9, "degree": 2, "order": 1}


FTIR = Technique.FTIR
WRONG = {
    "unknown step": ([{"step": "magic"}], Technique.RAMAN),
    "unknown step 3": ([{"step": 3}], Technique.RAMAN),
    "unknown step ['x']": ([{"step": ["x"]}], Technique.RAMAN),
    "unknown parameter 'strength'": ([{"step": "baseline", "strength": 3}], Technique.RAMAN),
    "order unit, crop, despike": ([{"step": "smooth", "passes": 1}, {"step": "despike"}], Technique.RAMAN),
    "at most once": ([{"step": "crop", "start_cm1": 0, "stop_cm1": 9e3}] * 2, Technique.RAMAN),
    "passes must be a whole number from 1 to 10, got 11": (
        [{"step": "smooth", "passes": 11}],
        Technique.RAMAN,
    ),
    "got 1.5": ([{"step": "smooth", "passes": 1.5}], Technique.RAMAN),
    "got True": ([{"step": "smooth", "passes": True}], Technique.RAMAN),
    "got nan": ([{"step": "despike", "threshold": float("nan")}], Technique.RAMAN),
    "got '7'": ([{"step": "despike", "threshold": "7"}], Technique.RAMAN),
    "either passes": ([{"step": "smooth", "passes": 1, "window": 5, "degree": 2}], Technique.RAMAN),
    "or window and degree": ([{"step": "smooth"}], Technique.RAMAN),
    "window and degree (Savitzky": ([{"step": "smooth", "window": 5}], Technique.RAMAN),
    "must be odd": ([{"step": "smooth", "window": 6, "degree": 2}], Technique.RAMAN),
    "larger than the degree": ([{"step": "smooth", "window": 5, "degree": 5}], Technique.RAMAN),
    "asls, arpls, airpls": ([{"step": "baseline", "algorithm": "spline"}], Technique.RAMAN),
    "arpls: lam must be": ([{"step": "baseline", "stiffness": 0}], Technique.RAMAN),
    "max_half_window must be a whole": (
        [{"step": "baseline", "algorithm": "snip", "stiffness": 2.5}],
        Technique.RAMAN,
    ),
    "poly_order must be": ([{"step": "baseline", "algorithm": "modpoly", "stiffness": 13}], Technique.RAMAN),
    "arpls has no variant": ([{"step": "baseline", "variant": 0.1}], Technique.RAMAN),
    "p must be a number from 1e-06 to 0.5": (
        [{"step": "baseline", "algorithm": "asls", "variant": 0.9}],
        Technique.RAMAN,
    ),
    "by must be one of area, max, vector": ([{"step": "normalise", "by": "hope"}], Technique.RAMAN),
    "needs by": ([{"step": "normalise"}], Technique.RAMAN),
    "despike is not for ftir": ([{"step": "despike"}], FTIR),
    "atr is not for raman": ([{"step": "atr"}], Technique.RAMAN),
    "absorbance is what is given already": ([{"step": "unit", "given": "absorbance"}], FTIR),
    "atr need absorbance": (
        [{"step": "unit", "given": "absorbance", "wanted": "transmittance"}, {"step": "atr"}],
        FTIR,
    ),
    "crop leaves less than resample wants": (
        [{"step": "crop", "start_cm1": 500, "stop_cm1": 3000}],
        Technique.RAMAN,
    ),
    "an object with the key 'step'": (["smooth"], Technique.RAMAN),
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_recipes_are_refused_in_words(words):
    steps, technique = WRONG[words]
    behind = [one for one in steps if isinstance(one, dict) and one["step"] in ("baseline", "normalise")]
    before = [one for one in steps if one not in behind]
    with pytest.raises(RecipeError) as caught:
        Recipe("tried", technique, (*before, RESAMPLE, *behind, DERIVATIVE))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("resample", "derivative", "words"),
    [
        ({"start_cm1": 1800.0, "stop_cm1": 400.0}, {}, "no axis"),
        ({"spacing_cm1": 0.02}, {}, "no axis"),
        ({"spacing_cm1": 500.0}, {}, "no axis"),
        ({"spacing_cm1": -2.0}, {}, "spacing_cm1 must be"),
        ({}, {"order": 3}, "order must be a whole number from 1 to 2"),
        ({}, {"degree": 1, "order": 2}, "order 2 needs"),
        ({}, {"window": 8}, "must be odd"),
    ],
)
def test_axis_and_derivative_must_make_sense(resample, derivative, words):
    with pytest.raises(RecipeError, match=words):
        Recipe("tried", Technique.RAMAN, ({**RESAMPLE, **resample}, {**DERIVATIVE, **derivative}))


@pytest.mark.parametrize("ends", [(401.0, 1900.0), (390.0, 1799.0), (1900.0, 390.0)])
def test_a_crop_must_leave_what_is_resampled(ends):
    with_steps({"step": "crop", "start_cm1": 400.0, "stop_cm1": 1800.0})
    with pytest.raises(RecipeError, match="crop leaves less"):
        with_steps({"step": "crop", "start_cm1": ends[0], "stop_cm1": ends[1]})


def test_a_recipe_needs_resample_and_derivative():
    with pytest.raises(RecipeError, match="missing: derivative"):
        Recipe("bad", Technique.RAMAN, (RESAMPLE,))
    with pytest.raises(RecipeError, match="needs stop_cm1"):
        Recipe("bad", Technique.RAMAN, ({"step": "resample", "start_cm1": 1, "spacing_cm1": 1}, DERIVATIVE))


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines", "\ud800", 7])
def test_names_are_short_and_printable(name):
    with pytest.raises(RecipeError, match="name"):
        Recipe(name, Technique.RAMAN, (RESAMPLE, DERIVATIVE))


def test_other_nonsense_is_refused():
    with pytest.raises(RecipeError, match="why"):
        Recipe("a", Technique.RAMAN, (RESAMPLE, DERIVATIVE), "x" * 1001)
    with pytest.raises(RecipeError, match="technique"):
        Recipe("a", "sound", (RESAMPLE, DERIVATIVE))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:-1], "no recipe"),
        (lambda text: "[]", "schema"),
        (lambda text: text.replace("recipe/1", "recipe/2"), "schema"),
        (lambda text: text.replace('"why"', '"reason"'), "fields"),
        (lambda text: text.replace('"why"', '"name"'), "twice"),
        (lambda text: text.replace("400.0", "NaN"), "NaN"),
        (lambda text: text.replace("400.0", "1e999"), "start_cm1"),
        (lambda text: text.replace("400.0", "9" * 5000), "no recipe"),
        (lambda text: text.replace("400.0", "402.0"), "digest"),
        (lambda text: text.replace('"raman"', '"sound"'), "technique"),
        (lambda text: text + " " * MAX_JSON, "too long"),
        (lambda text: "[" * 9000, "no recipe"),
    ],
)
def test_json_is_read_strictly(change, words):
    text = with_steps().to_json()
    with pytest.raises(RecipeError, match=words):
        Recipe.from_json(change(text))


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_a_recipe_or_refused(value):
    steps = value if isinstance(value, list) else [value]
    text = json.dumps({"schema": "opioscan.recipe/1", "name": "a", "technique": "raman", "steps": steps})
    with pytest.raises(RecipeError):
        Recipe.from_json(text)


def test_the_table_of_steps_can_be_printed():
    rows = step_table()
    assert [row["step"] for row in rows if row["step"]] == [kind.name for kind in STEPS]
    assert len(rows) == sum(1 + len(kind.parameters) for kind in STEPS)
    assert len({tuple(row) for row in rows}) == 1
    for row in rows:
        assert row["words"]
        assert bool(row["step"]) == bool(row["noise"]) == bool(not row["parameter"])
    assert {row["values"] for row in rows if row["parameter"] == "by"} == {"area | max | vector"}


def test_the_table_and_the_checks_agree_on_the_ends_of_ranges():
    for kind in STEPS:
        for parameter in kind.parameters:
            if parameter.choices:
                continue
            for value in (parameter.low, parameter.high):
                parameter.check(value, "here")
            for value in (parameter.low - 1, parameter.high + 1):
                with pytest.raises(RecipeError, match=parameter.name):
                    parameter.check(value, "here")


def test_a_spectrum_that_covers_part_is_treated_there():
    features = prepare(Spectrum(np.linspace(700, 1700, 900), np.ones(900) * 5, Technique.RAMAN), RAMAN)
    assert features.axis[0] == 700
    assert RAMAN.grid()[features.first] == 700


def test_refusals_of_spectra():
    with pytest.raises(SpectrumMismatch, match="covers"):
        prepare(Spectrum(np.linspace(400, 700, 300), np.ones(300), Technique.RAMAN), RAMAN)
    with pytest.raises(SpectrumMismatch, match="ftir"):
        prepare(Spectrum(AXIS, np.ones(AXIS.size), Technique.FTIR), RAMAN)
    narrow = with_steps({"step": "crop", "start_cm1": 390, "stop_cm1": 1810})
    with pytest.raises(AxisError, match="nothing of 2000"):
        prepare(Spectrum(np.linspace(2000, 2500, 300), np.ones(300), Technique.RAMAN), narrow)


@pytest.mark.parametrize(
    ("axis", "rows", "noise", "error", "words"),
    [
        (AXIS[::-1], np.ones((2, AXIS.size)), None, AxisError, "ascending"),
        (AXIS, np.ones(AXIS.size), None, ValueRangeError, "shape"),
        (AXIS, np.ones((2, 9)), None, ValueRangeError, "shape"),
        (AXIS, np.full((2, AXIS.size), np.nan), None, ValueRangeError, "not finite"),
        (AXIS, np.ones((3, AXIS.size)), np.ones((2, AXIS.size)), ValueRangeError, "of one row or of all"),
        (AXIS, np.ones((3, AXIS.size)), -np.ones(AXIS.size), ValueRangeError, "≥ 0"),
    ],
)
def test_refusals_of_batches(axis, rows, noise, error, words):
    with pytest.raises(error, match=words):
        prepare_many(axis, rows, RAMAN, noise=noise)


def test_inputs_are_not_changed():
    values = np.sin(AXIS / 30) + 5
    before = values.copy()
    prepare(spectrum(values), RAMAN)
    values.setflags(write=False)
    prepare_many(AXIS, values[None], shipped_recipes()["raman-despiked"], noise=values)
    assert np.array_equal(values, before)
