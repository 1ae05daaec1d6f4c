"""Measures as they go over the wire."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

By = Literal["all", "day", "week", "month", "site", "operation", "bench"]
ProgressOf = Literal[
    "non_compliance_rate", "screened_per_day", "inconclusive_rate", "median_time_to_result_s"
]

#: Days that one answer goes through day by day (chosen: at 30 benches that is what 50 ms allow).
MOST_DAYS, MOST_WEEK_DAYS = 92, 182


def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


def _includes(text: str) -> str:
    if unknown := set(filter(None, text.split(","))) - {"training", "emulated"}:
        raise ValueError(f"{min(unknown)!r} cannot be included; training and emulated can")
    return text


Day = Annotated[
    str,
    # Years from 1000 to 2999: weeks and months beside a day have to be days of the calendar too.
    Field(pattern=r"^[12]\d{3}-\d\d-\d\d$", description="A day, UTC.", examples=["2026-11-01"]),
    AfterValidator(_day),
]


class MeasuresQuery(BaseModel):
    """Which screenings, and how they are put together."""

    model_config = ConfigDict(extra="forbid")

    operation_id: UUID | None = None
    site: Annotated[str, Field(max_length=64)] = ""
    bench: Annotated[str, Field(max_length=128)] = ""
    since: Day | Literal[""] = Field("", description="Screenings opened on that day or later.")
    until: Day | Literal[""] = Field("", description="Screenings opened before that day.")
    by: By = Field(
        "all",
        description=f"One row for each. By day at most {MOST_DAYS} days are told, by week {MOST_WEEK_DAYS}; "
        "without `since` the last 31 of them, and twelve weeks before the one in which `until` lies.",
    )
    include: Annotated[str, AfterValidator(_includes)] = Field(
        "",
        max_length=32,
        description="`training`, `emulated` or both with a comma: rows of their own, told apart and never "
        "added to the others. The sandbox counts nowhere.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> "MeasuresQuery":
        if self.since and self.until and self.until <= self.since:
            raise ValueError("until is after since")
        return self

    def classes(self) -> list[tuple[bool, bool]]:
        """Return what is told apart: pairs of training and emulated."""
        wanted = set(self.include.split(","))
        return [
            (training, emulated)
            for training in (False, True)
            for emulated in (False, True)
            if (not training or "training" in wanted) and (not emulated or "emulated" in wanted)
        ]


class RateView(BaseModel):
    """A share with its exact interval (Clopper and Pearson 1934)."""

    k: int
    n: int
    rate: float | None = Field(description="Null where there is nothing to count.")
    low: float = Field(description="Lower end of the 95 % interval.")
    high: float = Field(description="Upper end of the 95 % interval.")


class TimesView(BaseModel):
    """Durations, s, from bins: at most 5.9 % off."""

    n: int
    median_s: float | None
    p95_s: float | None


class ReviewsView(BaseModel):
    """Reviews of one kind."""

    asked: int
    closed: int
    open: int


class MeasureRow(BaseModel):
    """What was achieved, of one group. Alarms are presumptive."""

    group: str = Field(description="Day, week (its Monday), month, site, operation or bench; `all` for all.")
    label: str = Field(description="The group in words.")
    training: bool
    emulated: bool
    opened: int = Field(description="Screenings opened.")
    completed: int = Field(description="Of them completed, those superseded later too.")
    superseded: int
    results: int
    parcels: int = Field(description="Parcels with a finding; each counts once.")
    alarm_named: int
    alarm_class: int
    inconclusive: int
    no_hold_requested: int
    inconclusive_reasons: dict[str, int] = Field(description="A parcel can have several.")
    alarm_rate: RateView
    inconclusive_rate: RateView
    confirmation_rate: RateView = Field(description="Alarms a laboratory confirmed, of those it knows.")
    dispositions: dict[str, int] = Field(description="The latest of each parcel.")
    non_compliance_rate: RateView = Field(description="Of parcels whose disposition says whether.")
    miss_rate: RateView = Field(
        description="Negatives drawn at random in which a laboratory found something, of those it knows."
    )
    checks_drawn: int
    active_hours: int = Field(description="Hours in which a bench opened a screening.")
    screenings_per_active_hour: float | None
    time_to_result: TimesView = Field(description="From opening to the first result, by the server's clock.")
    time_to_complete: TimesView = Field(description="From opening to completion, by the server's clock.")
    reviews: dict[str, ReviewsView]
    time_to_review: TimesView = Field(description="From the question to the answer that closed it.")
    verifications_passed: int
    verifications_failed: int
    results_flagged: int = Field(description="Calls to look at a result again.")
    results_under_review: int = Field(description="Of them still open.")


class ProgressView(BaseModel):
    """How far a figure is from its baseline to its target."""

    measure: ProgressOf
    value: float | None
    low: float | None = Field(description="Exact 95 % interval; null where there is none.")
    high: float | None
    baseline: float | None
    target: float | None
    progress: float | None = Field(
        description="0 at the baseline, 1 at the target; null where one of them is missing."
    )
    reached: bool | None = Field(description="The value is at the target or beyond.")
    excludes_baseline: bool | None = Field(
        description="The interval leaves the baseline out: more than chance."
    )
    words: str


class OperationProgress(BaseModel):
    """An operation held against its baseline and targets."""

    operation_id: str
    name: str
    baseline_source: str
    days: float = Field(description="Days of it that the answer covers.")
    progress: list[ProgressView]


class OpenReviews(BaseModel):
    """Reviews that wait for an answer now."""

    open: int
    median_age_s: float | None
    oldest_age_s: float | None


class Measures(BaseModel):
    """What screening achieved."""

    model_config = ConfigDict(json_schema_extra={"description": "Sums of what was recorded, by group."})

    as_of: str
    since: str = Field(description="First day that counts; empty for the first there is.")
    until: str = Field(description="First day that does not; empty for the last there is.")
    by: By
    include: str
    rows: list[MeasureRow]
    totals: list[MeasureRow] = Field(description="Real work, and each other kind that was asked for, apart.")
    operation: OperationProgress | None = Field(description="Where one was asked for.")
    reviews: OpenReviews
