"""Webhooks in the database: made, changed and revoked by people, each time with an event."""

import json
import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..change import Change
from ..events import chain
from ..events.chain import canonical
from ..paging import take_page
from ..permissions import Role
from ..problems import Problem
from ..requests import Caller
from ..settings import ServerSettings
from ..tables import Webhook, WebhookDelivery, WebhookLine
from .keys import SecretKeeper, new_secret
from .models import (
    DeliveryQuery,
    DeliveryState,
    ReplayBody,
    WebhookBody,
    WebhookPatch,
    WebhookQuery,
    WebhookState,
)
from .schedule import after

#: Webhooks that a token may have besides revoked ones (chosen).
MAX_WEBHOOKS = 20


def find_webhook(session: Session, webhook_id: str) -> Webhook | None:
    """Return a webhook by its id; None where there is none."""
    return session.scalar(select(Webhook).where(Webhook.webhook_id == webhook_id))


def list_webhooks(
    session: Session, caller: Caller, query: WebhookQuery
) -> tuple[Sequence[Webhook], str | None]:
    """Return a page of webhooks, all for an admin and its own for a parcel system, and the next cursor."""
    wanted = select(Webhook)
    if caller.role is not Role.ADMIN:
        wanted = wanted.where(Webhook.token_id == caller.token_id)
    if query.state is not None:
        wanted = wanted.where(Webhook.state == query.state.value)
    return take_page(session, Webhook, wanted, query)


def add_webhook(
    change: Change, caller: Caller, keeper: SecretKeeper, body: WebhookBody
) -> tuple[Webhook, str]:
    """Add a receiver for what happens from now on, and return it with its secret.

    Raises
    ------
    Problem
        The token has too many.
    """
    mine = select(func.count()).where(
        Webhook.token_id == caller.token_id, Webhook.state != WebhookState.REVOKED.value
    )
    if (change.session.scalar(mine) or 0) >= MAX_WEBHOOKS:
        raise Problem("conflict", f"a token has at most {MAX_WEBHOOKS} webhooks: revoke one first")
    webhook_id, secret = str(uuid.uuid4()), new_secret()
    webhook = Webhook(
        webhook_id=webhook_id,
        token_id=caller.token_id,
        url=body.url,
        types=canonical(body.types),
        description=body.description,
        state=WebhookState.ACTIVE.value,
        why="asked",
        secret=keeper.lock(secret, webhook_id),
        created_at=change.now,
        changed_at=change.now,
    )
    change.session.add(webhook)
    change.session.flush()
    seq, _ = chain.head(change.session)
    change.session.add(
        WebhookLine(
            webhook_id=webhook_id,
            cursor=seq + 1,  # the event that tells of it
            attempts=0,
            last_error="",
            delivered=0,
            lease_owner="",
            lease_until="",
            epoch=0,
        )
    )
    data = {"webhook_id": webhook_id, "host": _host(webhook), "types": body.types}
    change.record("webhook.created", f"webhooks/{webhook_id}", data)
    return webhook, secret


def change_webhook(change: Change, webhook: Webhook, patch: WebhookPatch) -> None:
    """Change a receiver; the same again changes nothing.

    Raises
    ------
    Problem
        It was revoked.
    """
    refuse_revoked(webhook)
    before = (webhook.url, webhook.types, webhook.description, webhook.state)
    if patch.url is not None:
        webhook.url = patch.url
    if patch.types is not None:
        webhook.types = canonical(patch.types)
    if patch.description is not None:
        webhook.description = patch.description
    state = WebhookState(patch.state or webhook.state)
    if before != (webhook.url, webhook.types, webhook.description, state.value):
        set_state(change, webhook, state, why="asked")


def revoke_webhook(change: Change, webhook: Webhook) -> None:
    """Send nothing more, for ever; again changes nothing."""
    if webhook.state != WebhookState.REVOKED:
        set_state(change, webhook, WebhookState.REVOKED, why="asked")


def rotate_secret(change: Change, settings: ServerSettings, keeper: SecretKeeper, webhook: Webhook) -> str:
    """Give a webhook a new secret, which is returned; the old one signs too for a day.

    Raises
    ------
    Problem
        It was revoked.
    """
    refuse_revoked(webhook)
    secret = new_secret()
    webhook.old_secret, webhook.old_until = webhook.secret, after(settings.webhook_rotation_s)
    webhook.secret = keeper.lock(secret, webhook.webhook_id)
    set_state(change, webhook, WebhookState(webhook.state), why="secret")
    return secret


def set_state(change: Change, webhook: Webhook, state: WebhookState, *, why: str) -> None:
    """Write down that a webhook was changed, and let the line of an active one begin afresh at once."""
    if webhook.state != state.value:
        webhook.state, webhook.why = state.value, why
    webhook.changed_at = change.now
    data = {
        "webhook_id": webhook.webhook_id,
        "state": state.value,
        "host": _host(webhook),
        "types": json.loads(webhook.types),
        "why": why,
    }
    change.record("webhook.changed", f"webhooks/{webhook.webhook_id}", data)
    if state is WebhookState.ACTIVE:
        # One that is stopped ends by itself, and writes down how far it came.
        line = change.session.get_one(WebhookLine, webhook.webhook_id)
        line.failing_since = None
        _afresh(line)


def replay(change: Change, webhook: Webhook, body: ReplayBody) -> WebhookDelivery | None:
    """Let a webhook's line go back over a stretch of events, or try one delivery again.

    Raises
    ------
    Problem
        There is nothing of that kind to replay.
    """
    refuse_revoked(webhook)
    line = change.session.get_one(WebhookLine, webhook.webhook_id)
    if body.delivery_id is not None:
        return _again(change.session, webhook, line, str(body.delivery_id))
    assert body.after is not None
    reached = max(line.cursor, line.resume_at or 0)
    until = reached if body.until is None else body.until
    if until > reached or body.after >= until:
        raise Problem("invalid", f"body/after: events up to {reached} were sent; others come by themselves")
    line.cursor, line.replay_until, line.resume_at = body.after, until, reached
    _afresh(line)
    return None


def list_deliveries(
    session: Session, webhook: Webhook, query: DeliveryQuery
) -> tuple[Sequence[WebhookDelivery], str | None]:
    """Return a page of what was not taken at the first try, and the next cursor."""
    wanted = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.webhook_id)
    if query.state is not None:
        wanted = wanted.where(WebhookDelivery.state == query.state.value)
    return take_page(session, WebhookDelivery, wanted, query)


def refuse_revoked(webhook: Webhook) -> None:
    """Refuse to do anything more with a webhook that was revoked.

    Raises
    ------
    Problem
        It was.
    """
    if webhook.state == WebhookState.REVOKED:
        raise Problem("conflict", f"webhook {webhook.webhook_id} was revoked: make a new one")


def _again(session: Session, webhook: Webhook, line: WebhookLine, delivery_id: str) -> WebhookDelivery:
    wanted = select(WebhookDelivery).where(WebhookDelivery.delivery_id == delivery_id)
    found = session.scalar(wanted.where(WebhookDelivery.webhook_id == webhook.webhook_id))
    if found is None:
        raise Problem("not_found", f"no delivery {delivery_id} of this webhook")
    if found.state != DeliveryState.RETRYING:
        found.state, found.next_at = DeliveryState.SET_ASIDE.value, after(0)
    _afresh(line)
    return found


def _afresh(line: WebhookLine) -> None:
    line.attempts, line.next_at, line.epoch = 0, None, line.epoch + 1


def _host(webhook: Webhook) -> str:
    return urlsplit(webhook.url).hostname or ""
