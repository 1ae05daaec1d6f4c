"""Days, weeks and months that things are counted in, bench by bench and for all benches together.

Questions that name no bench go through the sums of all benches: six times fewer rows at thirty benches.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Grain(StrEnum):
    """What is counted together."""

    DAY = "day"
    MONTH = "month"
    ALL_DAY = "all.day"
    ALL_WEEK = "all.week"
    ALL_MONTH = "all.month"


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the places where a bench's day is counted."""

    grain: Grain
    period: str
    bench: str


def slots_of(day: str, bench: str) -> tuple[Slot, ...]:
    """Return all places where a bench's day is counted; the day itself is the first."""
    return (
        Slot(Grain.DAY, day, bench),
        Slot(Grain.MONTH, day[:7], bench),
        Slot(Grain.ALL_DAY, day, ""),
        Slot(Grain.ALL_WEEK, week_of(day), ""),
        Slot(Grain.ALL_MONTH, day[:7], ""),
    )


def week_of(day: str) -> str:
    """Return the Monday of a day's week."""
    moment = date.fromisoformat(day)
    return (moment - timedelta(days=moment.weekday())).isoformat()


def month_from(day: str) -> str:
    """Return the first day of a month that comes on a day or later."""
    if day[8:] == "01":
        return day
    return (date.fromisoformat(f"{day[:7]}-28") + timedelta(days=4)).isoformat()[:7] + "-01"


def week_from(day: str) -> str:
    """Return the first Monday that comes on a day or later."""
    return week_of((date.fromisoformat(day) + timedelta(days=6)).isoformat())
