"""Webhooks and deliveries as they go over the wire."""

import json

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from spectra.digest import json_digest

from ..events import chain
from ..tables import Webhook, WebhookDelivery, WebhookLine
from .deliveries import message_id, owner_of
from .models import DeliveryState, DeliveryView, LineView, WebhookState, WebhookView


def view_webhook(session: Session, webhook: Webhook) -> WebhookView:
    """Return a webhook with how it is doing; without its secret."""
    return WebhookView(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        types=json.loads(webhook.types),
        description=webhook.description,
        state=WebhookState(webhook.state),
        why=webhook.why,
        token_valid=owner_of(session, webhook) is not None,
        created_at=webhook.created_at,
        changed_at=webhook.changed_at,
        line=_line(session, webhook.webhook_id),
    )


def etag_of(webhook: Webhook) -> str:
    """Return the entity tag of a webhook: another one after every change that people make."""
    parts = [
        webhook.webhook_id,
        webhook.url,
        webhook.types,
        webhook.description,
        webhook.state,
        webhook.changed_at,
    ]
    return f'"{json_digest(parts)[:32]}"'


def view_delivery(delivery: WebhookDelivery) -> DeliveryView:
    """Return a delivery."""
    return DeliveryView(
        delivery_id=delivery.delivery_id,
        seq=delivery.seq,
        message_id=message_id(delivery.webhook_id, delivery.seq),
        state=DeliveryState(delivery.state),
        attempts=delivery.attempts,
        first_at=delivery.first_at,
        last_at=delivery.last_at,
        next_at=delivery.next_at,
        status=delivery.status,
        error=delivery.error,
    )


def _line(session: Session, webhook_id: str) -> LineView:
    line = session.get_one(WebhookLine, webhook_id)
    dead = select(func.count()).where(
        WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == DeliveryState.DEAD.value
    )
    return LineView(
        last_seq=line.cursor,
        behind=max(chain.head(session)[0] - line.cursor, 0),
        attempts=line.attempts,
        next_at=line.next_at,
        failing_since=line.failing_since,
        last_error=line.last_error,
        delivered=line.delivered,
        delivered_at=line.delivered_at,
        dead=session.scalar(dead) or 0,
    )
