"""The chain: each event carries the hash of the one before it.

The hash of an event is the SHA-256 of the RFC 8785 form of its other fields, ``prev_hash``
included; the first one's ``prev_hash`` is 64 zeros. The head row counts the events, so that
one cut off at the end is missed too.
"""

import json
from collections.abc import Mapping
from typing import Any

import rfc8785
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..tables import ChainHead, Event
from .catalogue import KINDS

FIRST = "0" * 64

_NAMES = ("seq", "type", "at", "actor", "subject", "data", "prev_hash")

#: Larger whole numbers are no exact numbers in JSON (RFC 8785 section 3.2.2.3).
_WHOLE = 2**53

#: Much faster than `rfc8785`, which is pure Python; a test holds both together.
_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
_STRING = json.JSONEncoder(ensure_ascii=False).encode


def canonical(value: Any) -> str:
    """Return a JSON value as RFC 8785 text, the form in which it is kept and hashed."""
    if _is_plain(value):
        return _PLAIN(value)
    return rfc8785.dumps(value).decode()


def _is_plain(value: Any) -> bool:
    """Return whether the standard library writes a value as RFC 8785 does: no fractions, names that sort alike."""
    if value is None or isinstance(value, str | bool):
        return True
    if isinstance(value, int):
        return abs(value) < _WHOLE
    if isinstance(value, dict):
        return all(isinstance(key, str) and key.isascii() and _is_plain(one) for key, one in value.items())
    return isinstance(value, list | tuple) and all(map(_is_plain, value))


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
    end = _locked_head(session)
    link = next_link((end.seq, end.hash), kind=kind, at=at, actor=actor, subject=subject, data=data)
    event = Event(**link)
    end.seq, end.hash = event.seq, event.hash
    end.counts = one_more(end.counts, kind)
    session.add(event)
    session.flush()
    return event


def next_link(
    end: tuple[int, str], *, kind: str, at: str, actor: str, subject: str, data: dict[str, Any]
) -> dict[str, Any]:
    """Return the columns of the event that follows the end of a chain."""
    link = {
        "seq": end[0] + 1,
        "type": kind,
        "at": at,
        "actor": actor,
        "subject": subject,
        "data": canonical(data),
        "prev_hash": end[1],
    }
    return {**link, "hash": link_hash(link)}


def link_hash(link: Mapping[str, Any]) -> str:
    """Return the hash that an event with these columns must carry.

    The canonical form of an event is put together from that of its data, which is the text that is kept: the
    names of its fields are in order already, and its other values are strings and a whole number, for which
    the standard library writes what RFC 8785 asks for.
    """
    actor, at, prev, subject, kind = (
        _STRING(str(link[name])) for name in ("actor", "at", "prev_hash", "subject", "type")
    )
    text = (
        f'{{"actor":{actor},"at":{at},"data":{link["data"]},"prev_hash":{prev},"seq":{link["seq"]},'
        f'"subject":{subject},"type":{kind}}}'
    )
    return bytes_digest(text.encode())


def event_hash(event: Event) -> str:
    """Return the hash that an event must carry."""
    return link_hash({name: getattr(event, name) for name in _NAMES})


def one_more(counts: str, kind: str) -> str:
    """Return the head's count of events by kind with one more of a kind."""
    found = json.loads(counts)
    found[kind] = found.get(kind, 0) + 1
    return counts_text(found)


def counts_text(counts: Mapping[str, int]) -> str:
    """Return counts of events by kind as the head keeps them."""
    return json.dumps(dict(counts), sort_keys=True)


def as_json(event: Event) -> dict[str, Any]:
    """Return an event as it goes over the wire; anybody can check its hash."""
    return {**{name: getattr(event, name) for name in (*_NAMES, "hash")}, "data": json.loads(event.data)}


def _locked_head(session: Session) -> ChainHead:
    """Return the head; where several processes write, no other gets it before this transaction ends."""
    if session.get_bind().dialect.name == "sqlite":
        return session.get_one(ChainHead, 1)
    return session.get_one(ChainHead, 1, with_for_update=True)
