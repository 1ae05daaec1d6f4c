"""How far webhooks are, in the database: leases, lines, and what could not be delivered."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CursorResult, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from ..clock import utc_now
from ..events import chain
from ..events.outward import own_parcels, visible_kinds
from ..events.reading import events_after
from ..permissions import Role
from ..tables import Event, Token, Webhook, WebhookDelivery, WebhookLine
from ..tokens.repository import find_valid
from .keys import SecretKeeper
from .models import DeliveryState, WebhookState
from .schedule import after

#: Events read at a time (chosen: some hundred kilobytes at most).
_BATCH = 100


@dataclass(slots=True)
class Work:
    """What a sender needs to go on with a webhook."""

    webhook_id: str
    url: str
    role: Role
    secrets: tuple[str, ...]
    """Secrets that sign, the newest first."""
    line: WebhookLine
    """How far it is; a copy, changed as events are delivered."""
    events: list[Event]
    """What comes next, in order."""
    noted: frozenset[int]
    """Numbers of those among them that were not taken before, by a try or by an earlier pass."""
    upto: int
    """Where the line stands when all of them are done."""
    aside: tuple[WebhookDelivery, Event] | None
    """An event that was set aside and is due."""
    own: frozenset[str]
    """Parcels among those of the events whose data the webhook's token sent."""


def message_id(webhook_id: str, seq: int) -> str:
    """Return the id of a message: the same whenever and however often an event is sent to a webhook."""
    return f"msg_{webhook_id.replace('-', '')}_{seq}"


def active_webhooks(session: Session) -> Sequence[str]:
    """Return the webhooks that are to be sent to: active ones whose token counts."""
    return session.scalars(_active().order_by(Webhook.row)).all()


def is_active(session: Session, webhook_id: str) -> bool:
    """Whether a webhook is to be sent to."""
    return session.scalar(_active().where(Webhook.webhook_id == webhook_id)) is not None


def take_lease(session: Session, webhook_id: str, owner: str, seconds: float) -> bool:
    """Take or renew the right to send to a webhook; False while another process has it."""
    free = or_(WebhookLine.lease_owner == owner, WebhookLine.lease_until < utc_now())
    wanted = update(WebhookLine).where(WebhookLine.webhook_id == webhook_id, free)
    return _one(session, wanted.values(lease_owner=owner, lease_until=after(seconds)))


def is_free(session: Session, webhook_id: str, owner: str) -> bool:
    """Whether nobody else has the lease of a webhook."""
    line = session.get(WebhookLine, webhook_id)
    return line is not None and (line.lease_owner == owner or line.lease_until < utc_now())


def end_leases(session: Session, owner: str) -> None:
    """Give back all that a process had, so that another need not wait."""
    mine = update(WebhookLine).where(WebhookLine.lease_owner == owner)
    session.execute(mine.values(lease_owner="", lease_until=""))


def next_work(
    session: Session, keeper: SecretKeeper, webhook_id: str, unkept: WebhookLine | None = None
) -> Work | None:
    """Return what is next for a webhook; None where nothing is sent to it at present.

    Parameters
    ----------
    session
        Where to read.
    keeper
        Opens signing secrets.
    webhook_id
        The webhook.
    unkept
        How far its line is where that is not written down yet; counts unless people changed the webhook.
    """
    webhook = session.scalar(select(Webhook).where(Webhook.webhook_id == webhook_id))
    if webhook is None or webhook.state != WebhookState.ACTIVE:
        return None
    token = find_valid(session, webhook.token_id)
    if token is None:
        return None
    line = session.get_one(WebhookLine, webhook_id)
    if unkept is not None and unkept.epoch == line.epoch:
        line = unkept
    role = Role(token.role)
    end = line.replay_until if line.replay_until is not None else chain.head(session)[0]
    kinds = visible_kinds(role, json.loads(webhook.types))
    found = events_after(session, line.cursor, _BATCH, kinds=kinds) if line.cursor < end else ()
    events = [one for one in found if one.seq <= end]
    aside = _due(session, webhook_id)
    work = Work(
        webhook_id=webhook_id,
        url=webhook.url,
        role=role,
        secrets=signing_secrets(keeper, webhook),
        line=line,
        events=events,
        noted=_noted(session, webhook_id, [one.seq for one in events]),
        upto=events[-1].seq if len(events) == _BATCH else max(end, line.cursor),
        aside=aside,
        own=own_parcels(session, events if aside is None else [*events, aside[1]], role, webhook.token_id),
    )
    session.expunge_all()
    return work


