"""The pending operations of one lane while they are sent: the next one, and how each ended.

One connection for the whole attempt. What is noted here may be lost with the power and is then sent
again, which the server's idempotent requests allow; what waits was flushed to the disk when it was added.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .notes import rfc3339_ms
from .outbox_file import OutboxFile
from .outbox_ops import NO_ANSWER, Lane, OutboxOp, Patience
from .outbox_rows import COLUMNS, op_of

_ASIDE = "SELECT chain FROM ops WHERE aside_until IS NOT NULL AND state = 'pending'"
# Where the clock was set back, a wait longer than any is over.
_HELD = f"{_ASIDE} AND aside_until > :now AND aside_until <= :latest"
# What was set aside and is due comes last: one that is not answered takes the time of all behind it.
_NEXT = {
    lane: tuple(
        f"SELECT {COLUMNS} FROM ops WHERE state = 'pending' AND file_id IS {which} AND chain NOT IN ({held})"  # noqa: S608
        " ORDER BY seq LIMIT 1"
        for held in (_ASIDE, _HELD)
    )
    for lane, which in ((Lane.RECORDS, "NULL"), (Lane.FILES, "NOT NULL"))
}


class Outgoing:
    """What waits, in the order in which it is sent; chains with an operation set aside are passed over.

    Parameters
    ----------
    database
        A session of the outbox's file.
    lane
        Which part of it.
    patience
        When an operation is set aside.
    """

    def __init__(self, database: sqlite3.Connection, lane: Lane, patience: Patience) -> None:
        self._database = database
        self._lane = lane
        self._patience = patience

    def next(self) -> OutboxOp | None:
        """Return the operation to be sent next, None when nothing may be."""
        now = time.time()
        limits = {"now": now, "latest": now + self._patience.again_s}
        found = (self._database.execute(question, limits).fetchone() for question in _NEXT[self._lane])
        return next((op_of(row) for row in found if row is not None), None)

    def done(self, key: str, status: int) -> None:
        """Note that the server has an operation."""
        self._settle(key, "done", status, "")

    def refused(self, key: str, status: int, detail: str) -> None:
        """Note that the server said no to an operation; it is kept."""
        self._settle(key, "refused", status, detail)

    def failed(self, key: str, status: int, detail: str) -> bool:
        """Note that the server failed at an operation; return whether it is set aside now.

        Only answers 5xx count against it, and that none came where the server answers other requests
        (`NO_ANSWER`): a refused token or a silent network says nothing of it.
        """
        now, counted = time.time(), status >= 500 or status == NO_ANSWER
        with self._one_commit():
            self._database.execute(
                "UPDATE ops SET status = ?, detail = ?, attempts = attempts + 1 WHERE key = ?",
                (status, detail, key),
            )
            if not counted:
                return False
            failures, since = self._database.execute(
                "UPDATE ops SET failures = failures + 1, failing_since = coalesce(failing_since, ?)"
                " WHERE key = ? RETURNING failures, failing_since",
                (now, key),
            ).fetchone()
            aside = failures >= self._patience.failures and abs(now - since) >= self._patience.over_s
            if aside:
                until = now + self._patience.again_s
                self._database.execute("UPDATE ops SET aside_until = ? WHERE key = ?", (until, key))
        return bool(aside)

    def _settle(self, key: str, state: str, status: int, detail: str) -> None:
        self._database.execute(
            "UPDATE ops SET state = ?, status = ?, detail = ?, settled_at = ?, attempts = attempts + 1,"
            " failures = 0, failing_since = NULL, aside_until = NULL WHERE key = ?",
            (state, status, detail, rfc3339_ms(), key),
        )

    @contextmanager
    def _one_commit(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


@contextmanager
def outgoing(file: OutboxFile, lane: Lane, patience: Patience) -> Iterator[Outgoing]:
    """Yield what waits in a lane of a file, for the time of one attempt to send it."""
    with file.session() as database:
        yield Outgoing(database, lane, patience)
