"""An operation held against its baseline and targets."""

from datetime import datetime

from ..operations.models import OperationBody
from ..tables import Operation
from .models import MeasureRow, OperationProgress, ProgressOf, ProgressView
from .rates import poisson_interval
from .repository import Period

_DAY_S = 86400.0

#: Measure → whether more of it is better, where no baseline tells which way its target lies.
_MORE_IS_BETTER: dict[ProgressOf, bool] = {
    "non_compliance_rate": True,
    "screened_per_day": True,
    "inconclusive_rate": False,
    "median_time_to_result_s": False,
}

_WORDS: dict[ProgressOf, str] = {
    "non_compliance_rate": "non-compliance rate",
    "screened_per_day": "parcels screened a day",
    "inconclusive_rate": "inconclusive rate",
    "median_time_to_result_s": "median time to a result",
}


def progress_of(operation: Operation, total: MeasureRow, period: Period, now: str) -> OperationProgress:
    """Return how an operation stands, by the total of what was asked for."""
    plan, days = OperationBody.model_validate_json(operation.body), days_of(operation, period, now)
    found, baseline, targets = _figures(total, days), dict(plan.baseline), dict(plan.targets)
    return OperationProgress(
        operation_id=operation.operation_id,
        name=plan.name,
        baseline_source=plan.baseline.source,
        days=round(days, 3),
        progress=[
            _progress(name, found[name], baseline[name], targets[name])
            for name in _MORE_IS_BETTER
            if baseline[name] is not None or targets[name] is not None
        ],
    )


def days_of(operation: Operation, period: Period, now: str) -> float:
    """Return how many days an operation ran so far, within the period asked for; at least one, or none."""
    begin = max(operation.starts_at, _midnight(period.since))
    end = min(one for one in (operation.ends_at, now, _midnight(period.until)) if one)
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
    # A rate "a day" from the first hours of an operation would promise what no day can keep.
    return max(seconds / _DAY_S, 1.0) if seconds > 0 else 0.0


def _midnight(day: str) -> str:
    return f"{day}T00:00:00.000000Z" if day else ""


_Figure = tuple[float | None, float | None, float | None]


def _figures(total: MeasureRow, days: float) -> dict[ProgressOf, _Figure]:
    low, high = poisson_interval(total.parcels)
    bad, doubt = total.non_compliance_rate, total.inconclusive_rate
    daily: _Figure = (total.parcels / days, low / days, high / days) if days else (None, None, None)
    return {
        "non_compliance_rate": (bad.rate, bad.low, bad.high) if bad.n else (None, None, None),
        "screened_per_day": daily,
        "inconclusive_rate": (doubt.rate, doubt.low, doubt.high) if doubt.n else (None, None, None),
        "median_time_to_result_s": (total.time_to_result.median_s, None, None),
    }


def _progress(
    name: ProgressOf, figure: _Figure, baseline: float | None, target: float | None
) -> ProgressView:
    value, low, high = figure
    up = _MORE_IS_BETTER[name] if baseline is None or target is None else target >= baseline
    way, reached, excludes = None, None, None
    if value is not None and target is not None:
        reached = value >= target if up else value <= target
        if baseline is not None and baseline != target:
            way = round((value - baseline) / (target - baseline), 4)
    if low is not None and high is not None and baseline is not None:
        excludes = not low <= baseline <= high
    return ProgressView(
        measure=name,
        value=value,
        low=low,
        high=high,
        baseline=baseline,
        target=target,
        progress=way,
        reached=reached,
        excludes_baseline=excludes,
        words=f"{_WORDS[name]}: {_said(reached, way)}{_against(excludes, baseline, value)}",
    )


def _said(reached: bool | None, way: float | None) -> str:
    if reached is None:
        return "nothing to hold it against yet"
    if reached:
        return "target reached"
    if way is None:
        return "target not reached"
    # Rounded up it would be reached in words alone.
    return f"{min(way, 0.99):.0%} of the way to the target" if way > 0 else "no nearer to the target"


def _against(excludes: bool | None, baseline: float | None, value: float | None) -> str:
    if excludes is None or baseline is None or value is None:
        return ""
    if not excludes:
        return "; the baseline lies within the interval, so this may be chance"
    return f"; {'above' if value > baseline else 'below'} the baseline by more than chance"
