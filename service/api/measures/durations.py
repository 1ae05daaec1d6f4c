"""Durations in bins of equal ratio, so that medians come from counts that can be added up and taken back.

Twenty bins for each factor of ten: a bin is 12.2 % wide, and the geometric middle of one is at most 5.9 %
from anything in it. Bin 0 holds all that is shorter than 0.1 s, the last one all from 10⁷ s (116 days) on.
"""

import math
from collections.abc import Mapping
from datetime import datetime

#: Bins for each factor of ten (chosen: medians within 6 %, about fifteen bins used by a day of a bench).
PER_DECADE = 20

_SHORTEST_S, _DECADES = 0.1, 8
LAST = PER_DECADE * _DECADES + 1


def bin_of(seconds: float) -> int:
    """Return the bin of a duration; clocks that were set back count as nothing."""
    if seconds < _SHORTEST_S:
        return 0
    return min(1 + math.floor(PER_DECADE * math.log10(seconds / _SHORTEST_S)), LAST)


def middle_of(number: int) -> float:
    """Return the geometric middle of a bin, s; of the open ones their end."""
    if number <= 0:
        return _SHORTEST_S
    step = number - 0.5 if number < LAST else number - 1.0
    return float(_SHORTEST_S * 10.0 ** (step / PER_DECADE))


def seconds_between(begin: str, end: str) -> float:
    """Return how long it is from one moment to another, s."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def quantiles(bins: Mapping[int, int], *shares: float) -> list[float | None]:
    """Return the durations that shares of those counted do not exceed, s; None where nothing is counted.

    Parameters
    ----------
    bins
        Number of the bin → how many are in it.
    *shares
        In rising order; 0.5 for the median.
    """
    ranks = [share * sum(bins.values()) for share in shares]
    found: list[float | None] = []
    seen = 0
    for number in sorted(bins):
        seen += bins[number]
        while bins[number] > 0 and len(found) < len(ranks) and seen >= ranks[len(found)]:
            found.append(middle_of(number))
    return found + [None] * (len(ranks) - len(found))
