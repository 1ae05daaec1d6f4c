"""When an instrument has to be verified again: before any line can be too far off.

What is promised, with the numbers as they are: an instrument that drifts by `DRIFT_CM1_H` or less, beginning
at any moment, fails a verification taken when it is due before one of the lines it was judged by is
`BOUND_CM1` off. It holds because after a verification that passed no such line is farther off than worst +
unsure + bias, and the next one is due before the rest of the bound is used up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .limits import BOUND_CM1, FIT_BIAS_CM1
from .verification import Verification

#: At most this long between two verifications where nobody says otherwise, h (chosen: a shift).
USUAL_H = 8.0
#: Fastest drift that has to be caught, cm⁻¹/h. SOURCE: the project's bar.
DRIFT_CM1_H = 0.5
#: The first verification after a start, a reconnect or a calibration holds at most so long, h (chosen: what
#: warms up or settles does so in this time).
FIRST_H = 2.0
#: Nobody is asked sooner than this, h (chosen; `positive` leaves room for it).
LEAST_H = 0.25
#: How well a position is found again when nothing changed, cm⁻¹ (chosen: the standard is put there anew).
REPEAT_CM1 = 0.05
#: So many of the last verifications tell how fast the instrument drifts.
_LOOKED_BACK = 8
#: A drift is seen where it is this many of its own standard errors.
_SEEN_SIGMAS = 2.0


@dataclass(frozen=True, slots=True)
class Due:
    """When the next verification is due."""

    hours: float
    """How long after the last one, h."""
    why: Literal["usual", "first", "could_drift", "drifts"]
    """``usual``: the longest interval allowed; ``first``: after a start, reconnect or calibration;
    ``could_drift``: so soon an axis may be off; ``drifts``: so soon it will be, by the drift that is seen."""
    rate_cm1_h: float | None = None
    """Drift seen, cm⁻¹/h; None where none is seen."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A verification that passed, and when."""

    hours: float
    """When, h after any moment that is the same for all."""
    outcome: Verification
    """What it showed."""


def due(
    history: Sequence[Passed],
    *,
    most_h: float = USUAL_H,
    drift_cm1_h: float = DRIFT_CM1_H,
    fresh: bool = False,
) -> Due:
    """Return when the next verification is due.

    Parameters
    ----------
    history
        Positive controls passed since the baseline, with one standard, oldest first; the last one is the one
        after which the next is due. At least one.
    most_h
        Longest interval, h.
    drift_cm1_h
        Fastest drift to be caught, cm⁻¹/h.
    fresh
        Whether the last one is the first since the instrument was started, reconnected or calibrated.
    """
    last = history[-1].outcome
    rate, error = _rate(history[-_LOOKED_BACK:])
    seen = rate is not None and abs(rate) > _SEEN_SIGMAS * error
    fastest = max(drift_cm1_h, abs(rate) + _SEEN_SIGMAS * error) if seen and rate is not None else drift_cm1_h
    room = BOUND_CM1 - FIT_BIAS_CM1 - (last.worst_cm1 or 0.0) - (last.unsure_cm1 or 0.0)
    found = Due(most_h, "usual")
    if room / fastest < found.hours:
        found = Due(room / fastest, "could_drift")
    if fresh and found.hours > FIRST_H:
        found = Due(FIRST_H, "first")
    if seen and rate is not None:
        until = _until_limit(last, rate)
        found = Due(until, "drifts", round(rate, 3)) if until < found.hours else _with_rate(found, rate)
    return Due(max(LEAST_H, found.hours), found.why, found.rate_cm1_h)


def _with_rate(found: Due, rate: float) -> Due:
    return Due(found.hours, found.why, round(rate, 3))


def _until_limit(last: Verification, rate: float) -> float:
    """Return how long the drift takes to bring the first line to its limit, h."""
    towards = 1.0 if rate > 0 else -1.0
    off = [towards * line.deviation_cm1 for line in last.lines if line.deviation_cm1 is not None]
    ahead = min(max(off, default=0.0), last.worst_cm1 or 0.0)
    return max(0.0, ((last.limit_cm1 or 0.0) - ahead) / abs(rate))


def _rate(history: Sequence[Passed]) -> tuple[float | None, float]:
    """Return the drift by a straight line through the offsets and its standard error, cm⁻¹/h."""
    known = [one for one in history if one.outcome.offset_cm1 is not None]
    at = np.array([one.hours for one in known])
    if len(known) < 2 or at.max() - at.min() < LEAST_H:
        return None, 0.0
    off = np.array([one.outcome.offset_cm1 for one in known], dtype=np.float64)
    sigma = np.array([np.hypot(one.outcome.offset_sigma_cm1 or 0.0, REPEAT_CM1) for one in known])
    weight = sigma**-2.0
    centred = at - at @ weight / weight.sum()
    spread = float(centred**2 @ weight)
    slope = float((centred * weight) @ off / spread)
    rest = off - off @ weight / weight.sum() - slope * centred
    # What scatters by more than it should is less sure than it says.
    scatter = float(np.sqrt(max(1.0, rest**2 @ weight / max(len(known) - 2, 1))))
    return slope, scatter / spread**0.5
