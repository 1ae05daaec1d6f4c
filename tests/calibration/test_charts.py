"""Control charts against published examples, counted rules, and known rates of false and late signals."""

import json
import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.chart_series import BASELINE, VerificationPoint, charts_of
from calibration.charts import Limits, Signal, averages, individuals, signals

#: NIST/SEMATECH e-Handbook, 6.3.2.2: flow rate of ten batches.
FLOW = (49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)

#: NIST/SEMATECH e-Handbook, 6.3.2.4: twenty means, and their EWMA with λ = 0.3.
MEANS = (52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5)
MEANS += (49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)
THEIR_EWMA = (50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33)
THEIR_EWMA += (50.11, 49.36, 49.52, 50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99)

#: Montgomery, table 9.1: twenty values around 10, ten around 11.
SHIFTED = (9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08)
SHIFTED += (
    9.37,
    10.62,
    10.31,
    8.52,
    10.84,
    10.90,
    9.33,
    12.29,
    11.50,
    10.60,
    11.08,
    10.38,
    11.62,
    11.31,
    10.52,
)


def test_individuals_as_nist_computes_them():
    limits = individuals(FLOW)
    assert limits.centre == pytest.approx(50.81)
    assert limits.sigma * 1.128 == pytest.approx(1.8778, abs=1e-4)
    assert (limits.low, limits.high) == (pytest.approx(45.8159, abs=3e-3), pytest.approx(55.8041, abs=3e-3))
    assert signals(FLOW, limits)[:7] == (frozenset(),) * 7


def test_the_ewma_as_nist_computes_it():
    found = averages(MEANS, Limits(50.0, 2.0539, 20), weight=0.3, width=3.0)
    assert [one.value for one in found] == pytest.approx(THEIR_EWMA, abs=0.011)
    assert (found[-1].low, found[-1].high) == (
        pytest.approx(47.4115, abs=1e-2),
        pytest.approx(52.5884, abs=1e-2),
    )
    assert not any(one.outside for one in found)


def test_the_ewma_as_montgomery_computes_it():
    found = averages(SHIFTED, Limits(10.0, 1.0, 20), weight=0.10, width=2.7)
    assert [round(one.value, 4) for one in found[:2]] == [9.945, 9.7495]
    assert [round(one.high, 2) for one in found[:2]] == [10.27, 10.36]
    assert [round(one.low, 2) for one in found[:2]] == [9.73, 9.64]
    assert (round(found[-1].low, 2), round(found[-1].high, 2)) == (9.38, 10.62)
    assert [round(one.value, 4) for one in found[-3:]] == [10.5731, 10.6468, 10.6341]
    assert [number for number, one in enumerate(found, 1) if one.outside] == [29, 30]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.floats(-100, 100), st.floats(0.1, 10))
@settings(max_examples=60)
def test_limits_move_and_stretch_with_the_values(values, shift, scale):
    limits = individuals(values)
    moved = individuals([value * scale + shift for value in values])
    assert limits.centre == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert moved.centre == pytest.approx(limits.centre * scale + shift, rel=1e-6, abs=1e-6)
    assert moved.sigma == pytest.approx(limits.sigma * scale, rel=1e-6, abs=1e-6)
    assert individuals(list(reversed(values))).sigma == pytest.approx(limits.sigma)


@given(st.lists(st.integers(-4, 4), max_size=40))
@settings(max_examples=100)
def test_rules_count_as_their_words_say(values):
    found = signals(values, Limits(0.0, 1.0, 10))
    for end in range(1, len(values) + 1):
        last8, last6 = values[max(0, end - 8) : end], values[max(0, end - 6) : end]
        steps = [after - before for before, after in zip(last6, last6[1:], strict=False)]
        run = len(last8) == 8 and (min(last8) > 0 or max(last8) < 0)
        trend = len(last6) == 6 and (min(steps) > 0 or max(steps) < 0)
        said = found[end - 1]
        assert (Signal.RUN in said) == run
        assert (Signal.TREND in said) == trend
        assert (Signal.BEYOND in said) == (abs(values[end - 1]) > 3)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
@settings(max_examples=60)
def test_the_ewma_is_the_weighted_sum_it_stands_for(values):
    found = averages(values, Limits(1.0, 1.0, 10))
    for number, one in enumerate(found, 1):
        parts = [0.2 * 0.8**age * values[number - 1 - age] for age in range(number)]
        assert one.value == pytest.approx(math.fsum(parts) + 0.8**number * 1.0)
        spread = math.sqrt(math.fsum((0.2 * 0.8**age) ** 2 for age in range(number)))
        assert one.high - 1.0 == pytest.approx(2.962 * spread)


