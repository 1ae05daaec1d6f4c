"""Rates with exact intervals, and answers held against the truth."""

import math

import pytest
from scipy.stats import binomtest

from spectra.answer import WITHHELD, Component, Identification, Quality
from spectra.errors import ValueRangeError
from spectra.reasons import Verdict
from spectra.validation import Case, Rate, clopper_pearson, judge
from spectra.validation_tables import detections, summarise
from spectra.values import Technique


@pytest.mark.parametrize("n", [1, 2, 7, 42, 300, 3000])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_the_interval_is_that_of_the_exact_binomial_test(n, confidence):
    for k in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        want = binomtest(k, n).proportion_ci(confidence, method="exact")
        assert clopper_pearson(k, n, confidence) == pytest.approx((want.low, want.high), abs=1e-12)


def test_the_interval_at_its_ends():
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    assert clopper_pearson(0, 5)[0] == 0.0
    assert clopper_pearson(5, 5)[1] == 1.0
    # the rule of three: nothing in n leaves at most 1 − (α/2)^(1/n)
    assert clopper_pearson(0, 300)[1] == pytest.approx(1 - 0.025 ** (1 / 300))


@pytest.mark.parametrize(
    ("k", "n", "confidence"),
    [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 0.0), (1, 5, 1.0), (1, 5, math.nan), (1, 5, 95.0), (0, -1, 0.95)],
)
def test_an_interval_of_nonsense_is_refused(k, n, confidence):
    with pytest.raises(ValueRangeError):
        clopper_pearson(k, n, confidence)


def test_a_rate_tells_what_it_rests_on():
    assert Rate(3, 4).rate == 0.75
    assert Rate(0, 0).rate is None
    # all of 59 samples found shows a probability of detection of 0.95 with confidence 0.95
    assert Rate(58, 58).at_least < 0.95 < Rate(59, 59).at_least
    assert Rate(1, 2).to_json() == {"k": 1, "n": 2, "rate": 0.5, "low": 0.012579, "high": 0.987421}


class Names:
    """Two names of one alcohol, and a class of two members."""

    def key(self, name):
        return {"2-propanol": "isopropanol"}.get(name.casefold(), name.casefold())

    def class_of(self, name):
        return {"fentanyl": "fentanyl_analogue", "carfentanil": "fentanyl_analogue"}.get(self.key(name), "")


def part(substance, *, role="content", alternatives=(), reference_id="r"):
    return Component(
        substance,
        reference_id,
        role,
        False,
        "",
        "measured",
        0.5,
        100.0,
        0.01,
        0.9,
        0.0,
        (),
        alternatives,
        False,
    )


def answer(*parts, verdict=Verdict.INCONCLUSIVE, reasons=(), classes=(), watched=("fentanyl",)):
    return Identification(
        source="s",
        scan_id="",
        technique=Technique.RAMAN,
        laser_nm=785.0,
        training=False,
        verdict=verdict,
        reasons=reasons,
        components=parts,
        ranking=(),
        classes=tuple({"class": name, "detected": True, "p_value": 0.01, "basis": ""} for name in classes),
        not_excluded=tuple({"substance": name, "detectable_share": 0.1} for name in watched),
        quality=Quality(100.0, False, 0.0, (400.0, 1800.0), 1.0),
        provenance={},
        created_at="",
    )


def case(*truth, group="g", level=None):
    return Case("file", group, truth, (level,) * len(truth))


def judged(given, known):
    return judge(given, known, Names())


def test_a_synonym_is_the_name():
    one = judged(answer(part("2-Propanol")), case("isopropanol"))
    assert (one.top1, one.named, one.missed, one.wrong) == (True, ("isopropanol",), (), ())
    assert one.complete
    assert not one.silent


def test_content_that_is_not_there_is_wrong_and_a_container_is_not():
    one = judged(answer(part("acetone"), part("Polyethylene", role="container")), case("ethanol"))
    assert (one.top1, one.wrong, one.containers) == (False, ("acetone",), ("Polyethylene",))
    assert one.missed == ("ethanol",)
    assert not one.complete
    bottle = judged(answer(part("Polyethylene", role="container")), case("polyethylene"))
    assert (bottle.top1, bottle.complete, bottle.containers) == (True, True, ())


def test_an_alternative_is_offered_not_named():
    one = judged(answer(part("coconut oil", alternatives=("Coconate Ester",))), case("coconate ester"))
    assert (one.named, one.offered, one.wrong) == ((), ("coconate ester",), ("coconut oil",))


