"""Control charts of single measurements: Shewhart's with run rules, and the EWMA.

Sources: D. C. Montgomery, *Introduction to Statistical Quality Control*, chapters 5, 6.4 and 9.2;
NIST/SEMATECH e-Handbook of Statistical Methods, sections 6.3.2.2 and 6.3.2.4; J. M. Lucas and M. S. Saccucci,
Technometrics 32 (1990) 1; Western Electric, *Statistical Quality Control Handbook* (1956); L. S. Nelson,
Journal of Quality Technology 16 (1984) 237. A chart says where to look; pass or fail is the verification's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

#: Mean range of two normal values over their standard deviation, d₂ = 2/√π (Montgomery, appendix VI).
D2 = 1.128

#: Standard deviations between centre line and control limits (Shewhart).
SHEWHART_WIDTH = 3.0

#: Weight of the newest value in the EWMA; 0.2 is quick for shifts of about one standard deviation (chosen;
#: Lucas and Saccucci recommend 0.05 to 0.25).
EWMA_WEIGHT = 0.2

#: Width of the EWMA's limits: with a weight of 0.2 one false signal in 500 values (Lucas and Saccucci 1990;
#: Montgomery, table 9.11).
EWMA_WIDTH = 2.962

#: This many values in a row on one side of the centre line (Western Electric, rule 4).
RUN = 8

#: This many values in a row that rise, or fall, steadily (Nelson, rule 3).
TREND = 6


class Signal(StrEnum):
    """Why a value is called out of control."""

    BEYOND = "beyond"
    """Outside Shewhart's limits (Western Electric, rule 1)."""
    RUN = "run"
    """The eighth or later in a row on one side of the centre line."""
    TREND = "trend"
    """The sixth or later in a row that rises, or falls."""
    EWMA = "ewma"
    """The exponentially weighted moving average is outside its limits."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Centre line and spread of a process, from its baseline."""

    centre: float
    """Mean of the baseline."""
    sigma: float
    """Its standard deviation from value to value: mean moving range over d₂."""
    count: int
    """Values in the baseline."""

    @property
    def low(self) -> float:
        """Lower control limit of single values."""
        return self.centre - SHEWHART_WIDTH * self.sigma

    @property
    def high(self) -> float:
        """Upper control limit of single values."""
        return self.centre + SHEWHART_WIDTH * self.sigma


@dataclass(frozen=True, slots=True)
class Average:
    """The EWMA after a value, and its limits there."""

    value: float
    """Exponentially weighted moving average."""
    low: float
    """Lower limit; narrow at first, because the average starts at the centre line."""
    high: float
    """Upper limit."""

    @property
    def outside(self) -> bool:
        """Whether it is outside its limits."""
        return not self.low <= self.value <= self.high


def individuals(baseline: Sequence[float], *, least_sigma: float = 0.0) -> Limits:
    """Return the limits of a chart of single values.

    The moving range between neighbours keeps a slow drift of the baseline out of its spread, which the
    standard deviation would not.

    Parameters
    ----------
    baseline
        At least two values, in order of time.
    least_sigma
        Smallest standard deviation to believe in, such as what rounding leaves; same unit.

    Raises
    ------
    ValueError
        There are fewer than two values.
    """
    if len(baseline) < 2:
        raise ValueError("a moving range needs two values")
    ranges = [abs(after - before) for before, after in pairwise(baseline)]
    sigma = math.fsum(ranges) / len(ranges) / D2
    return Limits(math.fsum(baseline) / len(baseline), max(sigma, least_sigma), len(baseline))


def averages(
    values: Sequence[float], limits: Limits, *, weight: float = EWMA_WEIGHT, width: float = EWMA_WIDTH
) -> tuple[Average, ...]:
    """Return the exponentially weighted moving average of values, and its limits at each of them.

    Parameters
    ----------
    values
        In order of time, from the first one after a calibration.
    limits
        Where the average starts, and how far single values scatter.
    weight
        Weight λ of the newest value, above 0 and up to 1.
    width
        Width L of the limits, in standard deviations of the average:
        ± L·σ·√(λ/(2 − λ)·(1 − (1 − λ)²ⁱ)) after i values (Montgomery, equations 9.25 and 9.26).
    """
    found, average = [], limits.centre
    for number, value in enumerate(values, start=1):
        average = weight * value + (1.0 - weight) * average
        share = weight / (2.0 - weight) * (1.0 - (1.0 - weight) ** (2 * number))
        room = width * limits.sigma * math.sqrt(share)
        found.append(Average(average, limits.centre - room, limits.centre + room))
    return tuple(found)


def signals(values: Sequence[float], limits: Limits) -> tuple[frozenset[Signal], ...]:
    """Return for each value why it is called out of control on its chart; empty sets for the others."""
    beyond = [not limits.low <= value <= limits.high for value in values]
    runs = [length >= RUN for length in _runs(values, limits.centre)]
    trends = [length >= TREND for length in _trends(values)]
    means = [average.outside for average in averages(values, limits)]
    names = (Signal.BEYOND, Signal.RUN, Signal.TREND, Signal.EWMA)
    said = zip(beyond, runs, trends, means, strict=True)
    return tuple(frozenset(name for name, there in zip(names, row, strict=True) if there) for row in said)


def _runs(values: Sequence[float], centre: float) -> list[int]:
    """Return for each value how many up to it lie on its side of the centre line; 0 on the line itself."""
    lengths: list[int] = []
    last = 0
    for value in values:
        side = _sign(value - centre)
        lengths.append(0 if not side else lengths[-1] + 1 if side == last else 1)
        last = side
    return lengths


def _trends(values: Sequence[float]) -> list[int]:
    """Return for each value how many up to it rise steadily, or fall."""
    lengths, last = [1] if values else [], 0
    for before, value in pairwise(values):
        way = _sign(value - before)
        lengths.append(1 if not way else lengths[-1] + 1 if way == last else 2)
        last = way
    return lengths


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
