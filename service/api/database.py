"""The database: one SQLite file, written by one at a time, every change with its event.

Routes are the request boundary: they open `Database.write` or `Database.read`; repositories
work in the session they are given and never commit.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session

from .change import Change
from .clock import utc_now
from .errors import ServerAlreadyRunning, StoreBusy
from .migrating import upgrade


class Database:
    """An open database.

    Parameters
    ----------
    path
        The file; it and its folder are made, readable by their owner only.
    busy_s
        How long to wait for another writer, s.

    Raises
    ------
    StoreTooNew
        A later version of this software made it.
    """

    def __init__(self, path: Path, *, busy_s: float = 10.0) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._busy_s = busy_s
        self._turn = threading.Lock()
        self._engine = _engine(path, busy_s)
        self._writing = self._engine.execution_options(opioscan_immediate=True)
        try:
            with self._writing.begin() as connection:
                upgrade(connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session on one consistent state; what is written in it is thrown away."""
        with Session(self._engine) as session:
            yield session

    @contextmanager
    def write(self, actor: str) -> Iterator[Change]:
        """Open a transaction that has the database alone, and commit it at the end.

        Raises
        ------
        StoreBusy
            Another writer did not finish in time.
        UnrecordedChange
            Something was changed and no event after it tells of it; nothing was written.
        """
        if not self._turn.acquire(timeout=self._busy_s):
            raise StoreBusy(f"the database was busy for {self._busy_s:g} s; try again")
        try:
            with Session(self._writing, expire_on_commit=False) as session, session.begin():
                session.connection()
                yield Change(session, actor, utc_now())
        finally:
            self._turn.release()


def _engine(path: Path, busy_s: float) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": busy_s, "isolation_level": None}, pool_size=8
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: object) -> None:
    # https://www.sqlite.org/pragma.html: FULL syncs the log at each commit, so that an answer
    # that was given survives a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("opioscan_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def only_server(db_path: Path) -> Iterator[None]:
    """Hold the lock that one server process alone may have, beside the database.

    Raises
    ------
    ServerAlreadyRunning
        Another process holds it.
    """
    path = db_path.with_name(db_path.name + ".lock")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServerAlreadyRunning(
                f"another server has {db_path}: stop it, or give another --db"
            ) from error
        yield
    finally:
        os.close(descriptor)
