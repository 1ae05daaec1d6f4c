"""When the next try is made."""

import random
from datetime import UTC, datetime, timedelta

from ..clock import utc_text
from ..settings import ServerSettings
from .sending import Answer, Outcome

#: Shortest wait after a failure, as a share of the longest (chosen: so that chance makes no burst of tries).
_LEAST_SHARE = 0.1


def wait_s(settings: ServerSettings, outcome: Outcome, tries: int) -> float:
    """Return how long to wait after a failed try, s.

    The wait is drawn at random up to what the schedule says ("full jitter", Brooker 2015, AWS Architecture
    Blog), so that receivers that come back are not met by all at once. While a receiver is out of reach the
    waits are capped: one request is all it costs to find it back.

    Parameters
    ----------
    settings
        The schedule.
    outcome
        What became of the try.
    tries
        Tries made so far, at least one.
    """
    schedule = settings.webhook_retry_s
    longest = schedule[min(tries, len(schedule) - 1)]
    if outcome.answer is Answer.DOWN:
        longest = min(longest, settings.webhook_down_s)
    drawn = random.uniform(_LEAST_SHARE, 1.0) * longest  # noqa: S311
    return max(drawn, outcome.retry_after_s)


def after(seconds: float) -> str:
    """Return the moment some seconds from now, RFC 3339."""
    return utc_text(datetime.now(UTC) + timedelta(seconds=seconds))


def seconds_until(moment: str | None) -> float:
    """Return how long it is until a moment, s; 0 for the past and for none."""
    if moment is None:
        return 0.0
    return max((datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds(), 0.0)
