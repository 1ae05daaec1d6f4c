"""Writers of one process that share a commit: one flush to the disk for all who wait for it.

Writers work one after the other in one transaction, each in a savepoint of its own. Whoever ends and sees
others waiting leaves the commit to them; the last one commits for all, and only then is anybody answered. An
error in one rolls back its savepoint alone; a commit that fails, fails for all of them.

While one group is flushed the next writers gather, so that nobody waits for company.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection, RootTransaction

from .errors import StoreBusy

#: How long writers may go on joining a group, s (chosen: some flushes of a slow disk).
LONGEST_S = 0.02


@dataclass(slots=True)
class _Group:
    """One transaction and who is in it."""

    connection: Connection
    transaction: RootTransaction
    began: float = field(default_factory=time.monotonic)
    members: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    def alive(self) -> bool:
        """Whether the transaction is still the one that began."""
        if self.connection.invalidated:
            return False
        # SQLite ends a transaction by itself where the disk is full or fails
        # (https://www.sqlite.org/lang_transaction.html); what came before is lost with it.
        driver = self.connection.connection.driver_connection
        return self.transaction.is_active and getattr(driver, "in_transaction", True)

    def finish(self) -> None:
        """Commit for everybody who is in it; a group of nobody is rolled back."""
        try:
            if not self.alive():
                raise StoreBusy("the database gave up a transaction; nothing was written, try again")
            if self.members:
                self.transaction.commit()
        except BaseException as error:
            self.error = error
            # Whatever state the driver is in, nobody begins on this connection again.
            with suppress(Exception):
                self.connection.invalidate()
        finally:
            with suppress(Exception):
                self.connection.close()
            self.done.set()


class Writers:
    """The turns of the writers of one process.

    Parameters
    ----------
    begin
        Opens a connection in a transaction that has the database alone.
    wait_s
        How long to wait for a turn, s.
    """

    def __init__(self, begin: Callable[[], Connection], wait_s: float) -> None:
        self._begin = begin
        self._wait_s = wait_s
        self._turn = threading.Condition()
        self._held = False
        self._queue = 0
        self._group: _Group | None = None

    @contextmanager
    def turn(self) -> Iterator[Connection]:
        """Have the database alone on a connection that is in a transaction; on leaving, all is committed.

        Whoever works in it makes a savepoint, and rolls back to it on an error.

        Raises
        ------
        StoreBusy
            Other writers did not finish in time.
        """
        self._enter()
        try:
            group = self._group = self._group or self._new()
        except BaseException:
            self._pass_on()
            raise
        try:
            yield group.connection
        except BaseException:
            self._leave(group)
            raise
        group.members += 1
        self._leave(group)
        group.done.wait()
        if group.error is not None:
            raise group.error

    def _enter(self) -> None:
        with self._turn:
            self._queue += 1
            try:
                free = self._turn.wait_for(lambda: not self._held, self._wait_s)
            except BaseException:
                # Interrupted, perhaps with others who wait for the commit that was left to this one.
                if self._queue == 1 and not self._held and self._group is not None:
                    self._group.finish()
                    self._group = None
                raise
            finally:
                self._queue -= 1
            if not free:
                raise StoreBusy(f"the database was busy for {self._wait_s:g} s; try again")
            self._held = True

    def _new(self) -> _Group:
        connection = self._begin()
        transaction = connection.get_transaction()
        assert transaction is not None, "a connection is handed over in a transaction"
        return _Group(connection, transaction)

    def _leave(self, group: _Group) -> None:
        with self._turn:
            # Whoever is counted in the queue takes the turn as soon as it is free: the look at the
            # queue and the passing on are one step, so that a group is never left alone.
            if self._queue and time.monotonic() - group.began < LONGEST_S and group.alive():
                self._held = False
                self._turn.notify()
                return
        self._group = None
        group.finish()
        self._pass_on()

    def _pass_on(self) -> None:
        with self._turn:
            self._held = False
            self._turn.notify()
