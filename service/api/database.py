"""The records of a server: one SQLite file, or one PostgreSQL database.

Whoever writes has the database alone: other writers wait, so that the chain of events has one
order, and reading before writing needs no further lock. Readers never wait. What is written is
on the disk when `Database.write` returns.
"""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from .change import Change
from .clock import utc_now
from .engines import PLAIN, WRITING, open_engine, take_turn
from .errors import ServerAlreadyRunning, StoreBusy
from .failures import explained
from .gathering import gathering
from .group import Writers
from .idempotency import KEEP_DAYS, keep_days
from .migrating import upgrade
from .places import is_url
from .turns import Job, Outcome, Turns


class Database:
    """An open database.

    Parameters
    ----------
    place
        The file, which is made with its folder, readable by their owner only; or a ``postgresql://`` URL.
    busy_s
        How long to wait for another writer, s.
    key_days
        How long an ``Idempotency-Key`` is known, days.

    Raises
    ------
    StoreTooNew
        A later version of this software made it.
    StoreUnreachable, StoreUnsuitable
        The database server does not answer, or its database sorts texts in another way.
    MissingPart
        The driver for PostgreSQL is not installed.
    """

    def __init__(self, place: Path | str, *, busy_s: float = 10.0, key_days: float = KEEP_DAYS) -> None:
        if not is_url(place):
            path = Path(place)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
        self.is_file = not is_url(place)
        self._key_days = key_days
        self._engine = open_engine(place, busy_s)
        self._writing = self._engine.execution_options(**{WRITING: True})
        self._plain = self._engine.execution_options(**{PLAIN: True})
        self._writers = Writers(self._begin, busy_s)
        self._plain_held: Connection | None = None
        self._plain_lock = threading.Lock()
        self.turns = Turns(self._write_all)
        try:
            with _explaining(), self._writing.begin() as connection:
                upgrade(connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self.turns.close()
        with self._plain_lock:
            if self._plain_held is not None:
                self._plain_held.close()
                self._plain_held = None
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session on one consistent state; what is written in it is thrown away.

        Raises
        ------
        StoreUnreachable
            The database server does not answer.
        """
        with _explaining(), Session(self._engine) as session:
            yield session

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """Have a connection for one plain question; a session or a transaction costs more than the answer.

        One to a file is held open: every request asks who sent it, and nearly all from one thread.

        Raises
        ------
        StoreUnreachable
            The database server does not answer.
        """
        # A server would take a held one for a transaction that never ends.
        if not self.is_file or not self._plain_lock.acquire(blocking=False):
            with _explaining(), self._plain.connect() as connection:
                yield connection
            return
        try:
            with _explaining():
                self._plain_held = held = self._plain_held or self._plain.connect()
                yield held
        except BaseException:
            if self._plain_held is not None:
                self._plain_held.invalidate()
                self._plain_held.close()
                self._plain_held = None
            raise
        finally:
            self._plain_lock.release()

    @contextmanager
    def alone(self, lock: int) -> Iterator[bool]:
        """Have a lock that one process at most has, without waiting for it, and say whether it was free.

        A file has one server process only, and so no lock.
        """
        if self.is_file:
            yield True
            return
        with _explaining(), self._plain.connect() as shared:
            # Without a transaction, which the server would end after a minute of silence.
            connection = shared.execution_options(isolation_level="AUTOCOMMIT")
            got = bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({lock})").scalar())
            try:
                yield got
            finally:
                if got:
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({lock})")

    @contextmanager
    def write(self, actor: str) -> Iterator[Change]:
        """Open a transaction that has the database alone, and commit it at the end.

        The commit may be shared with other writers of this process that wait (`group`): answer nobody
        before the block is left.

        Raises
        ------
        StoreBusy
            Another writer did not finish in time.
        StoreUnreachable
            The database server does not answer; whether the change was kept is not known.
        UnrecordedChange
            Something was changed and no event after it tells of it; nothing was written.
        """
        with _explaining(), self._writers.turn() as connection, _savepoint(connection) as session:
            keep_days(session, self._key_days)
            yield Change(session, actor, utc_now())

    def _write_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Make some changes in one transaction, and commit it; one that fails undoes itself alone."""
        with _explaining(), self._writers.turn() as connection:
            together = self._together(connection, jobs) if len(jobs) > 1 else None
            return together or [self._alone(connection, one) for one in jobs]

    def _together(self, connection: Connection, jobs: Sequence[Job]) -> list[Outcome] | None:
        """Make changes in one savepoint; None where one failed, so that all were undone.

        Nearly none fails, and a savepoint and a session for each cost as much as what a result writes.
        """
        outcomes = []
        try:
            with _savepoint(connection) as session, gathering(session):
                keep_days(session, self._key_days)
                for one in jobs:
                    change = Change(session, one.actor, utc_now())
                    outcomes.append(Outcome(one.work(change)))
                    change.watch.check(session)
                    session.expunge_all()
        except Exception:
            return None
        return outcomes

    def _alone(self, connection: Connection, job: Job) -> Outcome:
        try:
            with _explaining(), _savepoint(connection) as session:
                keep_days(session, self._key_days)
                answer = job.work(Change(session, job.actor, utc_now()))
            return Outcome(answer)
        except Exception as error:
            return Outcome(error=error)

    def _begin(self) -> Connection:
        connection = self._writing.connect()
        try:
            connection.begin()
            take_turn(connection)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def _savepoint(connection: Connection) -> Iterator[Session]:
    with (
        Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session,
        session.begin(),
    ):
        session.connection()
        yield session


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise StoreBusy("all connections to the database are in use; try again") from error
    except DBAPIError as error:
        meant = explained(error)
        if meant is None:
            raise
        raise meant from error


@contextmanager
def only_server(place: Path | str) -> Iterator[None]:
    """Hold the lock that one server process alone may have, beside the database file.

    A PostgreSQL database takes any number of server processes.

    Raises
    ------
    ServerAlreadyRunning
        Another process holds it.
    """
    if is_url(place):
        yield
        return
    file = Path(place)
    path = file.with_name(file.name + ".lock")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServerAlreadyRunning(f"another server has {file}: stop it, or give another --db") from error
        yield
    finally:
        os.close(descriptor)
