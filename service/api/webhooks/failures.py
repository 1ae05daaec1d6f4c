"""What follows from an event that was not taken."""

from datetime import UTC, datetime

from ..change import Change
from ..clock import utc_now
from ..settings import ServerSettings
from ..tables import WebhookLine
from . import deliveries
from .models import DeliveryState, WebhookState
from .repository import find_webhook, set_state
from .schedule import after, wait_s
from .sending import Answer, Outcome


def line_failed(
    change: Change, settings: ServerSettings, line: WebhookLine, seq: int, outcome: Outcome
) -> None:
    """Take a failure of the first event of a line into account; the caller writes the line down."""
    line.failing_since = line.failing_since or utc_now()
    line.last_error = outcome.error
    if outcome.answer is Answer.DOWN:
        # Being out of reach is no fault of the event: it uses up none of its tries.
        line.attempts = min(line.attempts + 1, max(settings.webhook_line_tries - 1, 1))
    else:
        line.attempts += 1
    given_up = outcome.answer is Answer.REFUSED and line.attempts >= settings.webhook_line_tries
    dead = given_up and line.attempts >= len(settings.webhook_retry_s)
    next_at = None if dead else after(wait_s(settings, outcome, line.attempts))
    state = DeliveryState.SET_ASIDE if given_up else DeliveryState.RETRYING
    deliveries.note_failure(
        change.session,
        line.webhook_id,
        seq,
        state=DeliveryState.DEAD if dead else state,
        attempts=line.attempts,
        next_at=next_at,
        status=outcome.status,
        error=outcome.error,
    )
    if given_up:
        line.cursor, line.attempts, line.next_at = seq, 0, None
    else:
        line.next_at = next_at
    _disable_where_due(change, settings, line.webhook_id, line.failing_since, outcome)


def aside_failed(
    change: Change, settings: ServerSettings, webhook_id: str, seq: int, outcome: Outcome
) -> None:
    """Take a failure of an event that was set aside into account."""
    row = deliveries.find_by_event(change.session, webhook_id, seq)
    if row is None:
        return
    attempts = row.attempts + (outcome.answer is not Answer.DOWN)
    dead = attempts >= len(settings.webhook_retry_s)
    deliveries.note_failure(
        change.session,
        webhook_id,
        seq,
        state=DeliveryState.DEAD if dead else DeliveryState.SET_ASIDE,
        attempts=attempts,
        next_at=None if dead else after(wait_s(settings, outcome, attempts)),
        status=outcome.status,
        error=outcome.error,
    )
    _disable_where_due(change, settings, webhook_id, None, outcome)


def _disable_where_due(
    change: Change, settings: ServerSettings, webhook_id: str, since: str | None, outcome: Outcome
) -> None:
    failing_s = 0.0
    if since is not None:
        failing_s = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
    gone = outcome.answer is Answer.GONE
    if not gone and failing_s < settings.webhook_disable_s:
        return
    webhook = find_webhook(change.session, webhook_id)
    if webhook is not None and webhook.state == WebhookState.ACTIVE:
        set_state(change, webhook, WebhookState.DISABLED, why="gone" if gone else "failing")
