"""One transaction that writes: whatever it changes, an event tells of it, with the digests of the rows."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Insert, event, insert
from sqlalchemy.orm import Session

from .errors import UnrecordedChange
from .events import chain
from .events.sealing import Sealer, attributes_of, sealer_of
from .gathering import gathered
from .tables import Base, table_of

_ROWS = "opioscan.rows"


@dataclass(slots=True)
class Change:
    """One transaction that writes.

    Rows are changed first, and then an event is recorded that tells of them: it carries the digest of every
    row that changed since the event before (`events.sealing`). Rows changed after the last event are refused
    as the transaction ends.
    """

    session: Session
    """Session of the transaction; the boundary commits it."""
    actor: str
    """Token, or program on the server's machine, that asked for the change."""
    now: str
    """Moment of the change, RFC 3339 in UTC; the same for all that it writes."""
    recorded: int = 0
    """Events so far."""
    watch: "Watch" = field(init=False)
    """What notes the rows."""

    def __post_init__(self) -> None:
        self.watch = Watch(self.session)

    def insert(self, *rows: Base) -> None:
        """Insert new rows by plain statements, in this order; sealed like all others.

        For the rows of a result, of which hundreds come in a second: the session's own bookkeeping costs
        more than the insert. The session does not know the rows afterwards.
        """
        connection = self.session.connection()
        for one in rows:
            said = one.__dict__
            done = connection.execute(_insert_of(type(one)), _said(one))
            for name, value in zip(_key_of(type(one)), done.inserted_primary_key or (), strict=False):
                if name not in said:
                    setattr(one, name, value)
            self.watch.note_new(one)

    def insert_later(self, row: Base) -> None:
        """Insert a new row like `insert`, at the end of a transaction that several changes share.

        Its primary key must be set. `insert_now` goes before a question that must find it.
        """
        later = gathered(self.session, _Later)
        if later is None:
            self.insert(row)
            return
        later.rows.setdefault(type(row), []).append(_said(row))
        self.watch.note_new(row)

    def insert_now(self) -> None:
        """Insert what was left for the end."""
        if (later := gathered(self.session, _Later)) is not None:
            later.finish(self.session)

    def record(self, kind: str, subject: str, data: dict[str, Any]) -> None:
        """Append an event to the chain (`chain.append`), and do what follows from it in this transaction."""
        from .reactions import REACTIONS

        self.session.flush()
        rows = self.watch.take()
        told = {**data, "rows": rows} if rows else data
        chain.append(self.session, kind=kind, at=self.now, actor=self.actor, subject=subject, data=told)
        self.recorded += 1
        for react in REACTIONS.get(kind, ()):
            react(self, subject, data)


class Watch:
    """Notes which rows a session changed, and lets it commit none that no event told of."""

    def __init__(self, session: Session) -> None:
        fresh = _ROWS not in session.info
        self._rows: dict[int, tuple[Base, Sealer, bool]] = session.info.setdefault(_ROWS, {})
        self._gone: dict[str, None] = session.info.setdefault(f"{_ROWS}.gone", {})
        if fresh:
            event.listen(session, "before_flush", self._note)
            event.listen(session, "before_commit", self.check)
            event.listen(session, "after_soft_rollback", self._forget)

    @property
    def changed(self) -> bool:
        """Whether rows were changed since the last event."""
        return bool(self._rows or self._gone)

    def take(self) -> dict[str, str | None]:
        """Return the digests of the rows changed since the last event; they must be flushed."""
        if not self.changed:
            return {}
        rows: dict[str, str | None] = dict.fromkeys(self._gone)
        for one, sealer, new in self._rows.values():
            said = _columns(one, new)
            rows[sealer.key(said)] = sealer.digest(said)
        self._rows.clear()
        self._gone.clear()
        return rows

    def note_new(self, one: Base) -> None:
        """Note a new row that the session does not know of."""
        if (sealer := sealer_of(one.__tablename__)) is not None:
            self._rows[id(one)] = (one, sealer, True)

    def _note(self, session: Session, *_: object) -> None:
        for one in session.new:
            if (sealer := sealer_of(one.__tablename__)) is not None:
                self._rows[id(one)] = (one, sealer, True)
        for one in session.dirty:
            if (sealer := sealer_of(one.__tablename__)) is not None and session.is_modified(one):
                self._rows.setdefault(id(one), (one, sealer, False))
        for one in session.deleted:
            if (sealer := sealer_of(one.__tablename__)) is not None:
                self._rows.pop(id(one), None)
                self._gone[sealer.key(_columns(one, False))] = None

    def check(self, session: Session) -> None:
        """Raise `UnrecordedChange` where rows were changed after the last event."""
        session.flush()
        if self.changed:
            names = sorted({sealer.table for _, sealer, _ in self._rows.values()})
            where = ", ".join((*names, *self._gone))
            raise UnrecordedChange(f"a change of {where} has no event after it; nothing was written")

    def _forget(self, *_: object) -> None:
        # Also where only a savepoint was undone: what was flushed before it stands in an event already,
        # or its writer was undone with it.
        self._rows.clear()
        self._gone.clear()


@dataclass(slots=True)
class _Later:
    """Rows to be inserted at the end, by table."""

    rows: dict[type[Base], list[dict[str, Any]]] = field(default_factory=dict)

    def finish(self, session: Session) -> None:
        connection = session.connection()
        for kind, rows in self.rows.items():
            connection.execute(_insert_of(kind), rows)
        self.rows.clear()


@cache
def _insert_of(kind: type[Base]) -> Insert:
    return insert(table_of(kind))


@cache
def _names_of(kind: type[Base]) -> tuple[str, ...]:
    return tuple(table_of(kind).columns.keys())


def _said(one: Base) -> dict[str, Any]:
    said = one.__dict__
    return {name: said[name] for name in _names_of(type(one)) if name in said}


@cache
def _key_of(kind: type[Base]) -> tuple[str, ...]:
    return tuple(one.name for one in table_of(kind).primary_key)


def _columns(one: Base, new: bool) -> dict[str, Any]:
    """Return a row by column. A new row's unset columns are NULL, unless the database fills them."""
    said = one.__dict__
    return {
        column: said[name] if name in said else None if new and not filled else getattr(one, name)
        for name, column, filled in attributes_of(type(one))
    }
