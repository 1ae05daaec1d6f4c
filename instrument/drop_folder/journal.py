"""What arrived, by content: so that plugging a device in again imports nothing twice.

One SQLite file in our own home, every change a transaction flushed to the disk. Content is noted as soon as
its bytes are on our disk; an arrival waits here until whoever imports it says that it is done, so that a
kill at any moment costs nothing.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InstrumentError

#: How long a writer waits for another one, s.
BUSY_S = 10.0
_APPLICATION_ID = 0x4F50_4944  # "OPID", shown by file(1)
_VERSION = 1
_SCHEMA = """
CREATE TABLE contents (
    sha256 TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'quarantined', 'late')),
    noted_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE arrivals (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    described TEXT NOT NULL
) STRICT;
"""


class JournalDamaged(InstrumentError, OSError):
    """The journal of what arrived cannot be used."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An arrival as it is noted, without bytes."""

    arrival_id: str
    """Digest of what is new in it."""
    described: dict[str, Any]
    """Its files and times, JSON values."""


class Journal:
    """The journal in one file; every call opens and closes it, so that threads and processes may share it.

    Parameters
    ----------
    path
        The SQLite file; made when missing.

    Raises
    ------
    JournalDamaged
        The file is no journal, of a later version, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._transaction() as database:
            tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not tables:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                database.execute(f"PRAGMA user_version = {_VERSION}")
            ours = database.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
            if not ours or database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                raise JournalDamaged(f"{path} is no journal of this version ({_VERSION}); move it away")

    def state_of(self, sha256: str) -> str | None:
        """Return what became of some content: waiting, done, quarantined or late; None for new content."""
        with self._transaction() as database:
            row = database.execute("SELECT state FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
        return None if row is None else str(row[0])

    def admit(self, noted: Noted, source: str, contents: Sequence[tuple[str, str]], *, at: str) -> None:
        """Note an arrival and its new contents (digest, name), all or nothing; again changes nothing."""
        text = json.dumps(noted.described, sort_keys=True)
        with self._transaction() as database:
            database.execute(
                "INSERT OR IGNORE INTO arrivals (id, source, described) VALUES (?, ?, ?)",
                (noted.arrival_id, source, text),
            )
            database.executemany(
                "INSERT OR IGNORE INTO contents VALUES (?, ?, 'waiting', ?)",
                [(sha256, name, at) for sha256, name in contents],
            )

    def note(self, sha256: str, name: str, state: str, *, at: str) -> None:
        """Note what became of some content."""
        with self._transaction() as database:
            database.execute(
                "INSERT INTO contents VALUES (?, ?, ?, ?)"
                " ON CONFLICT (sha256) DO UPDATE SET state = excluded.state",
                (sha256, name, state, at),
            )

    def waiting(self, source: str) -> tuple[Noted, ...]:
        """Return the arrivals of a source that nobody has imported yet, oldest first."""
        query = "SELECT id, described FROM arrivals WHERE source = ? ORDER BY seq"
        with self._transaction() as database:
            rows = database.execute(query, (source,)).fetchall()
        return tuple(Noted(str(name), json.loads(text)) for name, text in rows)

    def finish(self, arrival_id: str, contents: Sequence[str]) -> None:
        """Take an arrival off the list; of its contents, those still waiting are done."""
        with self._transaction() as database:
            database.executemany(
                "UPDATE contents SET state = 'done' WHERE sha256 = ? AND state = 'waiting'",
                [(sha256,) for sha256 in contents],
            )
            database.execute("DELETE FROM arrivals WHERE id = ?", (arrival_id,))

    def forget(self, arrival_id: str, contents: Sequence[str]) -> None:
        """Take an arrival off the list as if it had never come, so that it may come again."""
        with self._transaction() as database:
            database.executemany(
                "DELETE FROM contents WHERE sha256 = ? AND state = 'waiting'", [(one,) for one in contents]
            )
            database.execute("DELETE FROM arrivals WHERE id = ?", (arrival_id,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            database = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
            try:
                database.execute("PRAGMA synchronous = FULL")
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
            finally:
                # An open transaction is rolled back.
                database.close()
        except (sqlite3.Error, ValueError) as error:
            raise JournalDamaged(f"{self.path} cannot be used: {error}") from error
