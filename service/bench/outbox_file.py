"""The SQLite file below the outbox: schema, connections, transactions and their errors."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiskFull, OutboxError

#: How long a writer waits for another one, s.
BUSY_S = 10.0

#: With less than this free, an I/O error is put down to the full disk, bytes.
_NO_ROOM = 128 * 1024
_APPLICATION_ID = 0x4F50_494F  # "OPIO", shown by file(1)
_VERSION = 1
_SCHEMA = """
CREATE TABLE ops (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    json TEXT,
    scan_id TEXT,
    result_of TEXT,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'refused')),
    status INTEGER,
    detail TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    added_at TEXT NOT NULL,
    settled_at TEXT
) STRICT;
CREATE INDEX ops_by_state ON ops (state, seq);
CREATE INDEX ops_by_result ON ops (result_of) WHERE result_of IS NOT NULL;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
# Came later; a program that does not know it is not disturbed by it, so that the version stays.
_ADDED = """
CREATE TABLE IF NOT EXISTS attempts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    screening_id TEXT NOT NULL,
    item TEXT NOT NULL,
    spot INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    device TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('begun', 'done', 'aborted')),
    scan_id TEXT NOT NULL DEFAULT '',
    words TEXT NOT NULL DEFAULT '',
    found TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS attempts_by_screening ON attempts (screening_id, spot, attempt);
CREATE INDEX IF NOT EXISTS attempts_by_item ON attempts (item, seq);
CREATE INDEX IF NOT EXISTS attempts_begun ON attempts (state) WHERE state = 'begun';
CREATE INDEX IF NOT EXISTS attempts_by_device ON attempts (device, seq);
CREATE TABLE IF NOT EXISTS verifications (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    control TEXT NOT NULL CHECK (control IN ('positive', 'negative')),
    verdict TEXT NOT NULL CHECK (verdict IN ('passed', 'failed', 'no_verdict')),
    scan_id TEXT NOT NULL,
    standard TEXT NOT NULL,
    at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    due_why TEXT NOT NULL,
    after_seq INTEGER NOT NULL,
    axis_id TEXT NOT NULL,
    intensity_id TEXT NOT NULL,
    temperatures TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS verifications_by_device ON verifications (device, seq);
CREATE TABLE IF NOT EXISTS flags (
    flag_id TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    verification TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    result_ids TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS flags_by_verification ON flags (verification);
CREATE TABLE IF NOT EXISTS used_results (
    result_id TEXT PRIMARY KEY,
    scan_id TEXT NOT NULL,
    screening_id TEXT NOT NULL,
    item TEXT NOT NULL,
    verdict TEXT NOT NULL,
    device TEXT NOT NULL,
    training INTEGER NOT NULL,
    emulated INTEGER NOT NULL,
    blank_known INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    at TEXT NOT NULL,
    result_id TEXT NOT NULL REFERENCES used_results,
    part TEXT NOT NULL,
    PRIMARY KEY (kind, value, at, result_id)
) STRICT, WITHOUT ROWID;
"""
# Table → columns that came later; older programs name the columns they know.
_ADDED_COLUMNS = {
    "ops": {
        "file_id": "TEXT",
        # What must reach the server in order: a screening, or what was added together.
        "chain": "TEXT NOT NULL DEFAULT ''",
        "failures": "INTEGER NOT NULL DEFAULT 0",
        "failing_since": "REAL",
        "aside_until": "REAL",
    },
    "attempts": {"operator": "TEXT NOT NULL DEFAULT ''"},
}
_INDEXES = """
CREATE INDEX IF NOT EXISTS ops_aside ON ops (chain) WHERE aside_until IS NOT NULL;
CREATE INDEX IF NOT EXISTS ops_results ON ops (seq) WHERE state = 'pending' AND result_of IS NOT NULL;
CREATE INDEX IF NOT EXISTS attempts_by_scan ON attempts (scan_id);
"""


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
            self._prepare(database)

    def _prepare(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and not tables:
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION or not _is_ours(database):
            raise OutboxError(f"{self.path} is no outbox of this version ({_VERSION}); move it away")
        for statement in _ADDED.split(";"):
            database.execute(statement)
        for table, columns in _ADDED_COLUMNS.items():
            known = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
            for name in columns.keys() - known:
                database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
        for statement in _INDEXES.split(";"):
            database.execute(statement)

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
                if check and not _is_ours(database):
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
                if not _is_ours(database):
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


def _is_ours(database: sqlite3.Connection) -> bool:
    return bool(database.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID)
