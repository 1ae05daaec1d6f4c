"""What the server has still to hear: kept on the bench's disk until the server has it.

One SQLite file, every change a transaction flushed to the disk (WAL, ``synchronous=FULL``): after
a SIGKILL at any moment an operation is in the outbox or it is not, and one that the server
may have taken without our noting it is sent again, which the server's idempotent PUTs allow.
Several processes may use the file; one at a time sends a lane of it (`flock` on a file beside it).
Nothing is ever dropped: what the server refuses stays, is shown, and can be tried again; what it fails at
or never answers is set aside with the rest of its screening, and tried again by itself.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from .notes import rfc3339_ms
from .outbox_file import OutboxFile
from .outbox_ops import AsideOp, FlushReport, Lane, OutboxOp, Patience, RefusedOp, SendReply
from .outbox_rows import COLUMNS, insert, op_of, rest_of, rows_of
from .outgoing import Outgoing, outgoing
from .sending import Send, flush, flush_all

__all__ = [
    "AsideOp",
    "FlushReport",
    "Lane",
    "Outbox",
    "OutboxOp",
    "Patience",
    "RefusedOp",
    "Send",
    "SendReply",
]

_ASIDE = (
    f"SELECT {COLUMNS}, status, detail, failures, aside_until,"  # noqa: S608
    " (SELECT count(*) FROM ops held WHERE held.chain = ops.chain AND held.state = 'pending'"
    " AND held.seq >= ops.seq)"
    " FROM ops WHERE aside_until IS NOT NULL AND state = 'pending' ORDER BY seq"
)


class Outbox:
    """The outbox in one file.

    Every call opens and closes the file, so that threads and processes may share an outbox.

    Parameters
    ----------
    path
        The SQLite file; made with its folder when missing.

    Raises
    ------
    OutboxError
        The file is no outbox, of a later version, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = OutboxFile(path)

    def held(self) -> sqlite3.Connection:
        """Return a connection that makes every change cheaper while it is open; see `OutboxFile.held`."""
        return self._file.held()

    def add(self, ops: Sequence[OutboxOp], *, closes: str = "") -> int:
        """Keep operations to be sent in this order, all of them or none.

        Parameters
        ----------
        ops
            Operations; those whose key is known with the same content are skipped.
        closes
            Item whose open screening ends with these operations; empty for none.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        OtherBody
            A key was used before for something else; nothing was kept.
        OutboxError
            An operation has no JSON form, or names both kinds of body.
        DiskFull
            There is no room.
        """
        rows = rows_of(ops)
        with self._file.transaction() as database:
            added = sum(insert(database, row) for row in rows)
            if closes:
                database.execute("DELETE FROM state WHERE key = ?", (f"screening:{closes}",))
        return added

    def pending(self) -> tuple[OutboxOp, ...]:
        """Return what waits, in the order in which it will be sent."""
        with self._file.transaction() as database:
            rows = database.execute(f"SELECT {COLUMNS} FROM ops WHERE state = 'pending' ORDER BY seq")  # noqa: S608
            return tuple(map(op_of, rows))

    def refused(self) -> tuple[RefusedOp, ...]:
        """Return what the server said no to, oldest first."""
        query = f"SELECT {COLUMNS}, status, detail, settled_at FROM ops WHERE state = 'refused' ORDER BY seq"  # noqa: S608
        with self._file.transaction() as database:
            return tuple(RefusedOp(op_of(row), *rest_of(row)) for row in database.execute(query))

    def aside(self) -> tuple[AsideOp, ...]:
        """Return what was set aside because the server fails at it or does not answer it, oldest first."""
        with self._file.transaction() as database:
            rows = database.execute(_ASIDE).fetchall()
        return tuple(_aside(row) for row in rows)

    def results_waiting(self) -> int:
        """Return how many results the server does not have yet."""
        query = "SELECT count(*) FROM ops WHERE state = 'pending' AND result_of IS NOT NULL"
        with self._file.transaction() as database:
            return int(database.execute(query).fetchone()[0])

    def counts(self) -> dict[str, int]:
        """Return how many operations are ``pending``, ``done`` and ``refused``."""
        with self._file.transaction() as database:
            found = dict(database.execute("SELECT state, count(*) FROM ops GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in ("pending", "done", "refused")}

    def oldest_pending(self) -> str | None:
        """Return when the oldest operation that waits was added, RFC 3339 in UTC; None where none does."""
        query = "SELECT added_at FROM ops WHERE state = 'pending' ORDER BY seq LIMIT 1"
        with self._file.transaction() as database:
            row = database.execute(query).fetchone()
        return None if row is None else str(row[0])

    def has_result(self, scan_id: str) -> bool:
        """Return whether a result of that scan was ever put into the outbox."""
        with self._file.transaction() as database:
            query = "SELECT 1 FROM ops WHERE result_of = ? LIMIT 1"
            return database.execute(query, (scan_id,)).fetchone() is not None

    def open_screening(self, item: str) -> str:
        """Return the id of an item's open screening, opening one where none is.

        Items without a label cannot be told apart: each call gets a screening of its own.
        """
        fresh = str(uuid4())
        if not item:
            return fresh
        with self._file.transaction() as database:
            database.execute("INSERT OR IGNORE INTO state VALUES (?, ?)", (f"screening:{item}", fresh))
            return _state(database, f"screening:{item}") or fresh

    def screening_of(self, item: str) -> str | None:
        """Return the id of an item's open screening, None where none is open."""
        with self._file.transaction() as database:
            return _state(database, f"screening:{item}")

    def open_screenings(self) -> dict[str, str]:
        """Return the id of every open screening by its item."""
        return self.states("screening:")

    def close_screening(self, item: str) -> None:
        """Forget an item's open screening; the next one will be new."""
        self.set_state(f"screening:{item}", None)

    def states(self, prefix: str) -> dict[str, str]:
        """Return the small values whose keys begin with a prefix, by the rest of their keys."""
        query = "SELECT substr(key, ?), value FROM state WHERE substr(key, 1, ?) = ? ORDER BY key"
        with self._file.transaction() as database:
            found = database.execute(query, (len(prefix) + 1, len(prefix), prefix)).fetchall()
        return dict(found)

    def get_state(self, key: str) -> str | None:
        """Return a small value kept with the outbox, None where it was never set."""
        with self._file.transaction() as database:
            return _state(database, key)

    def set_state(self, key: str, value: str | None) -> None:
        """Keep a small value with the outbox; None removes it."""
        with self._file.transaction() as database:
            database.execute("DELETE FROM state WHERE key = ?", (key,))
            if value is not None:
                database.execute("INSERT INTO state VALUES (?, ?)", (key, value))

    def flush(
        self, send: Send, *, lane: Lane | None = None, force: bool = False, patience: Patience | None = None
    ) -> FlushReport:
        """Send what waits, in order, until nothing is left or the server is out of reach.

        Parameters
        ----------
        send
            Sends one operation; see `service.bench.uplink`.
        lane
            Which part of it; None for all, one after the other.
        force
            Send even if the pause after the last failure is not over.
        patience
            When an operation at which the server fails is set aside.
        """
        known = patience or Patience()
        if lane is None:
            return flush_all(self, send, force=force, patience=known)
        return flush(self, send, lane=lane, force=force, patience=known)

    def state_of(self, key: str) -> str | None:
        """Return ``pending``, ``done`` or ``refused``; None for an operation that is not known."""
        with self._file.transaction() as database:
            row = database.execute("SELECT state FROM ops WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def outgoing(self, lane: Lane, patience: Patience) -> AbstractContextManager[Outgoing]:
        """Return what waits in a lane, for the time of one attempt to send it."""
        return outgoing(self._file, lane, patience)

    def retry_aside(self) -> int:
        """Let everything set aside be tried at the next attempt, and return how many operations that are."""
        with self._file.transaction() as database:
            query = "UPDATE ops SET aside_until = NULL WHERE aside_until IS NOT NULL"
            return database.execute(query).rowcount

    def retry_refused(self) -> int:
        """Put every refused operation back among those that wait, and return how many."""
        with self._file.transaction() as database:
            return database.execute("UPDATE ops SET state = 'pending' WHERE state = 'refused'").rowcount


def _state(database: sqlite3.Connection, key: str) -> str | None:
    row = database.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _aside(row: Sequence[Any]) -> AsideOp:
    status, detail, failures, until, held = rest_of(row)
    at = rfc3339_ms(datetime.fromtimestamp(until, UTC))
    return AsideOp(op_of(row), status, detail, failures, at, held)
