"""One finding per screening: alarms are never outvoted, unanswered spots stay open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectra.errors import ValueRangeError
from spectra.finding import OUTWARD, combine
from spectra.reasons import REASONS, Verdict, blocked, next_steps


def one(verdict, *, spot=1, technique="raman", training=False, reasons=(), name="fentanyl"):
    part = {"substance": name, "controlled": True, "watch_list": True, "role": "content"}
    return {
        "verdict": verdict,
        "technique": technique,
        "training": training,
        "reasons": list(reasons),
        "components": [part] if verdict == "alarm_named" else [],
        "spot": spot,
    }


VERDICTS = st.sampled_from([str(v) for v in Verdict])


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