def test_without_a_truth_there_is_nothing_to_hit():
    one = judged(answer(part("acetone")), case())
    assert (one.top1, one.complete, one.wrong) == (None, False, ("acetone",))
    assert judged(answer(), case()).silent


def test_an_alarm_for_the_class_counts_for_its_members():
    given = answer(verdict=Verdict.ALARM_CLASS, classes=("fentanyl_analogue",))
    one = judged(given, case("carfentanil", "caffeine"))
    assert one.by_class == ("carfentanil",)
    assert not one.silent
    beside = answer(part("heroin"), verdict=Verdict.ALARM_NAMED, classes=("fentanyl_analogue",))
    assert judged(beside, case("heroin", "carfentanil")).by_class == ("carfentanil",)
    # hints of a class in an answer that does not alarm are no detection
    assert judged(answer(classes=("fentanyl_analogue",)), case("carfentanil")).by_class == ()


def test_a_withheld_name_is_neither_right_nor_wrong():
    given = answer(part(WITHHELD, reference_id=""), part("caffeine"), verdict=Verdict.ALARM_CLASS)
    one = judged(given, case("fentanyl", "caffeine"))
    assert (one.named, one.wrong, one.by_class) == (("caffeine",), (), ("fentanyl",))
    assert judged(given, case("acetone", "caffeine")).by_class == ()


def test_a_judged_answer_as_json():
    one = judged(answer(part("acetone"), reasons=("weak_signal",)), case("acetone", level=0.2)).to_json()
    assert one["verdict"] == "inconclusive"
    assert (one["levels"], one["truth"], one["reasons"]) == ([0.2], ["acetone"], ["weak_signal"])
    assert judged(answer(), case("acetone")).to_json()["levels"] == []


def test_the_summary_counts_what_it_says():
    answers = [
        judged(answer(part("acetone"), verdict=Verdict.NO_ALARM), case("acetone")),
        judged(answer(part("ethanol"), reasons=("limit_too_high",)), case("acetone")),
        judged(answer(reasons=("weak_signal", "limit_too_high")), case("acetone")),
        judged(answer(part("ethanol"), verdict=Verdict.ALARM_NAMED, reasons=("borderline",)), case()),
    ]
    one = summarise(answers, group="g", errors=2)
    assert (one.top1, one.named) == (Rate(1, 3), Rate(1, 3))
    assert (one.wrongly_named, one.silent, one.offered) == (Rate(2, 4), Rate(1, 4), Rate(0, 3))
    assert {name: rate.k for name, rate in one.verdicts.items()} == {
        "alarm_named": 1,
        "alarm_class": 0,
        "no_alarm": 1,
        "inconclusive": 2,
    }
    # the reason of the alarm is no abstention
    assert one.reasons == {"weak_signal": Rate(1, 4), "limit_too_high": Rate(2, 4)}
    told = one.to_json()
    assert (told["scans"], told["errors"], told["group"]) == (4, 2, "g")
    assert told["abstentions"]["weak_signal"]["k"] == 1
    assert summarise([]).to_json()["top1"] == {"k": 0, "n": 0, "rate": None, "low": 0.0, "high": 1.0}


def test_detections_by_target_matrix_and_level():
    answers = [
        judged(answer(part("fentanyl")), case("fentanyl", group="bag", level=0.2)),
        judged(answer(), case("fentanyl", group="bag", level=0.2)),
        judged(answer(), case("fentanyl", group="bag", level=0.01)),
        judged(
            answer(verdict=Verdict.ALARM_CLASS, classes=("fentanyl_analogue",)),
            case("fentanyl", group="vial"),
        ),
        judged(answer(part("fentanyl")), case("caffeine", group="bag")),
        judged(answer(), case(group="bag")),
        judged(answer(verdict=Verdict.ALARM_CLASS, classes=("fentanyl_analogue",)), case(group="bag")),
    ]
    rows = detections(answers, Names(), targets=["fentanyl"])
    assert [(one.matrix, one.level, one.detected) for one in rows] == [
        ("bag", 0.01, Rate(0, 1)),
        ("bag", 0.2, Rate(1, 2)),
        ("vial", None, Rate(1, 1)),
    ]
    assert rows[0].false_alarms == Rate(2, 3)
    assert (rows[2].named, rows[2].false_alarms) == (Rate(0, 1), Rate(0, 0))
    told = rows[1].to_json()
    assert (told["samples"], told["detections"], told["pod"]["rate"]) == (2, 1, 0.5)
    assert told["pod_at_least"] == pytest.approx(0.025321)
    everything = detections(answers, Names())
    assert {one.target for one in everything} == {"fentanyl", "caffeine"}
