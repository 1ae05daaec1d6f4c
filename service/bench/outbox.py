"""What the server has still to hear: kept on the bench's disk until the server has it.

One SQLite file, every change a transaction flushed to the disk (WAL, ``synchronous=FULL``): after
a SIGKILL at any moment an operation is in the outbox or it is not, and one that the server
may have taken without our noting it is sent again, which the server's idempotent PUTs allow.
Several processes may use the file; one at a time sends (`flock` on a file beside it).
Nothing is ever dropped: what the server refuses stays, is shown, and can be tried again.
"""

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import rfc8785

from ..errors import OtherBody, OutboxError
from .outbox_file import OutboxFile
from .outbox_ops import FlushReport, OutboxOp, RefusedOp, SendReply
from .sending import Send, flush

__all__ = ["FlushReport", "Outbox", "OutboxOp", "RefusedOp", "Send", "SendReply"]

#: Largest JSON body kept; an identification takes some tens of kilobytes.
MAX_BODY_BYTES = 4 * 1024 * 1024

_COLUMNS = "key, method, path, json, scan_id"


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
        rows = [_row(op) for op in ops]
        with self._file.transaction() as database:
            added = sum(_insert(database, row) for row in rows)
            if closes:
                database.execute("DELETE FROM state WHERE key = ?", (f"screening:{closes}",))
        return added

    def pending(self) -> tuple[OutboxOp, ...]:
        """Return what waits, in the order in which it will be sent."""
        with self._file.transaction() as database:
            rows = database.execute(f"SELECT {_COLUMNS} FROM ops WHERE state = 'pending' ORDER BY seq")  # noqa: S608
            return tuple(map(_op, rows))

    def refused(self) -> tuple[RefusedOp, ...]:
        """Return what the server said no to, oldest first."""
        query = f"SELECT {_COLUMNS}, status, detail, settled_at FROM ops WHERE state = 'refused' ORDER BY seq"  # noqa: S608
        with self._file.transaction() as database:
            return tuple(RefusedOp(_op(row[:5]), *row[5:]) for row in database.execute(query))

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

    def flush(self, send: Send, *, force: bool = False) -> FlushReport:
        """Send what waits, in order, until nothing is left or the server is out of reach.

        Parameters
        ----------
        send
            Sends one operation; see `service.bench.uplink`.
        force
            Send even if the pause after the last failure is not over.
        """
        return flush(self, send, force=force)

    def state_of(self, key: str) -> str | None:
        """Return ``pending``, ``done`` or ``refused``; None for an operation that is not known."""
        with self._file.transaction() as database:
            row = database.execute("SELECT state FROM ops WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def next_pending(self) -> OutboxOp | None:
        """Return the operation to be sent next, None when nothing waits."""
        query = f"SELECT {_COLUMNS} FROM ops WHERE state = 'pending' ORDER BY seq LIMIT 1"  # noqa: S608
        with self._file.transaction() as database:
            row = database.execute(query).fetchone()
        return None if row is None else _op(row)

    def settle(self, key: str, state: str, *, status: int, detail: str = "") -> None:
        """Note how an operation ended: ``done``, ``refused``, or ``pending`` for one more attempt."""
        settled = None if state == "pending" else _now()
        with self._file.transaction() as database:
            database.execute(
                "UPDATE ops SET state = ?, status = ?, detail = ?, settled_at = ?, attempts = attempts + 1"
                " WHERE key = ?",
                (state, status, detail, settled, key),
            )

    def retry_refused(self) -> int:
        """Put every refused operation back among those that wait, and return how many."""
        with self._file.transaction() as database:
            return database.execute("UPDATE ops SET state = 'pending' WHERE state = 'refused'").rowcount


def _row(op: OutboxOp) -> dict[str, str | None]:
    if not op.key or not op.path.startswith("/"):
        raise OutboxError(f"operation {op.key!r}: it needs a key and a path that starts with /")
    if op.json is not None and op.scan_id is not None:
        raise OutboxError(f"operation {op.key!r} names both a JSON body and a scan")
    try:
        body = None if op.json is None else rfc8785.dumps(dict(op.json)).decode()
    except (ValueError, TypeError, RecursionError) as error:
        raise OutboxError(f"operation {op.key!r} has no JSON form: {error}") from error
    if body is not None and len(body) > MAX_BODY_BYTES:
        raise OutboxError(f"operation {op.key!r} takes {len(body)} characters, more than {MAX_BODY_BYTES}")
    of = op.json.get("scan_id") if op.json is not None and op.path.startswith("/results") else None
    result_of = of if isinstance(of, str) else None
    head: dict[str, str | None] = {"key": op.key, "method": op.method.upper(), "path": op.path}
    return {**head, "json": body, "scan_id": op.scan_id, "result_of": result_of}


def _insert(database: sqlite3.Connection, row: dict[str, str | None]) -> bool:
    known = database.execute(f"SELECT {_COLUMNS} FROM ops WHERE key = ?", (row["key"],)).fetchone()  # noqa: S608
    if known is not None:
        if known != tuple(row[name] for name in _COLUMNS.split(", ")):
            raise OtherBody(f"operation {row['key']!r} is in the outbox already, with another content")
        return False
    database.execute(
        f"INSERT INTO ops ({_COLUMNS}, result_of, added_at)"  # noqa: S608
        " VALUES (:key, :method, :path, :json, :scan_id, :result_of, :added_at)",
        {**row, "added_at": _now()},
    )
    return True


def _op(row: Sequence[Any]) -> OutboxOp:
    key, method, path, body, scan_id = row
    return OutboxOp(key, method, path, None if body is None else json.loads(body), scan_id)


def _state(database: sqlite3.Connection, key: str) -> str | None:
    row = database.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
