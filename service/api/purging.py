"""Erasing personal data whose time is over: in batches, each with one event."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from .change import Change
from .database import Database
from .personal import PersonalData, class_of, present, to_erase
from .tables import Base, IdempotencyKey, LegalHold

#: Rows erased in one transaction: other writers wait for some tens of milliseconds (chosen).
BATCH = 500


@dataclass(frozen=True, slots=True)
class Purged:
    """What was erased, or would be."""

    rows: dict[str, int]
    """Rows by table."""
    holds_kept: int
    """Legal holds that kept personal data from it."""
    before: str
    """Moment before which parcels had to be done with."""


def count_purgeable(session: Session, before: str) -> Purged:
    """Return what `purge` would erase."""
    rows = {
        name: session.scalar(select(func.count()).select_from(class_of(name)).where(to_erase(name, before)))
        or 0
        for name in present()
    }
    return Purged(rows, _holds(session), before)


def purge(
    database: Database, actor: str, before: str, *, told: Callable[[float], None] = lambda _: None
) -> Purged:
    """Erase personal data of parcels that were done with before a moment and are under no legal hold.

    On SQLite what is erased is overwritten in the file and in its log. Answers kept for repeats of requests
    (idempotency keys) of before that moment go as well, because they may name people.

    Parameters
    ----------
    database
        Of a server that may be running.
    before
        RFC 3339 in UTC with microseconds.
    told
        Is called with the number of rows of each batch.
    """
    rows: dict[str, int] = {}
    for name, said in present().items():
        for many in _batches(database, actor, name, said, before):
            rows[name] = rows.get(name, 0) + many
            told(many)
    with database.write(actor) as change:
        _overwrite(change.session)
        change.session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < before))
    with database.read() as session:
        if _is_sqlite(session):
            # Pages with what was erased stay in the log until it is begun anew.
            session.connection().exec_driver_sql("COMMIT")
            session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            session.connection().exec_driver_sql("BEGIN")
        return Purged(rows, _holds(session), before)


def _batches(database: Database, actor: str, name: str, said: PersonalData, before: str) -> Iterator[int]:
    kind = class_of(name)
    while True:
        with database.write(actor) as change:
            _overwrite(change.session)
            # Asked again in each transaction: a hold placed meanwhile counts.
            found = change.session.scalars(select(kind).where(to_erase(name, before)).limit(BATCH)).all()
            if not found:
                return
            for row in found:
                _erase(change, row, said)
            data: dict[str, Any] = {
                "what": {name: len(found)},
                "before": before,
                "holds_kept": _holds(change.session),
            }
            change.record("personal.purged", "personal", data)
        yield len(found)


def _erase(change: Change, row: Base, said: PersonalData) -> None:
    if said.erased is None:
        change.session.delete(row)
        return
    for name, empty in said.erased.items():
        setattr(row, name, empty)


def _holds(session: Session) -> int:
    wanted = select(func.count()).select_from(LegalHold).where(LegalHold.lifted_at.is_(None))
    return session.scalar(wanted) or 0


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _overwrite(session: Session) -> None:
    # https://www.sqlite.org/pragma.html#pragma_secure_delete: deleted content is overwritten with zeros.
    if _is_sqlite(session):
        session.connection().exec_driver_sql("PRAGMA secure_delete=ON").close()
