"""The chain: each event carries the hash of the one before it.

The hash of an event is the SHA-256 of the RFC 8785 form of its other fields, ``prev_hash``
included; the first one's ``prev_hash`` is 64 zeros. The head row counts the events, so that
one cut off at the end is missed too.
"""

import json
from typing import Any

import rfc8785
from sqlalchemy.orm import Session

from spectra.digest import json_digest

from ..tables import ChainHead, Event
from .catalogue import KINDS

FIRST = "0" * 64


def canonical(value: Any) -> str:
    """Return a JSON value as RFC 8785 text, the form in which it is kept and hashed."""
    return rfc8785.dumps(value).decode()


def head(session: Session) -> tuple[int, str]:
    """Return number and hash of the last event."""
    row = session.get_one(ChainHead, 1)
    return row.seq, row.hash


def append(session: Session, *, kind: str, at: str, actor: str, subject: str, data: dict[str, Any]) -> Event:
    """Append an event; the session must have the database alone.

    Raises
    ------
    KeyError
        A kind that the catalogue does not know.
    """
    if kind not in KINDS:
        raise KeyError(f"{kind!r} is not in the catalogue of events")
    end = session.get_one(ChainHead, 1)
    event = Event(
        seq=end.seq + 1,
        type=kind,
        at=at,
        actor=actor,
        subject=subject,
        data=canonical(data),
        prev_hash=end.hash,
    )
    event.hash = event_hash(event, data)
    end.seq, end.hash = event.seq, event.hash
    session.add(event)
    session.flush()
    return event


def as_json(event: Event) -> dict[str, Any]:
    """Return an event as it goes over the wire; anybody can check its hash."""
    return {**_hashed(event, json.loads(event.data)), "hash": event.hash}


def _hashed(event: Event, data: dict[str, Any]) -> dict[str, Any]:
    names = ("seq", "type", "at", "actor", "subject", "prev_hash")
    return {**{name: getattr(event, name) for name in names}, "data": data}


def event_hash(event: Event, data: dict[str, Any]) -> str:
    """Return the hash that an event with these data must carry."""
    return json_digest(_hashed(event, data))
