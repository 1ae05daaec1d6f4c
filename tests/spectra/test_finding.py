"""One finding per screening: alarms are never outvoted, unanswered spots stay open."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectra.agreement import Agreement
from spectra.errors import ValueRangeError
from spectra.finding import OUTWARD, combine
from spectra.reasons import REASONS, Verdict, blocked, next_steps


def one(verdict, *, spot=1, technique="raman", training=False, reasons=(), name="fentanyl", **more):
    part = {"substance": name, "controlled": True, "watch_list": True, "role": "content"}
    return {
        "verdict": verdict,
        "technique": technique,
        "training": training,
        "reasons": list(reasons),
        "components": [part] if verdict == "alarm_named" else [],
        "spot": spot,
        **more,
    }


VERDICTS = st.sampled_from([str(v) for v in Verdict])
#: Less grave first.
GRAVITY = [Verdict.NO_ALARM, Verdict.INCONCLUSIVE, Verdict.ALARM_CLASS, Verdict.ALARM_NAMED]
MANY = st.lists(
    st.builds(
        one,
        VERDICTS,
        spot=st.integers(1, 3),
        technique=st.sampled_from(["raman", "ftir"]),
        training=st.booleans(),
        reasons=st.lists(st.sampled_from([*REASONS, "from_a_later_version"]), max_size=2),
        name=st.sampled_from(["fentanyl", "acetylfentanyl", "metonitazene"]),
        attempt=st.integers(1, 3),
        scan_id=st.sampled_from(["", "a", "b"]),
    ),
    min_size=1,
    max_size=6,
)


@given(st.lists(st.tuples(VERDICTS, st.integers(1, 3)), min_size=1, max_size=6))
def test_an_alarm_is_never_outvoted(drawn):
    finding = combine([one(verdict, spot=spot) for verdict, spot in drawn])
    given_ = {verdict for verdict, _ in drawn}
    for alarm in ("alarm_named", "alarm_class"):
        if alarm in given_:
            assert finding.verdict == alarm
            assert finding.outward == "hold"
            return
    assert finding.outward in {"refer", "no_hold_requested"}


@given(MANY, MANY)
def test_more_identifications_never_lower_an_alarm(before, more):
    first, both = combine(before), combine([*before, *more])
    if first.outward == "hold":
        assert GRAVITY.index(both.verdict) >= GRAVITY.index(first.verdict)
        assert both.outward == "hold"
        assert set(first.substances) <= set(both.substances)
    for one_technique in first.by_technique:
        if one_technique.verdict.value.startswith("alarm"):
            now = next(each for each in both.by_technique if each.technique == one_technique.technique)
            assert GRAVITY.index(now.verdict) >= GRAVITY.index(one_technique.verdict)
            assert set(one_technique.substances) <= set(now.substances)


@given(MANY, st.randoms(use_true_random=False))
def test_the_order_of_identifications_does_not_matter(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert combine(shuffled) == combine(found)


@given(MANY)
def test_every_attempt_is_accounted_for_and_the_rule_is_always_said(found):
    finding = combine(found)
    silent = [each for each in found if each["verdict"] == "inconclusive"]
    assert len(finding.superseded) + len(finding.unanswered) == len(silent)
    assert {each.spot for each in finding.superseded}.isdisjoint({each.spot for each in finding.unanswered})
    assert finding.carried_by
    assert {each.verdict for each in finding.carried_by} == {finding.verdict}
    assert {each.technique for each in finding.carried_by} == set(finding.techniques)
    assert "both vibrational" in finding.agreement_text
    assert "laboratory confirmation" in finding.agreement_text
    assert "safe" not in finding.agreement_text
    if finding.outward == "hold":
        assert finding.verdict is max((each.verdict for each in finding.by_technique), key=GRAVITY.index)
    assert json.loads(json.dumps(finding.to_json())) == finding.to_json()


def test_which_attempts_carry_a_finding_and_which_are_superseded():
    weak = one("inconclusive", spot=1, attempt=1, scan_id="w", reasons=["weak_signal"])
    calm = one("no_alarm", spot=1, attempt=2, scan_id="c")
    alarm = one("alarm_named", spot=2, technique="ftir", scan_id="f")
    dark = one("inconclusive", spot=3, reasons=["saturated"])
    finding = combine([weak, calm, alarm, dark])
    assert [(each.spot, each.attempt, each.scan_id) for each in finding.carried_by] == [(2, 1, "f")]
    assert [(each.scan_id, each.reasons) for each in finding.superseded] == [("w", ("weak_signal",))]
    assert [each.spot for each in finding.unanswered] == [3], "an unknown spot stays visible beside an alarm"
    raman = finding.by_technique[1]
    assert (raman.technique, raman.verdict, raman.spots) == ("raman", Verdict.INCONCLUSIVE, (1, 3))
    assert raman.scan_ids == ("c", "w")
    assert finding.to_json()["superseded"][0] == {
        "spot": 1,
        "attempt": 1,
        "technique": "raman",
        "scan_id": "w",
        "verdict": "inconclusive",
        "reasons": ["weak_signal"],
    }


def test_an_inconclusive_spot_answered_by_the_other_technique_is_superseded():
    finding = combine([one("inconclusive", reasons=["fluorescence"]), one("no_alarm", technique="ftir")])
    assert finding.verdict is Verdict.NO_ALARM
    assert [each.technique for each in finding.superseded] == ["raman"]
    assert finding.agreement is Agreement.ONE_TECHNIQUE_ANSWERS


def test_a_later_attempt_at_the_same_spot_answers_it():
    both = [one("inconclusive", reasons=["weak_signal"]), one("no_alarm")]
    assert combine(both).verdict is Verdict.NO_ALARM
    assert combine([both[0], one("no_alarm", spot=2)]).verdict is Verdict.INCONCLUSIVE


def test_names_techniques_and_training_travel_along():
    finding = combine(
        [one("alarm_named", training=True), one("alarm_named", technique="ftir", training=True)]
    )
    assert finding.substances == ("fentanyl",)
    assert finding.techniques == ("ftir", "raman")
    assert finding.training
    assert not combine([one("alarm_named", training=True), one("no_alarm")]).training


def test_nothing_is_no_finding():
    with pytest.raises(ValueRangeError):
        combine([])


def test_the_table_of_reasons_is_complete_and_never_says_release():
    assert set(OUTWARD.values()) == {"hold", "refer", "no_hold_requested"}
    for reason in REASONS.values():
        assert reason.next_step.endswith(".")
        assert reason.owner in {"officer", "technician", "supervisor"}
        assert "release" not in reason.next_step.lower()
        assert "safe" not in reason.next_step.lower()
        assert Verdict.INCONCLUSIVE not in reason.blocks


def test_a_missing_verification_forbids_only_the_negative():
    assert blocked(["axis_unverified"]) == {Verdict.NO_ALARM}
    assert Verdict.ALARM_CLASS not in blocked(["verification_failed"])
    assert len(next_steps(["weak_signal", "weak_signal", "saturated"])) == 2
