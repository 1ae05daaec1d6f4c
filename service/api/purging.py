"""Erasing personal data whose time is over: in batches, each with one event."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from .change import Change
from .database import Database
from .personal import PersonalData, class_of, present, to_erase
from .tables import Base, IdempotencyKey, LegalHold, table_of

#: Rows erased in one transaction: other writers wait for some tens of milliseconds (chosen).
BATCH = 500
#: Rows looked at in one question, which holds nobody up (chosen: some tens of milliseconds).
_LOOKED = 5000


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
    database: Database,
    actor: str,
    before: str,
    *,
    told: Callable[[float], None] = lambda _: None,
    ended: Callable[[], bool] = lambda: False,
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
    ended
        Whether to stop after the batch under way; the rest is erased the next time.
    """
    rows: dict[str, int] = {}
    for name, said in present().items():
        for many in _batches(database, actor, name, said, before, ended):
            if many:
                rows[name] = rows.get(name, 0) + many
                told(many)
    if ended():
        with database.read() as session:
            return Purged(rows, _holds(session), before)
    with database.write(actor) as change:
        _overwrite(change.session)
        change.session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < before))
    with database.read() as session:
        if rows and _is_sqlite(session):
            # Pages with what was erased stay in the log until it is begun anew.
            session.connection().exec_driver_sql("COMMIT")
            session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            session.connection().exec_driver_sql("BEGIN")
        return Purged(rows, _holds(session), before)


def _batches(
    database: Database, actor: str, name: str, said: PersonalData, before: str, ended: Callable[[], bool]
) -> Iterator[int]:
    """Look through a table in the order of its keys, and yield how many rows each transaction erased."""
    kind = class_of(name)
    (key,) = table_of(kind).primary_key.columns
    last: Any = None
    while not ended():
        here = select(key).order_by(key).limit(_LOOKED)
        with database.read() as session:
            looked = session.scalars(here if last is None else here.where(key > last)).all()
            if not looked:
                return
            wanted = select(key).where(key >= looked[0], key <= looked[-1], to_erase(name, before))
            found = session.scalars(wanted).all()
        last = looked[-1]
        for start in range(0, len(found), BATCH):
            if ended():
                return
            yield _erase_some(database, actor, name, found[start : start + BATCH], before, said)


def _erase_some(
    database: Database, actor: str, name: str, keys: Sequence[Any], before: str, said: PersonalData
) -> int:
    kind = class_of(name)
    (key,) = table_of(kind).primary_key.columns
    with database.write(actor) as change:
        _overwrite(change.session)
        # Asked again in each transaction: a hold placed meanwhile counts.
        wanted = select(kind).where(key.in_(keys), to_erase(name, before))
        rows = change.session.scalars(wanted).all()
        if not rows:
            return 0
        for row in rows:
            _erase(change, row, said)
        data: dict[str, Any] = {
            "what": {name: len(rows)},
            "before": before,
            "holds_kept": _holds(change.session),
        }
        change.record("personal.purged", "personal", data)
    return len(rows)


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
