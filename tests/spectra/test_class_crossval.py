"""Cross-validation of class models: nested, by skeleton, with exact intervals."""

import dataclasses
import json

import numpy as np
import pytest

from spectra.class_crossval import CrossvalReport, Trial, crossval, gathered, judged, mixture, outer_groups
from spectra.class_fit import fit_class_model
from spectra.errors import MethodError
from spectra.recipe import default_recipe
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.values import Spectrum, Technique

QUICK = (40, 20)
RECIPE = default_recipe(Technique.FTIR)
AXIS = np.arange(660.0, 1821.0, 2.0)
NOTHING = np.zeros((0, RECIPE.grid().size))


def made(count, substance_class, rng, shared=()):
    entries = []
    for k in range(count):
        at = np.array([*(p + rng.uniform(-4, 4) for p in shared), *rng.uniform(720, 1780, size=6)])
        heights = [*rng.uniform(0.6, 1.0, size=len(shared)), *rng.uniform(0.2, 0.8, size=6)]
        shape = np.exp(-0.5 * ((AXIS[:, None] - at) / 9.0) ** 2) @ np.array(heights)
        name = f"{substance_class} {k}"
        substance = Substance(name, substance_class=substance_class)
        spectrum = Spectrum(AXIS, shape, Technique.FTIR)
        entries.append(ReferenceEntry(name, substance, spectrum, Grade.MEASURED))
    return entries


@pytest.fixture(scope="module")
def members():
    return made(11, "fentanyl_analogue", np.random.default_rng(1), (700.0, 1492.0, 1650.0))


@pytest.fixture(scope="module")
def negatives():
    return made(24, "other", np.random.default_rng(2))


def trial(statistic, *, is_member, detected, partner=""):
    return Trial("x", is_member, partner, 0.5 if partner else 1.0, statistic, 0.01, detected)


REPORT = CrossvalReport(
    "fentanyl_analogue",
    0.01,
    (
        trial(0.9, is_member=True, detected=True),
        trial(-0.2, is_member=True, detected=False),
        trial(0.1, is_member=False, detected=True),
        trial(-0.9, is_member=False, detected=False),
        trial(0.5, is_member=True, detected=True, partner="sugar"),
    ),
)


def test_counts_errors_and_curve():
    assert REPORT.counts(members=True, mixed=False) == (1, 2)
    assert REPORT.counts(members=False, mixed=False) == (1, 2)
    assert [t.statistic for t in REPORT.wrong(mixed=False)] == [-0.2, 0.1]
    assert REPORT.roc(mixed=False) == ((0.9, 0.0, 0.5), (0.1, 0.5, 0.5), (-0.2, 0.5, 1.0), (-0.9, 1.0, 1.0))
    assert REPORT.area(mixed=False) == pytest.approx(0.75)
    assert REPORT.roc(mixed=True) == ()
    assert np.isnan(REPORT.area(mixed=True))


def test_report_as_json():
    told = json.loads(json.dumps(REPORT.to_json(), allow_nan=False))
    assert told["pure"]["members"]["detected"] == 1
    assert told["pure"]["members"]["interval_95"] == pytest.approx([0.0126, 0.9874], abs=1e-4)
    assert told["mixed"]["roc_area"] is None
    assert len(told["trials"]) == 5
    assert "mixed" not in dataclasses.replace(REPORT, trials=REPORT.trials[:4]).to_json()


def test_parts_are_put_together_only_if_they_belong_together():
    both = gathered([REPORT, REPORT])
    assert len(both.trials) == 10
    with pytest.raises(MethodError, match="one class"):
        gathered([REPORT, dataclasses.replace(REPORT, rate=0.1)])
    with pytest.raises(MethodError, match="one class"):
        gathered([])


def test_left_out_substances_are_judged_by_models_without_them(members, negatives):
    told = []
    report = crossval(
        "fentanyl_analogue",
        members[:9],
        negatives[:8],
        recipe=RECIPE,
        partners=negatives[:2],
        rate=0.05,
        draws=QUICK,
        groups=[members[0].substance.name, negatives[0].substance.name],
        advance=told.append,
    )
    assert told == [1.0, 1.0]
    # two partners for the member, one for the negative, which is itself the other
    assert [(t.is_member, t.partner) for t in report.trials] == [
        (True, ""),
        (True, "other 0"),
        (True, "other 1"),
        (False, ""),
        (False, "other 1"),
    ]
    assert report.trials[0].detected
    assert not report.trials[3].detected
    assert report.trials[1].share == 0.5


def test_what_is_left_out_goes_by_skeleton_and_passes_relatives_over(members, negatives):
    kin = made(1, "fentanyl_related", np.random.default_rng(1))
    twin = dataclasses.replace(members[0], reference_id="again")
    groups = outer_groups("fentanyl_analogue", [*members[:2], twin], [negatives[0], *kin])
    assert groups == ("fentanyl_analogue 0", "fentanyl_analogue 1", "other 0")


def test_a_search_may_say_what_is_known(members, negatives):
    model = fit_class_model("fentanyl_analogue", members[:8], negatives[:6], recipe=RECIPE, draws=QUICK)
    asked = []

    def nothing(spectrum):
        asked.append(spectrum)
        return NOTHING

    said = judged(model, members[9], True, negatives[0], recipe=RECIPE, known_of=nothing)
    assert len(asked) == 1
    assert said.partner == "other 0"
    assert said.statistic != judged(model, members[9], True, negatives[0], recipe=RECIPE).statistic


def test_mixtures_repeat_whatever_the_order(members, negatives):
    one = mixture(members[0], negatives[0], share=0.5, seed=3)
    mixture(members[1], negatives[0], share=0.5, seed=3)
    assert np.array_equal(one.intensity, mixture(members[0], negatives[0], share=0.5, seed=3).intensity)
    assert not np.array_equal(one.intensity, mixture(members[0], negatives[0], share=0.5, seed=4).intensity)
    assert "imulated" in one.history[0] or "IMULATED" in one.history[0]
