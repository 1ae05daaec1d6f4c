"""From counts to a row of measures."""

from collections import Counter
from functools import lru_cache

from .durations import quantiles
from .models import MeasureRow, ReviewsView, TimesView
from .rates import rate
from .rollup import ACTIVE

_KINDS = ("referral", "alarm", "negative_check")


def row_of(counts: Counter[str], group: str, label: str, *, training: bool, emulated: bool) -> MeasureRow:
    """Return what counts say, with rates and times."""
    parcels, hours = counts["parcels"], counts[ACTIVE]
    alarms = counts["verdict.alarm_named"] + counts["verdict.alarm_class"]
    confirmed, refuted = counts["alarms_confirmed"], counts["alarms_refuted"]
    bad, parts = counts["non_compliant"], _parts(counts)
    return MeasureRow(
        group=group,
        label=label,
        training=training,
        emulated=emulated,
        **{name: counts[name] for name in ("opened", "completed", "superseded", "results", "parcels")},
        alarm_named=counts["verdict.alarm_named"],
        alarm_class=counts["verdict.alarm_class"],
        inconclusive=counts["verdict.inconclusive"],
        no_hold_requested=counts["verdict.no_alarm"],
        inconclusive_reasons=_frequent(parts.get("reason", {})),
        alarm_rate=rate(alarms, parcels),
        inconclusive_rate=rate(counts["verdict.inconclusive"], parcels),
        confirmation_rate=rate(confirmed, confirmed + refuted),
        dispositions=_frequent(parts.get("disposition", {})),
        non_compliance_rate=rate(bad, bad + counts["compliant"]),
        miss_rate=rate(counts["misses"], counts["checks_known"]),
        checks_drawn=counts["review.negative_check"],
        active_hours=hours,
        screenings_per_active_hour=round(counts["opened"] / hours, 3) if hours else None,
        time_to_result=_times(parts, "first"),
        time_to_complete=_times(parts, "complete"),
        reviews={kind: _reviews(counts, kind) for kind in _KINDS},
        time_to_review=_times(parts, "review"),
        verifications_passed=counts["verification.passed"],
        verifications_failed=counts["verification.failed"],
        results_flagged=counts["flagged"],
        results_under_review=counts["flagged"] - counts["flags_closed"],
    )


def _parts(counts: Counter[str]) -> dict[str, dict[str, int]]:
    """Return the counts with a name of two parts, by the first one."""
    found: dict[str, dict[str, int]] = {}
    for metric, n in counts.items():
        name, rest = _split(metric)
        if rest and n:
            found.setdefault(name, {})[rest] = n
    return found


@lru_cache(maxsize=4096)
def _split(metric: str) -> tuple[str, str]:
    name, _, rest = metric.partition(".")
    return name, rest


def _frequent(part: dict[str, int]) -> dict[str, int]:
    """Return counts, the most frequent first."""
    return dict(sorted(part.items(), key=lambda one: (-one[1], one[0])))


def _times(parts: dict[str, dict[str, int]], name: str) -> TimesView:
    bins = {int(number): n for number, n in parts.get(f"{name}_s", {}).items()}
    median, high = quantiles(bins, 0.5, 0.95)
    return TimesView(
        n=sum(bins.values()),
        median_s=None if median is None else float(f"{median:.3g}"),
        p95_s=None if high is None else float(f"{high:.3g}"),
    )


def _reviews(counts: Counter[str], kind: str) -> ReviewsView:
    asked, closed = counts[f"review.{kind}"], counts[f"review_closed.{kind}"]
    return ReviewsView(asked=asked, closed=closed, open=asked - closed)
