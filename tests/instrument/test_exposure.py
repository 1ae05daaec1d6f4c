"""Automatic exposure on a detector of a few lines: linear, with a bias, clipped."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.exposure import DEFAULT_S, MAX_PROBES, find_exposure, next_exposure, peak_counts
from spectra.values import FloatArray

FULL, BIAS = 16383.0, 900.0


def detector(rate: float, seen: list[float]) -> Callable[[float], FloatArray]:
    line = np.exp(-0.5 * ((np.arange(200) - 80) / 3.0) ** 2)

    def probe(exposure_s: float) -> FloatArray:
        seen.append(exposure_s)
        return np.minimum(BIAS + rate * exposure_s * line, FULL)

    return probe


@given(st.floats(2.0, 7.5))
def test_converges_wherever_a_good_exposure_exists(decade: float) -> None:
    seen: list[float] = []
    probe = detector(10.0**decade, seen)
    found = find_exposure(probe, saturation_counts=FULL, low_s=1e-5, high_s=1000.0)
    assert 0.60 <= peak_counts(probe(found)) / FULL <= 0.80
    assert len(seen) <= MAX_PROBES + 1


def test_stops_at_the_limits() -> None:
    seen: list[float] = []
    assert find_exposure(detector(1.0, seen), saturation_counts=FULL, low_s=1e-3, high_s=4.0) == 4.0
    assert find_exposure(detector(1e9, seen), saturation_counts=FULL, low_s=0.05, high_s=4.0) == 0.05
    assert max(b / a for a, b in zip(seen, seen[1:], strict=False)) <= 5.0


def test_without_saturation_level() -> None:
    seen: list[float] = []
    assert find_exposure(detector(1.0, seen), saturation_counts=None, low_s=0.1, high_s=9.0) == DEFAULT_S
    assert find_exposure(detector(1.0, seen), saturation_counts=None, low_s=2.0, high_s=9.0) == 2.0
    assert not seen


@pytest.mark.parametrize(
    ("share", "wanted"),
    [(0.7, None), (0.61, None), (0.96, 0.5), (1.0, 0.5), (0.9, 0.7 / 0.9), (0.35, 2.0), (0.01, 5.0)],
)
def test_next_exposure(share: float, wanted: float | None) -> None:
    got = next_exposure(1.0, share, low_s=0.01, high_s=100.0)
    assert got == (None if wanted is None else pytest.approx(wanted))


def test_peak_ignores_a_cosmic_ray() -> None:
    frame = np.full(50, 100.0)
    frame[20:25] = [150, 300, 400, 300, 150]
    frame[40] = 16383.0
    assert peak_counts(frame) == 300.0
    assert peak_counts(np.array([1.0, 5.0])) == 5.0
