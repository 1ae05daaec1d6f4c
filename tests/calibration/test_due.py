"""Due times: whatever an axis does up to half a wavenumber an hour, it is caught before a line is 2 off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.due import DRIFT_CM1_H, FIRST_H, LEAST_H, USUAL_H, Passed, due
from calibration.limits import BOUND_CM1, FIT_BIAS_CM1, LIMITS
from calibration.positive import verify_axis
from calibration.standards import sharp_lines
from calibration.verification import LineCheck, Verification
from spectra.values import Spectrum, Technique


def passed(offset, *, unsure=0.1, spread=0.0, limit=LIMITS.position_cm1):
    """Return what a positive control shows whose lines are off by this much, a stretched axis included."""
    expected = sharp_lines("polystyrene")
    off = offset + spread * np.linspace(-1, 1, len(expected))
    return Verification(
        control="positive",
        verdict="passed",
        why="",
        standard="polystyrene",
        figures=(),
        device_serial="S",
        scan_id="s",
        at="",
        lines=tuple(LineCheck(e, e + o, 8.0, unsure / 3) for e, o in zip(expected, off, strict=True)),
        limit_cm1=limit,
        worst_cm1=float(np.abs(off).max()),
        unsure_cm1=unsure,
        offset_cm1=float(off.mean()),
        offset_sigma_cm1=unsure / 6,
    )


def test_the_longest_interval_is_a_setting_and_the_shortest_a_promise():
    assert due([Passed(0.0, passed(0.0))], most_h=1.0).hours == 1.0
    assert due([Passed(0.0, passed(0.0))], drift_cm1_h=0.01).hours == USUAL_H
    assert due([Passed(0.0, passed(1.0, unsure=1.0))]).hours == LEAST_H
    assert due([Passed(0.0, passed(0.1))], fresh=True).why == "first"
    assert due([Passed(0.0, passed(0.1))], fresh=True).hours <= FIRST_H


def test_a_drift_that_is_seen_shortens_the_interval_and_is_told():
    slow = [Passed(hour, passed(0.1 * hour)) for hour in (0.0, 2.0, 4.0, 6.0)]
    found = due(slow, drift_cm1_h=0.01)
    assert (found.why, found.rate_cm1_h) == ("drifts", pytest.approx(0.1, abs=0.01))
    assert found.hours == pytest.approx((LIMITS.position_cm1 - 0.6) / 0.1, rel=0.1)
    back = [Passed(hour, passed(-0.1 * hour)) for hour in (0.0, 2.0, 4.0, 6.0)]
    assert due(back, drift_cm1_h=0.01).rate_cm1_h == pytest.approx(-0.1, abs=0.01)
    still = [Passed(hour, passed(0.02 * (-1) ** hour)) for hour in range(6)]
    assert due(still).rate_cm1_h is None
    # Ten times what has to be caught: at once, as nearly as can be.
    fast = [Passed(0.0, passed(-0.5)), Passed(0.25, passed(0.75))]
    assert due(fast).hours == LEAST_H


@given(
    start=st.floats(-1.0, 1.0),
    rate=st.floats(-DRIFT_CM1_H, DRIFT_CM1_H).filter(lambda rate: abs(rate) > 0.02),
    calm=st.integers(0, 4),
    bias=st.floats(-FIT_BIAS_CM1, FIT_BIAS_CM1),
    most_h=st.sampled_from([1.0, USUAL_H, 24.0]),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=150, deadline=None)
def test_any_drift_up_to_the_stated_one_is_caught_in_time(start, rate, calm, bias, most_h, seed):
    """From any state that passes, after any calm time, in either direction, with biased and noisy fits."""
    rng = np.random.default_rng(seed)
    history, now, true = [], 0.0, start
    while True:
        sigma = 0.02
        seen = true + bias + float(np.clip(rng.normal(0, sigma), -3 * sigma, 3 * sigma))
        if abs(seen) - 3 * sigma > LIMITS.position_cm1:
            break
        if abs(seen) + 3 * sigma > BOUND_CM1 - FIT_BIAS_CM1 - DRIFT_CM1_H * LEAST_H:
            break  # no verdict: nobody may go on
        history.append(Passed(now, passed(seen, unsure=3 * sigma)))
        hours = due(history, most_h=most_h, fresh=len(history) == 1).hours
        now += hours
        true += rate * hours if len(history) > calm else 0.0
        assert abs(true) < BOUND_CM1 + 1e-9
        assert len(history) < 1000


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_real_fit_catches_the_drift_before_the_worst_line_is_two_off(sign):
    axis = np.linspace(250, 2300, 1024)
    rng = np.random.default_rng(5)
    history, now = [], 0.0
    while True:
        off = sign * 0.5 * now
        counts = 200 + sum(
            600 * np.exp(-4 * np.log(2) * ((axis - line - off) / 8) ** 2)
            for line in sharp_lines("polystyrene")
        )
        found = verify_axis(
            Spectrum(axis, counts + rng.normal(0, 6, axis.size), Technique.RAMAN, laser_nm=785.0)
        )
        assert abs(off) < BOUND_CM1
        if not found.passed:
            break
        history.append(Passed(now, found))
        now += due(history, fresh=now == 0.0).hours
    assert found.verdict == "failed"
