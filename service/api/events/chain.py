"""The chain: each event carries the hash of the one before it.

The hash of an event is the SHA-256 of the RFC 8785 form of its other fields, ``prev_hash``
included; the first one's ``prev_hash`` is 64 zeros. The head row counts the events, so that
one cut off at the end is missed too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest, canonical_json

from ..gathering import gathered
from ..tables import ChainHead, Event, table_of
from .catalogue import KINDS

FIRST = "0" * 64

_NAMES = ("seq", "type", "at", "actor", "subject", "data", "prev_hash")

_STRING = json.JSONEncoder(ensure_ascii=False).encode


_EVENTS, _ENDS = table_of(Event), table_of(ChainHead)
_HEAD = select(_ENDS.c.seq, _ENDS.c.hash, _ENDS.c.counts).where(_ENDS.c.only == 1)
_APPEND = insert(_EVENTS)
_MOVE = (
    update(_ENDS)
    .where(_ENDS.c.only == 1)
    .values(seq=bindparam("new_seq"), hash=bindparam("new_hash"), counts=bindparam("new_counts"))
)


def canonical(value: Any) -> str:
    """Return a JSON value as RFC 8785 text, the form in which it is kept and hashed."""
    return canonical_json(value).decode()


@dataclass(slots=True)
class _End:
    """The end of the chain, as far as a session brought it.

    Where several changes share a transaction, their events can be read in the database after the last one.
    """

    seq: int = -1
    """Number of the last event; -1 for not read yet."""
    hash: str = ""
    counts: str = ""
    links: list[dict[str, Any]] = field(default_factory=list)
    """Events that are not written yet."""

    def read(self, session: Session) -> None:
        if self.seq < 0:
            self.seq, self.hash, self.counts = session.connection().execute(_HEAD).one()

    def finish(self, session: Session) -> None:
        """Write the events, and the last one as the head."""
        if self.links:
            connection = session.connection()
            connection.execute(_APPEND, self.links)
            told = {"new_seq": self.seq, "new_hash": self.hash, "new_counts": self.counts}
            connection.execute(_MOVE, told)


def head(session: Session) -> tuple[int, str]:
    """Return number and hash of the last event."""
    end = gathered(session, _End) or _End()
    end.read(session)
    return end.seq, end.hash


def append(session: Session, *, kind: str, at: str, actor: str, subject: str, data: dict[str, Any]) -> Event:
    """Append an event; the session must have the database alone.

    Raises
    ------
    KeyError
        A kind that the catalogue does not know.
    """
    if kind not in KINDS:
        raise KeyError(f"{kind!r} is not in the catalogue of events")
    # Plain statements: there are an event and a new head for every change, and the session's own
    # bookkeeping costs more than both. Whoever writes locked the head before (`Database.write`).
    session.flush()
    shared = gathered(session, _End)
    end = shared or _End()
    end.read(session)
    link = next_link((end.seq, end.hash), kind=kind, at=at, actor=actor, subject=subject, data=data)
    end.links.append(link)
    end.seq, end.hash, end.counts = link["seq"], link["hash"], one_more(end.counts, kind)
    if shared is None:
        end.finish(session)
    return Event(**link)


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