def signing_secrets(keeper: SecretKeeper, webhook: Webhook) -> tuple[str, ...]:
    """Return the secrets that sign at this moment; after a rotation the old one does too for a while."""
    newest = keeper.unlock(webhook.secret, webhook.webhook_id)
    if webhook.old_secret is None or (webhook.old_until or "") <= utc_now():
        return (newest,)
    return (newest, keeper.unlock(webhook.old_secret, webhook.webhook_id))


def keep_line(session: Session, line: WebhookLine, owner: str, seconds: float) -> bool:
    """Write down how far a line is, and renew the lease; False when people or another process changed it."""
    mine = update(WebhookLine).where(
        WebhookLine.webhook_id == line.webhook_id,
        WebhookLine.lease_owner == owner,
        WebhookLine.epoch == line.epoch,
    )
    names = ("cursor", "attempts", "next_at", "failing_since", "last_error", "delivered", "delivered_at")
    values: dict[str, Any] = {name: getattr(line, name) for name in names}
    if line.replay_until is not None and line.cursor >= line.replay_until:
        values["cursor"] = max(line.cursor, line.resume_at or 0)
        values |= {"replay_until": None, "resume_at": None}
    return _one(session, mine.values(**values, lease_until=after(seconds)))


def note_failure(
    session: Session,
    webhook_id: str,
    seq: int,
    *,
    state: DeliveryState,
    attempts: int,
    next_at: str | None,
    status: int | None,
    error: str,
) -> None:
    """Write down that an event was not taken."""
    row, now = find_by_event(session, webhook_id, seq), utc_now()
    if row is None:
        row = WebhookDelivery(delivery_id=str(uuid.uuid4()), webhook_id=webhook_id, seq=seq, first_at=now)
        session.add(row)
    row.state, row.attempts, row.last_at, row.next_at = state.value, attempts, now, next_at
    row.status, row.error = status, error


def note_success(session: Session, webhook_id: str, seq: int, status: int | None) -> None:
    """Write down that an event that had not been taken at first was."""
    row = find_by_event(session, webhook_id, seq)
    if row is not None and row.state != DeliveryState.DELIVERED:
        row.state, row.attempts, row.last_at = DeliveryState.DELIVERED.value, row.attempts + 1, utc_now()
        row.next_at, row.status, row.error = None, status, ""


def find_by_event(session: Session, webhook_id: str, seq: int) -> WebhookDelivery | None:
    """Return the row of an event that was not taken at first; None where there is none."""
    return session.scalar(
        select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.seq == seq)
    )


def owner_of(session: Session, webhook: Webhook) -> Token | None:
    """Return the token that made a webhook, when it still counts."""
    return find_valid(session, webhook.token_id)


def _active() -> Select[str]:
    counts = and_(Token.revoked_at.is_(None), or_(Token.expires_at.is_(None), Token.expires_at > utc_now()))
    return (
        select(Webhook.webhook_id)
        .join(Token, Token.token_id == Webhook.token_id)
        .where(Webhook.state == WebhookState.ACTIVE.value, counts)
    )


def _noted(session: Session, webhook_id: str, numbers: Sequence[int]) -> frozenset[int]:
    if not numbers:
        return frozenset()
    wanted = select(WebhookDelivery.seq).where(
        WebhookDelivery.webhook_id == webhook_id,
        WebhookDelivery.seq.in_(numbers),
        WebhookDelivery.state != DeliveryState.DELIVERED.value,
    )
    return frozenset(session.scalars(wanted))


def _due(session: Session, webhook_id: str) -> tuple[WebhookDelivery, Event] | None:
    waiting = (
        select(WebhookDelivery, Event)
        .join(Event, Event.seq == WebhookDelivery.seq)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.state == DeliveryState.SET_ASIDE.value,
            WebhookDelivery.next_at <= utc_now(),
        )
        .order_by(WebhookDelivery.next_at, WebhookDelivery.row)
        .limit(1)
    )
    found = session.execute(waiting).first()
    return None if found is None else (found[0], found[1])


def _one(session: Session, wanted: Any) -> bool:
    done = session.execute(wanted, execution_options={"synchronize_session": False})
    assert isinstance(done, CursorResult)
    return bool(done.rowcount == 1)
