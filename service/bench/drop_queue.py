"""Scans of dropped files by what became of them: waiting for an officer, joined, verified or discarded.

One SQLite file, every change a transaction flushed to the disk. A scan waits here until a person says which
item it is of; no time and no order ever says it.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import AgentRefused, OutboxError
from .notes import rfc3339, utc_now

#: How long a writer waits for another one, s.
BUSY_S = 10.0
#: Settled entries that `DropQueue.settled` returns at most.
SHOWN = 50
_APPLICATION_ID = 0x4F50_4944 + 1
_VERSION = 1
_SCHEMA = """
CREATE TABLE drops (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    scan_id TEXT NOT NULL UNIQUE,
    device TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'joined', 'verified', 'discarded')),
    original TEXT NOT NULL,
    facts TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT '{}',
    settled_at TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX drops_by_state ON drops (state, seq);
"""
_COLUMNS = "scan_id, device, state, original, facts, outcome, settled_at"


class DropUnknown(AgentRefused):
    """No scan of that id waits in the queue of dropped files."""

    code, status = "drop_unknown", 404


@dataclass(frozen=True, slots=True)
class Drop:
    """One scan of a dropped file."""

    scan_id: str
    """Content address of the scan as it arrived, of no item."""
    device: str
    """Name of the configured device."""
    state: str
    """``waiting``, ``joined``, ``verified`` or ``discarded``."""
    original: str
    """SHA-256 of its file."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What is shown of it, JSON values."""
    outcome: dict[str, Any] = field(default_factory=dict)
    """What became of it, JSON values."""
    settled_at: str = ""
    """When, RFC 3339 in UTC; empty while it waits."""


class DropQueue:
    """The queue in one file; every call opens and closes it, so that threads may share it.

    Parameters
    ----------
    path
        The SQLite file; made with its folder when missing.

    Raises
    ------
    OutboxError
        The file is no such queue, of a later version, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.deciding = threading.Lock()
        """Held while somebody decides about a scan: two decisions would make two records of it."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._transaction() as database:
            if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                database.execute(f"PRAGMA user_version = {_VERSION}")
            ours = database.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
            if not ours or database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                raise OutboxError(f"{path} is no queue of this version ({_VERSION}); move it away")

    def add(self, drop: Drop) -> None:
        """Let a scan wait; one that is known already changes nothing."""
        with self._transaction() as database:
            database.execute(
                "INSERT OR IGNORE INTO drops (scan_id, device, state, original, facts)"
                " VALUES (?, ?, 'waiting', ?, ?)",
                (drop.scan_id, drop.device, drop.original, json.dumps(drop.facts)),
            )

    def waiting(self) -> tuple[Drop, ...]:
        """Return what waits, oldest first."""
        query = f"SELECT {_COLUMNS} FROM drops WHERE state = 'waiting' ORDER BY seq"  # noqa: S608
        with self._transaction() as database:
            return tuple(map(_drop, database.execute(query).fetchall()))

    def settled(self) -> tuple[Drop, ...]:
        """Return what became of the last scans, newest first."""
        order = "ORDER BY settled_at DESC, seq DESC LIMIT ?"
        query = f"SELECT {_COLUMNS} FROM drops WHERE state != 'waiting' {order}"  # noqa: S608
        with self._transaction() as database:
            return tuple(map(_drop, database.execute(query, (SHOWN,)).fetchall()))

    def get(self, scan_id: str) -> Drop | None:
        """Return the entry of a scan, whatever its state; None for one that never was here."""
        query = f"SELECT {_COLUMNS} FROM drops WHERE scan_id = ?"  # noqa: S608
        with self._transaction() as database:
            row = database.execute(query, (scan_id,)).fetchone()
        return None if row is None else _drop(row)

    def need(self, scan_id: str) -> Drop:
        """Return a scan that waits; raises `DropUnknown`.

        The first digits of its id are enough where they belong to one scan alone.
        """
        found = [drop for drop in self.waiting() if drop.scan_id.startswith(scan_id or "?")]
        if len(scan_id) < 4 or len(found) != 1:
            why = "several scans begin so" if len(found) > 1 else "it was settled before, or never came"
            raise DropUnknown(f"no dropped scan {scan_id[:64]!r} waits: {why}; see 'opioscan drop list'")
        return found[0]

    def settle(self, scan_id: str, state: str, outcome: dict[str, Any]) -> None:
        """Note what became of a waiting scan; raises `DropUnknown` when somebody settled it meanwhile."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE drops SET state = ?, outcome = ?, settled_at = ?"
                " WHERE scan_id = ? AND state = 'waiting'",
                (state, json.dumps(outcome), rfc3339(utc_now()), scan_id),
            ).rowcount
        if not changed:
            raise DropUnknown(f"dropped scan {scan_id[:12]} does not wait any more")

    def complete_outcome(self, scan_id: str, outcome: dict[str, Any]) -> None:
        """Replace the outcome of a scan that was settled."""
        with self._transaction() as database:
            database.execute("UPDATE drops SET outcome = ? WHERE scan_id = ?", (json.dumps(outcome), scan_id))

    def annotate(self, original: str, facts: dict[str, Any]) -> None:
        """Add facts to the waiting scans of a file."""
        with self._transaction() as database:
            query = "SELECT scan_id, facts FROM drops WHERE original = ? AND state = 'waiting'"
            for scan_id, text in database.execute(query, (original,)).fetchall():
                both = json.dumps({**json.loads(text), **facts})
                database.execute("UPDATE drops SET facts = ? WHERE scan_id = ?", (both, scan_id))

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
        except sqlite3.Error as error:
            raise OutboxError(f"{self.path} cannot be used: {error}") from error


def _drop(row: tuple[Any, ...]) -> Drop:
    fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
    facts, outcome = json.loads(fields.pop("facts")), json.loads(fields.pop("outcome"))
    return Drop(**fields, facts=facts, outcome=outcome)
