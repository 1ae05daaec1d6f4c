"""Classes of a method: trained where there are members enough, kept, stored, and proved."""

from dataclasses import replace

import numpy as np
import pytest

from library.method_cache import keep_models, kept_models
from library.method_crossval import proofs, prove
from library.method_store import read_method, write_method
from library.methods import fit_method
from library.store import write_library
from service.cli.crossval_words import crossval_lines
from service.cli.method_words import method_json
from spectra.class_fit import NULL_DRAWS
from spectra.errors import MethodError
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.trained import class_draws, trainable
from spectra.values import Spectrum, Technique

DRAWS = 20
AXIS = np.arange(650.0, 1800.0, 8.0)


def bands(centres, rng):
    """A made-up infrared spectrum: some bands, some noise."""
    intensity = sum(np.exp(-(((AXIS - c) / 9.0) ** 2)) for c in centres)
    return Spectrum(
        axis=AXIS, intensity=intensity + 0.002 * rng.standard_normal(AXIS.size), technique=Technique.FTIR
    )


@pytest.fixture(scope="module")
def entries():
    """Nine members that share three bands, six strangers that do not; none of them exists."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(15):
        member = number < 9
        own = list(rng.uniform(700.0, 1750.0, 5))
        kind = "nitazene" if member else "cutting_agent"
        made.append(
            ReferenceEntry(
                reference_id=f"ftir-{number:02}",
                substance=Substance(name=f"Made-up {number:02}", substance_class=kind, controlled=member),
                spectrum=bands([*own, *((1650.0, 1240.0, 960.0) if member else ())], rng),
                grade=Grade.MEASURED,
            )
        )
    return tuple(made)


@pytest.fixture(scope="module")
def library(entries, tmp_path_factory):
    return write_library(tmp_path_factory.mktemp("classes") / "ir.h5", entries, name="ir")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def fitted(library, cache):
    return fit_method(library, name="ours", cache=cache, draws=DRAWS, false_alarm_rate=0.2)


def test_a_class_needs_eight_different_members(entries):
    assert trainable(entries, Technique.FTIR) == ("nitazene",)
    assert trainable(entries, Technique.RAMAN) == ()
    assert trainable(entries[2:], Technique.FTIR) == ()
    doubled = [replace(e, reference_id=f"{e.reference_id}-again") for e in entries[2:]]
    assert trainable([*entries[2:], *doubled], Technique.FTIR) == (), "two spectra are one member"
    derived = [replace(e, grade=Grade.DERIVED) for e in entries]
    assert trainable(derived, Technique.FTIR) == ()


def test_by_default_a_method_answers_for_what_it_can_train(fitted):
    assert fitted.classes == ("nitazene",)
    model = fitted.class_model(Technique.FTIR, "nitazene")
    assert len(model.members) == 9
    assert set(model.members).isdisjoint(model.negatives)
    assert fitted.search_rate(Technique.FTIR) == fitted.scan_rate() / 2
    assert fitted.class_threshold(Technique.FTIR, "nitazene") == 0.2
    with pytest.raises(MethodError, match="cannot test a rate"):
        fitted.class_threshold(Technique.FTIR, "nitazene", 1e-6)


def test_a_class_gets_null_scans_enough_for_its_part_of_the_promise():
    assert class_draws(0.1, 1) == NULL_DRAWS
    assert class_draws(0.001, 1) == 2000


def test_models_are_kept_and_used_again(fitted, library, cache, monkeypatch):
    def never(*_arguments, **_more):
        raise AssertionError("trained again")

    monkeypatch.setattr("spectra.trained.fit_class_model", never)
    again = fit_method(library, name="ours", cache=cache, draws=DRAWS, false_alarm_rate=0.2)
    assert again.digest == fitted.digest


@pytest.mark.parametrize("damage", ["cut", "other", "large", "key"])
def test_a_damaged_model_counts_as_missing(fitted, library, tmp_path, damage, monkeypatch):
    keep_models(tmp_path, library, fitted, 0)
    (kept,) = tmp_path.glob("class-*.json")
    text = kept.read_text()
    if damage == "cut":
        kept.write_text(text[:1000])
    elif damage == "other":
        kept.write_text(text.replace('"threshold": ', '"threshold": 1'))
    elif damage == "key":
        kept.write_text(text.replace('"key": "', '"key": "0'))
    else:
        monkeypatch.setattr("library.method_cache.MAX_MODEL_BYTES", 100)
    assert kept_models(tmp_path, library, [Technique.FTIR], 0) == {}
    monkeypatch.undo()
    keep_models(tmp_path, library, fitted, 0)
    (models,) = kept_models(tmp_path, library, [Technique.FTIR], 0).values()
    assert models[0].digest == fitted.class_models[Technique.FTIR][0].digest
    assert kept_models(None, library, [Technique.FTIR], 0) == {}


def test_a_class_asked_about_may_stay_untrained(library, cache):
    asked = ["fentanyl_analogue", "nitazene"]
    method = fit_method(library, name="ours", classes=asked, cache=cache, draws=DRAWS, false_alarm_rate=0.2)
    assert method.classes == tuple(asked)
    assert [model.name for model in method.class_models[Technique.FTIR]] == ["nitazene"]


def test_models_survive_the_way_to_disk(fitted, library, tmp_path):
    write_method(tmp_path, fitted, library, {})
    stored = read_method(tmp_path, "ours")
    assert stored.method.digest == fitted.digest
    ours, theirs = (m.class_model(Technique.FTIR, "nitazene") for m in (fitted, stored.method))
    assert ours.digest == theirs.digest
    assert np.array_equal(ours.rows, theirs.rows)
    rows = {row["class"]: row for row in method_json(stored)["classes"]}
    assert rows["nitazene"]["trained"]
    assert rows["nitazene"]["null_count"] == NULL_DRAWS
    assert rows["fentanyl_analogue"] == {
        "class": "fentanyl_analogue",
        "technique": "ftir",
        "asked": False,
        "trained": False,
        "measured_members": 0,
    }


@pytest.fixture(scope="module")
def quick(entries):
    """A proof of four members against four strangers, one of them mixed in."""
    few = [*entries[:4], *entries[9:13]]
    (proof,) = proofs(few, classes=["nitazene"], partners=[few[-1].substance.name.upper()])
    return proof


@pytest.fixture(scope="module")
def proved(quick):
    """Return the report of one process, and what it told on the way."""
    told = []
    return prove(quick, advance=told.append), told


def test_a_proof_leaves_each_substance_out(quick, proved):
    report, told = proved
    assert len(told) == len(quick.groups) == 8
    assert report.counts(members=True, mixed=False)[1] == 4
    assert report.counts(members=False, mixed=False)[1] == 4
    assert report.counts(members=True, mixed=True)[1] == 4
    lines = "\n".join(crossval_lines(quick, report))
    for words in (
        "8 substances left out",
        "fewer than 8 different members",
        "ROC: area",
        "(SIMULATED)",
        "95 %",
    ):
        assert words in lines, words


@pytest.mark.long
def test_processes_change_nothing(quick, proved):
    assert prove(quick, workers=2) == proved[0]


def test_what_cannot_be_proved_is_said(entries):
    with pytest.raises(MethodError, match="too few measured members to prove fentanyl_analogue: 3"):
        proofs(entries, classes=["fentanyl_analogue"])
    with pytest.raises(MethodError, match="to prove any class: 8"):
        proofs(entries[9:])
    with pytest.raises(MethodError, match="no measured reference of 'sugar' to mix with"):
        proofs(entries, partners=["sugar"])
    (proof,) = proofs(entries)
    assert proof.trainable
    assert proof.name == "nitazene"
