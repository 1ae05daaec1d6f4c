"""Tables of pushing: webhooks, how far each one is, and what could not be delivered."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Listed


class Webhook(Listed):
    """A receiver of events; changed only together with an event, and never removed."""

    __tablename__ = "webhooks"

    row: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[str] = mapped_column(unique=True)
    #: Token that made it: it receives nothing when that one does not count any more.
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"), index=True)
    url: Mapped[str]
    #: Kinds of events, JSON; an empty list stands for all that the token's role may see.
    types: Mapped[str]
    description: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    #: Why it is in that state, a word.
    why: Mapped[str]
    #: Signing secret, encrypted by a key that is not in the database.
    secret: Mapped[str]
    #: Secret of before a rotation; signs too until `old_until`.
    old_secret: Mapped[str | None]
    old_until: Mapped[str | None]
    created_at: Mapped[str]
    changed_at: Mapped[str]


class WebhookLine(Base):
    """How far a webhook is: bookkeeping that comes and goes without events."""

    __tablename__ = "webhook_lines"

    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.webhook_id"), primary_key=True)
    #: Number of the last event that was delivered, set aside, or not of its types.
    cursor: Mapped[int]
    #: A replay ends at this event, and the line goes on after `resume_at`.
    replay_until: Mapped[int | None]
    resume_at: Mapped[int | None]
    #: Tries made of the first event after the cursor.
    attempts: Mapped[int] = mapped_column(default=0)
    #: No try before this moment; NULL for at once.
    next_at: Mapped[str | None]
    failing_since: Mapped[str | None]
    last_error: Mapped[str] = mapped_column(default="")
    delivered: Mapped[int] = mapped_column(default=0)
    delivered_at: Mapped[str | None]
    #: Server process that sends at present, and until when nobody else may.
    lease_owner: Mapped[str] = mapped_column(default="")
    lease_until: Mapped[str] = mapped_column(default="")
    #: Grows with everything people change; a sender that read an older one starts afresh.
    epoch: Mapped[int] = mapped_column(default=0)


class WebhookDelivery(Listed):
    """An event that a receiver did not take at the first try."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("webhook_deliveries_by_event", "webhook_id", "seq", unique=True),
        Index("webhook_deliveries_by_state", "webhook_id", "state", "row"),
    )

    row: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(unique=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.webhook_id"))
    seq: Mapped[int] = mapped_column(ForeignKey("events.seq"))
    state: Mapped[str]
    attempts: Mapped[int]
    first_at: Mapped[str]
    last_at: Mapped[str]
    next_at: Mapped[str | None]
    #: HTTP status of the last try; NULL for no answer.
    status: Mapped[int | None]
    error: Mapped[str]
