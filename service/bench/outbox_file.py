"""The SQLite file below the outbox: connections, transactions and their errors."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiskFull, OutboxError
from .outbox_schema import is_ours, prepare

#: How long a writer waits for another one, s.
BUSY_S = 10.0

#: With less than this free, an I/O error is put down to the full disk, bytes.
_NO_ROOM = 128 * 1024


class OutboxFile:
    """One SQLite file, opened and closed by every transaction.

    Parameters
    ----------
    path
        The file; made with its folder when missing.

    Raises
    ------
    OutboxError
        The file is no outbox, of a later version, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutboxError(f"{path.parent}: {error.strerror}") from error
        with self.transaction(check=False) as database:
            prepare(database, self.path)

    @contextmanager
    def transaction(self, *, check: bool = True) -> Iterator[sqlite3.Connection]:
        """Run a block as one transaction on a connection of its own.

        Parameters
        ----------
        check
            Whether to make sure first that the file is an outbox.

        Raises
        ------
        OutboxError
            The file cannot be used.
        DiskFull
            There is no room; nothing was changed.
        """
        try:
            database = self._connect()
            try:
                database.execute("BEGIN IMMEDIATE")
                if check and not is_ours(database):
                    raise OutboxError(f"{self.path} was replaced by something that is no outbox")
                yield database
                database.execute("COMMIT")
            finally:
                # An open transaction is rolled back.
                database.close()
        except sqlite3.Error as error:
            raise self._explained(error) from error

    @contextmanager
    def session(self) -> Iterator[sqlite3.Connection]:
        """Keep a connection open for the time of a block, each of whose statements commits by itself.

        Its commits outlive a kill of the process but may be undone by a loss of power (WAL with
        ``synchronous=NORMAL``, https://sqlite.org/pragma.html#pragma_synchronous): for notes that may be
        made twice, such as "the server has it", which need no flush to the disk each.

        Raises
        ------
        OutboxError
            The file cannot be used.
        DiskFull
            There is no room; the last statement changed nothing.
        """
        try:
            database = self._connect()
            try:
                if not is_ours(database):
                    raise OutboxError(f"{self.path} was replaced by something that is no outbox")
                database.execute("PRAGMA synchronous = NORMAL")
                yield database
            finally:
                database.close()
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def held(self) -> sqlite3.Connection:
        """Return a connection to be kept open, and closed, by a program that uses the file often.

        The last connection to be closed moves the write-ahead log into the file and removes it
        (https://sqlite.org/wal.html#ckpt), which takes several flushes to the disk; beside an open one a
        transaction takes the one that makes it durable. Any thread may close it; it does nothing else.

        Raises
        ------
        OutboxError
            The file cannot be used.
        """
        try:
            return self._connect(check_same_thread=False)
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _connect(self, *, check_same_thread: bool = True) -> sqlite3.Connection:
        database = sqlite3.connect(
            self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=check_same_thread
        )
        try:
            _use_wal(database, time.monotonic() + BUSY_S)
            database.execute("PRAGMA synchronous = FULL")
        except BaseException:
            database.close()
            raise
        return database

    def _explained(self, error: sqlite3.Error) -> OutboxError | DiskFull:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        # The write-ahead log's index needs room too; SQLite calls the lack of it an I/O error.
        no_room = code == sqlite3.SQLITE_IOERR and shutil.disk_usage(self.path.parent).free < _NO_ROOM
        if code == sqlite3.SQLITE_FULL or no_room:
            return DiskFull(
                f"no room for {self.path.name} on the disk of {self.path.parent}; free some space"
            )
        if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            return OutboxError(f"{self.path} is damaged ({error}); keep it for recovery and move it away")
        return OutboxError(f"{self.path} cannot be used: {error}")


def _use_wal(database: sqlite3.Connection, deadline: float) -> None:
    """Switch to the write-ahead log; SQLite does not wait by itself while another one switches."""
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
