"""Identification on spectra made from the starter library: truth is known."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from spectra import steps
from spectra.answer import SCHEMA, WITHHELD
from spectra.errors import MethodError, SpectrumMismatch
from spectra.identification import InstrumentState, identify
from spectra.method import Method, WatchItem, fit, may_name
from spectra.references import Grade
from spectra.values import Spectrum, Technique

NOW = "2026-11-21T12:00:00Z"
AXIS = np.linspace(310, 2290, 1200)
VERIFIED = InstrumentState("verified", "", NOW)


@pytest.fixture(scope="module")
def made(entry_of):
    """Return a function that mixes references as another instrument would see them."""

    def make(shares, *, snr=200.0, shift=0.6, fwhm=5.0, background=0.3, seed=0, saturated=False):
        rng = np.random.default_rng(seed)
        total = np.zeros(AXIS.size)
        for name, share in shares.items():
            spectrum = entry_of(name).spectrum
            seen = steps.broaden(spectrum.intensity, fwhm=fwhm, spacing=1.0)
            row = np.interp(AXIS - shift, spectrum.axis, seen)
            total += share * row / row.sum()
        peak = total.max() or 1.0
        total = total / peak + background * np.exp(-(((AXIS - 300) / 900) ** 2))
        return Spectrum(
            AXIS,
            total + rng.standard_normal(AXIS.size) / snr,
            Technique.RAMAN,
            laser_nm=785.0,
            saturated=saturated,
        )

    return make


def ask(spectrum, method, **more):
    return identify(spectrum, method, now=NOW, **more)


@pytest.mark.parametrize("name", ["lactose", "caffeine", "acetaminophen", "sucrose", "melamine", "ethanol"])
def test_a_pure_substance_is_named(made, training, name):
    found = ask(made({name: 1.0}), training, state=VERIFIED)
    assert [c.substance for c in found.components] == [name]
    assert found.verdict == "no_alarm"
    assert found.components[0].hqi > 0.95
    assert found.ranking[0]["substance"] == name
    assert abs(found.components[0].shift_cm1 - 0.6) <= 1.0


def test_a_mixture_is_taken_apart(made, training):
    found = ask(made({"acetaminophen": 0.6, "caffeine": 0.4}), training)
    assert {c.substance for c in found.components} == {"acetaminophen", "caffeine"}
    share = {c.substance: c.spectral_share for c in found.components}
    assert share["acetaminophen"] == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize("target", ["Metamizole", "Ketoprofen"])
def test_a_training_target_alarms_and_is_marked(made, training, target):
    found = ask(made({target: 0.4, "lactose": 0.6}), training, state=VERIFIED)
    assert found.verdict == "alarm_named"
    assert found.training
    assert target in [c.substance for c in found.components if c.watch_list]
    for axis in ("missing", "overdue"):
        late = ask(made({target: 1.0}), training, state=InstrumentState(axis))
        assert late.verdict == "alarm_named"
        assert "axis_unverified" in late.reasons
    failed = ask(made({target: 1.0}), training, state=InstrumentState("failed"))
    assert failed.verdict == "alarm_class"
    assert {"verification_failed", "name_withheld"} <= set(failed.reasons)
    assert [c.substance for c in failed.components] == [WITHHELD]


def test_content_is_found_behind_a_container_with_its_blank(made, training):
    blank = made({"Polyethylene": 1.0}, seed=1)
    found = ask(made({"Polyethylene": 0.75, "sucrose": 0.25}, seed=2), training, blank=blank)
    assert [c.substance for c in found.components if c.role == "content"] == ["sucrose"]
    empty = ask(made({"Polyethylene": 1.0}, seed=3), training, blank=blank)
    assert empty.verdict == "inconclusive"
    assert "container_only" in empty.reasons
    assert not [c for c in empty.components if c.role == "content"]


def test_without_a_blank_plastic_is_a_container(made, training):
    found = ask(made({"Polyethylene": 1.0}), training)
    assert [(c.substance, c.role) for c in found.components] == [("Polyethylene", "container")]
    assert found.reasons == ("container_only",)


def test_noise_alone_is_weak_and_never_named(training):
    rng = np.random.default_rng(5)
    for _ in range(10):
        noise = Spectrum(AXIS, 100 + rng.standard_normal(AXIS.size), Technique.RAMAN, laser_nm=785.0)
        found = ask(noise, training)
        assert found.verdict == "inconclusive"
        assert "weak_signal" in found.reasons
        assert not found.components


def test_saturation_blocks_every_verdict_but_keeps_the_alarm_visible(made, training):
    found = ask(made({"Metamizole": 1.0}, saturated=True), training)
    assert found.verdict == "alarm_class"
    assert "saturated" in found.reasons
    assert ask(made({"lactose": 1.0}, saturated=True), training).verdict == "inconclusive"


def test_an_unverified_instrument_never_says_no_alarm(made, training):
    for state in ("missing", "overdue", "failed"):
        assert ask(made({"lactose": 1.0}), training, state=InstrumentState(state)).verdict == "inconclusive"
    stale = InstrumentState("verified", "", NOW, method_stale=True)
    assert "method_stale" in ask(made({"lactose": 1.0}), training, state=stale).reasons
    expired = InstrumentState("verified", "", NOW, calibration_expired=True)
    assert "calibration_expired" in ask(made({"lactose": 1.0}), training, state=expired).reasons


def test_a_substance_the_library_lacks_is_not_named(made, training, starter):
    others = [e for e in starter.entries if e.substance.name != "melamine"]
    without = Method(
        name="without",
        version=1,
        library_name="starter",
        library_digest="x",
        sets={Technique.RAMAN: fit_set(others)},
        nulls={Technique.RAMAN: training.nulls[Technique.RAMAN]},
        watch_list=training.watch_list,
        training=True,
    )
    found = ask(made({"melamine": 1.0}), without)
    assert not found.components
    assert {"unexplained_residual", "not_in_library"} <= set(found.reasons)


def fit_set(entries):
    from spectra.recipe import default_recipe
    from spectra.refset import build_reference_set

    return build_reference_set(entries, default_recipe(Technique.RAMAN))


def test_an_empty_watch_list_excludes_nothing(made, fitted):
    bare = replace(fitted, watch_list=())
    found = ask(made({"lactose": 1.0}), bare)
    assert found.verdict == "inconclusive"
    assert "watchlist_not_covered" in found.reasons


def test_limits_hold_when_the_substance_is_added_at_them(made, training):
    host = {"lactose": 1.0}
    limit = {e["substance"]: e["detectable_share"] for e in ask(made(host, snr=300), training).not_excluded}
    share = limit["Metamizole"]
    assert 0 < share < 0.5
    above = [
        ask(made({"lactose": 1 - 2 * share, "Metamizole": 2 * share}, snr=300, seed=s), training)
        for s in range(5)
    ]
    assert all(found.verdict == "alarm_named" for found in above)
    below = ask(made({"lactose": 1 - share / 4, "Metamizole": share / 4}, snr=300), training)
    assert below.verdict != "alarm_named"


def test_a_watch_list_limit_that_is_too_strict_forbids_the_negative(made, training):
    strict = replace(training, watch_list=(WatchItem("Metamizole", 0.001),))
    found = ask(made({"lactose": 1.0}), strict, state=VERIFIED)
    assert found.verdict == "inconclusive"
    assert found.reasons == ("limit_too_high",)
    unknown = replace(training, watch_list=(WatchItem("fentanyl"),))
    assert "watchlist_not_covered" in ask(made({"lactose": 1.0}), unknown, state=VERIFIED).reasons
    untrained = replace(training, classes=("fentanyl_analogue",))
    asked = ask(made({"lactose": 1.0}), untrained, state=VERIFIED)
    assert asked.verdict == "inconclusive"
    assert asked.classes[0]["detected"] is False


def test_literature_bands_raise_a_class_and_never_a_name(fitted, entry_of):
    known = entry_of("fentanyl").spectrum
    rng = np.random.default_rng(2)
    axis = np.linspace(600, 1795, 400)
    query = Spectrum(
        axis, np.interp(axis, known.axis, known.intensity) + 0.01 * rng.standard_normal(400), Technique.FTIR
    )
    found = ask(query, fitted)
    assert found.verdict == "alarm_class"
    assert "hint_only" in found.reasons
    assert not found.components
    assert [one["class"] for one in found.classes if one["detected"]] == ["fentanyl_analogue"]


def test_derived_references_may_not_name_controlled_substances_in_earnest(made, training, starter):
    entry = next(e for e in starter.entries if e.substance.name == "Metamizole")
    assert not may_name(replace(entry, substance=replace(entry.substance, controlled=True)), training=False)
    assert may_name(replace(entry, grade=Grade.MEASURED), training=False)
    controlled = [
        replace(e, substance=replace(e.substance, controlled=True)) if e.substance.name == "Metamizole" else e
        for e in starter.entries
    ]
    earnest = Method(
        name="earnest",
        version=1,
        library_name="x",
        library_digest="x",
        sets={Technique.RAMAN: fit_set(controlled)},
        nulls={Technique.RAMAN: training.nulls[Technique.RAMAN]},
        watch_list=(WatchItem("Metamizole"),),
    )
    found = ask(made({"Metamizole": 1.0}), earnest)
    assert found.verdict == "alarm_class"
    assert "grade_may_not_name" in found.reasons
    assert "Metamizole" not in json.dumps(found.to_json()["components"])


def test_a_shifted_axis_is_called_suspect(made, training):
    far = ask(made({"acetaminophen": 1.0}, shift=4.4, fwhm=1.0), training, state=VERIFIED)
    assert "axis_suspect" in far.reasons
    assert far.verdict == "inconclusive"


def test_the_answer_keeps_the_shipped_schema(made, training):
    path = Path(__file__).resolve().parents[2] / "service/schemas/identification-1.json"
    schema = json.loads(path.read_text("utf-8"))
    for shares in ({"Metamizole": 1.0}, {"Polyethylene": 1.0}, {"acetaminophen": 0.5, "caffeine": 0.5}):
        answer = ask(made(shares), training, source="x").to_json()
        jsonschema.validate(answer, schema)
        assert answer["schema"] == SCHEMA
        assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_the_same_question_has_the_same_answer(made, training):
    first, second = (ask(made({"lactose": 0.7, "urea": 0.3}), training).to_json() for _ in range(2))
    assert first == second


def test_questions_a_method_cannot_answer(made, training):
    with pytest.raises(SpectrumMismatch):
        ask(made({"lactose": 1.0}), training, blank=Spectrum(AXIS, AXIS, Technique.FTIR))
    raman_only = replace(training, sets={Technique.RAMAN: training.sets[Technique.RAMAN]})
    with pytest.raises(MethodError, match="ftir"):
        ask(Spectrum(AXIS, AXIS, Technique.FTIR), raman_only)
    with pytest.raises(MethodError, match="no reference"):
        fit([], name="x", library_name="x", library_digest="x")
