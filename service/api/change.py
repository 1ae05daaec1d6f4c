"""One transaction that writes: whatever it changes, an event tells of it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from .events import chain
from .tables import BenchContact, ChainHead, Event, IdempotencyKey, WebhookDelivery, WebhookLine

#: Tables that tell of changes, and are no change themselves.
BOOKKEEPING = (Event, ChainHead, IdempotencyKey, BenchContact, WebhookLine, WebhookDelivery)


@dataclass(slots=True)
class Change:
    """One transaction that writes."""

    session: Session
    """Session of the transaction; the boundary commits it."""
    actor: str
    """Token, or program on the server's machine, that asked for the change."""
    now: str
    """Moment of the change, RFC 3339 in UTC; the same for all that it writes."""
    recorded: int = 0
    """Events so far."""

    def record(self, kind: str, subject: str, data: dict[str, Any]) -> None:
        """Append an event to the chain (`chain.append`), and do what follows from it in this transaction."""
        from .reactions import REACTIONS

        self.session.flush()
        chain.append(self.session, kind=kind, at=self.now, actor=self.actor, subject=subject, data=data)
        self.recorded += 1
        for react in REACTIONS.get(kind, ()):
            react(self, subject, data)


class Watch:
    """Notes whether a session writes anything but bookkeeping."""

    def __init__(self, session: Session) -> None:
        self.changed = False
        event.listen(session, "before_flush", self._note)

    def _note(self, session: Session, *_: object) -> None:
        touched = (*session.new, *session.dirty, *session.deleted)
        self.changed |= any(not isinstance(one, BOOKKEEPING) for one in touched)