def run_length(shift, rng, longest=4000):
    limits = Limits(0.0, 1.0, 10)
    done = 0
    while done < longest:
        found = averages([rng.gauss(shift, 1.0) for _ in range(400)], limits)
        for one in found:
            done += 1
            if one.outside:
                return done
    return done


def test_false_signals_are_rare_and_real_shifts_are_found():
    """Lucas and Saccucci, table 3 for λ = 0.20, L = 2.962: 500 values without a shift, 10.5 with one σ."""
    rng = random.Random(7)
    caught = statistics.fmean(run_length(1.0, rng) for _ in range(400))
    assert caught == pytest.approx(10.0, abs=1.2)
    quiet = statistics.fmean(run_length(0.0, rng) for _ in range(120))
    assert 350 < quiet < 700


def point(day, offset, **more):
    fields = {
        "at": f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T08:00:00Z",
        "device": "STS/S1",
        "standard": "polystyrene",
        "passed": True,
        "deviations": ((1001.4, offset), (1602.3, offset + 0.2)),
        "width": 8.0,
        "intensity": 1000.0,
        "snr": 80.0,
    }
    return VerificationPoint(**{**fields, **more})


def named(points, **more):
    return {chart.name: chart for chart in charts_of(points, **more)}


def test_a_drift_of_a_steady_instrument_is_seen_before_it_fails():
    rng = random.Random(1)
    steady = [point(day, rng.gauss(0.1, 0.05)) for day in range(20)]
    drifting = [point(20 + day, 0.1 + 0.06 * day + rng.gauss(0.0, 0.05)) for day in range(10)]
    charts = named([*drifting, *steady])
    assert list(charts) == ["position", "worst", "width", "intensity", "snr", "line 1001.4", "line 1602.3"]
    position = charts["position"]
    (phase,) = position.phases
    assert phase.limits.count == BASELINE
    assert phase.limits.centre == pytest.approx(0.2, abs=0.05)
    assert [one.at for one in phase.points] == sorted(one.at for one in phase.points)
    flagged = [number for number, one in enumerate(phase.points) if one.signals]
    assert sum(number < 20 for number in flagged) <= 2
    seen = next(number for number in flagged if number >= 20)
    assert phase.points[seen].value < 0.6, "seen when it was off by a third of what fails"
    assert set(range(seen, 30)) <= set(flagged)
    assert position.in_control is False
    assert charts["width"].in_control is True, "a figure that never changes is in control"
    json.dumps([chart.to_json() for chart in charts.values()], allow_nan=False)


def test_a_calibration_starts_the_chart_anew():
    before = [point(day, 0.9) for day in range(12)]
    after = [point(12 + day, 0.0, calibration_id="c" * 64) for day in range(9)]
    first, second = named([*before, *after])["position"].phases
    assert (first.calibration_id, second.calibration_id) == ("", "c" * 64)
    assert (first.limits.centre, second.limits.centre) == (pytest.approx(1.0), pytest.approx(0.1))
    assert not any(one.signals for phase in (first, second) for one in phase.points)
    brighter = [point(21 + day, 0.0, calibration_id="c" * 64, intensity_id="e" * 64) for day in range(2)]
    assert len(named([*before, *after, *brighter])["intensity"].phases) == 3, "a new response starts it, too"
    third = point(30, 0.9, calibration_id="d" * 64)
    assert named([*before, *after, third])["position"].in_control is None, "one point has no limits yet"


def test_failed_verifications_are_shown_and_set_no_limits():
    points = [point(day, 0.0) for day in range(6)] + [point(6, 3.0, passed=False)]
    points += [point(day, 0.0) for day in range(7, 12)] + [point(12, 0.0, passed=None, snr=3.0)]
    (phase,) = named(points)["position"].phases
    assert phase.limits.centre == pytest.approx(0.1)
    assert len(phase.points) == 12, "what has no verdict measured nothing"
    failed = phase.points[6]
    assert not failed.passed
    assert {Signal.BEYOND, Signal.EWMA} <= failed.signals


def test_figures_that_are_not_known_are_left_out():
    points = [point(day, 0.0, intensity=None, deviations=((1001.4, 0.1),)) for day in range(9)]
    charts = named(points)
    assert charts["intensity"].phases == ()
    assert charts["intensity"].in_control is None
    assert "line 1602.3" not in charts
    assert charts_of([])[0].points == ()


def test_charts_are_of_one_device_and_standard():
    with pytest.raises(ValueError, match="one device"):
        charts_of([point(1, 0.0), point(2, 0.0, device="STS/S2")])
    with pytest.raises(ValueError, match="too short"):
        charts_of([point(1, 0.0)], baseline=7)
    with pytest.raises(ValueError, match="two values"):
        individuals([1.0])
