"""From counts to a row of measures."""

from collections import Counter

from .durations import quantile
from .models import MeasureRow, ReviewsView, TimesView
from .rates import rate
from .rollup import ACTIVE

_KINDS = ("referral", "alarm", "negative_check")


def row_of(counts: Counter[str], group: str, label: str, *, training: bool, emulated: bool) -> MeasureRow:
    """Return what counts say, with rates and times."""
    parcels, hours = counts["parcels"], counts[ACTIVE]
    alarms = counts["verdict.alarm_named"] + counts["verdict.alarm_class"]
    confirmed, refuted = counts["alarms_confirmed"], counts["alarms_refuted"]
    bad = counts["non_compliant"]
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
        inconclusive_reasons=_part(counts, "reason"),
        alarm_rate=rate(alarms, parcels),
        inconclusive_rate=rate(counts["verdict.inconclusive"], parcels),
        confirmation_rate=rate(confirmed, confirmed + refuted),
        dispositions=_part(counts, "disposition"),
        non_compliance_rate=rate(bad, bad + counts["compliant"]),
        miss_rate=rate(counts["misses"], counts["checks_known"]),
        checks_drawn=counts["review.negative_check"],
        active_hours=hours,
        screenings_per_active_hour=round(counts["opened"] / hours, 3) if hours else None,
        time_to_result=_times(counts, "first"),
        time_to_complete=_times(counts, "complete"),
        reviews={kind: _reviews(counts, kind) for kind in _KINDS},
        time_to_review=_times(counts, "review"),
        verifications_passed=counts["verification.passed"],
        verifications_failed=counts["verification.failed"],
        results_flagged=counts["flagged"],
        results_under_review=counts["flagged"] - counts["flags_closed"],
    )


def _part(counts: Counter[str], name: str) -> dict[str, int]:
    found = {
        metric.partition(".")[2]: n for metric, n in counts.items() if n and metric.startswith(f"{name}.")
    }
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _times(counts: Counter[str], name: str) -> TimesView:
    bins = {int(number): n for number, n in _part(counts, f"{name}_s").items()}
    median, high = quantile(bins, 0.5), quantile(bins, 0.95)
    return TimesView(
        n=sum(bins.values()),
        median_s=None if median is None else float(f"{median:.3g}"),
        p95_s=None if high is None else float(f"{high:.3g}"),
    )


def _reviews(counts: Counter[str], kind: str) -> ReviewsView:
    asked, closed = counts[f"review.{kind}"], counts[f"review_closed.{kind}"]
    return ReviewsView(asked=asked, closed=closed, open=asked - closed)
