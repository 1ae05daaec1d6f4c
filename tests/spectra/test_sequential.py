"""Looks at a growing scan: their rates, and that the promise holds whatever the looks have in common."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectra.answer import Component, Identification, Quality
from spectra.nulls import ordered_table
from spectra.reasons import REASONS, Verdict
from spectra.sequential import CURABLE, FIRST_LOOK, decided, plan_looks, settled
from spectra.values import Technique


@given(st.floats(0.001, 0.2), st.integers(10, 5000), st.integers(1, 100))
def test_rates_add_up_to_the_promise(rate: float, null_count: int, limit: int) -> None:
    looks = plan_looks(rate, null_count, limit)
    assert sum(look.rate for look in looks) == pytest.approx(rate)
    places = [look.accumulations for look in looks]
    assert places == sorted(set(places))
    assert places[-1] == limit
    assert all(FIRST_LOOK <= place < limit for place in places[:-1])
    assert all(look.rate >= 1.0 / (null_count + 1) for look in looks[:-1])


def test_shipped_size_of_table_affords_two_early_looks() -> None:
    looks = plan_looks(0.01, 400, 10)
    assert [look.accumulations for look in looks] == [2, 4, 10]
    assert looks[-1].rate == pytest.approx(0.01 - 2 / 401)


def test_a_small_table_affords_none() -> None:
    assert plan_looks(0.01, 120, 10) == plan_looks(0.01, 120, 10)[-1:]


@pytest.mark.parametrize("common", [0.0, 0.7, 0.99])
def test_promised_rate_holds_for_independent_and_for_alike_looks(common: float) -> None:
    """Null scans drawn like those of the table, looked at three times: false answers stay within the rate."""
    rng = np.random.default_rng(7)
    rate, scans = 0.05, 5_000
    shared = rng.standard_normal((scans, 1)) * np.sqrt(common)
    statistics = shared + rng.standard_normal((scans, 3)) * np.sqrt(1 - common)
    rates = []
    for seed in range(400):
        drawn = np.random.default_rng(seed).standard_normal(200)
        table = ordered_table(drawn, np.zeros(drawn.size), seed)
        looks = plan_looks(rate, table.count, 10)
        thresholds = np.array([table.threshold(look.rate, 0.0) for look in looks])
        rates.append(float((statistics[:, : len(looks)] >= thresholds).any(axis=1).mean()))
    # 400 tables: the mean rate is known to about 0.0006.
    assert np.mean(rates) <= rate + 0.001


def test_curable_reasons_are_reasons() -> None:
    assert set(REASONS) >= CURABLE


def found(verdict: Verdict, *references: str, classes: tuple[str, ...] = ()) -> Identification:
    """An answer that names references."""
    components = tuple(
        Component(r, r, "content", False, "", "derived", 0.5, 9.0, 0.01, 0.9, 0.0, (), (), False)
        for r in references
    )
    return Identification(
        source="",
        scan_id="",
        technique=Technique.RAMAN,
        laser_nm=785.0,
        training=False,
        verdict=verdict,
        reasons=(),
        components=components,
        ranking=(),
        classes=tuple({"class": name, "detected": True} for name in classes),
        not_excluded=(),
        quality=Quality(1.0, False, 0.0, (400.0, 1800.0), 1.0),
        provenance={},
        created_at="",
    )


def test_a_look_answers_plainly_only_where_nothing_stands_between() -> None:
    weak = found(Verdict.INCONCLUSIVE, "a")
    clear = found(Verdict.NO_ALARM, "a")
    assert settled(weak, clear) is clear
    more = found(Verdict.ALARM_NAMED, "a", "b")
    assert settled(weak, more) is weak
    strict = found(Verdict.NO_ALARM, "a")
    assert settled(strict, found(Verdict.ALARM_CLASS, "a", classes=("x",))) is strict


def test_what_more_light_cannot_cure_is_decided() -> None:
    assert decided(found(Verdict.NO_ALARM, "a"))
    for reason, enough in (("weak_signal", False), ("axis_unverified", True), ("saturated", True)):
        answer = replace(found(Verdict.INCONCLUSIVE), reasons=(reason,))
        assert decided(answer) is enough, reason
