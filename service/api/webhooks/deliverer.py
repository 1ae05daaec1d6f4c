"""The deliverer: a thread of the server that keeps a line going for every active webhook."""

import asyncio
import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TypeVar

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ...errors import ServiceError
from ..events import chain
from ..events.bell import GATHER_S, Bell
from ..requests import Store
from ..tables import WebhookLine
from . import deliveries
from .addresses import Resolver, system_resolver
from .keys import SecretKeeper
from .line import ACTOR, Line

_LOG = logging.getLogger(__name__)

#: How long the deliverer may take to end, s; what is under way is sent again at the next start.
_END_S = 5.0

#: The wait after the database could not be read or written, s (chosen).
_ERROR_S = 1.0

#: How long a webhook is left alone after its line ended, for another process has it, and after an error of
#: ours (a key that is gone, a database that fails), s (chosen).
_REST_S, _TROUBLE_S = 1.0, 5.0

_Found = TypeVar("_Found")


class Deliverer:
    """Sends events to webhooks until it is stopped.

    Parameters
    ----------
    store
        The server's store.
    keeper
        Opens signing secrets.
    bell
        Rings when there may be something new.
    resolve
        Finds the addresses of a name.
    """

    def __init__(
        self, store: Store, keeper: SecretKeeper, bell: Bell, resolve: Resolver = system_resolver
    ) -> None:
        self._store, self._keeper, self._bell, self._resolve = store, keeper, bell, resolve
        self._owner = str(uuid.uuid4())
        self._lines: dict[str, tuple[Line, asyncio.Task[None]]] = {}
        self._resting: dict[str, float] = {}
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Deliver as long as the context lasts."""
        self._thread.start()
        try:
            with self._bell.heard_by(self._wake):
                yield
        finally:
            self._stopping.set()
            self._wake()
            self._thread.join(_END_S)

    def _wake(self) -> None:
        loop, woken = self._loop, self._woken
        if loop is not None and woken is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(woken.set)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception:
            _LOG.exception("webhooks are no longer delivered: restart the server")

    async def _main(self) -> None:
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        await self._tried(self._begin)
        head = -1
        try:
            while not self._stopping.is_set():
                found = await self._tried(self._look)
                if found is not None:
                    seq, active = found
                    self._start(active)
                    if seq != head:
                        head = seq
                        self._tell()
                await self._nap()
        finally:
            await self._end()

    def _start(self, active: list[str]) -> None:
        now = time.monotonic()
        for webhook_id, (_, task) in list(self._lines.items()):
            if task.done():
                self._lines.pop(webhook_id)
                self._resting[webhook_id] = now + (
                    _TROUBLE_S if self._complain(webhook_id, task) else _REST_S
                )
        self._resting = {one: until for one, until in self._resting.items() if one in active and until > now}
        for webhook_id in active:
            if webhook_id not in self._lines and webhook_id not in self._resting:
                line = Line(self._store, self._keeper, webhook_id, self._owner, self._resolve)
                self._lines[webhook_id] = (line, asyncio.create_task(line.run()))

    @staticmethod
    def _complain(webhook_id: str, task: asyncio.Task[None]) -> bool:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _LOG.error("webhook %s is tried again: %s: %s", webhook_id, type(error).__name__, error)
        return error is not None

    def _tell(self) -> None:
        for line, _ in self._lines.values():
            line.news.set()

    async def _nap(self) -> None:
        assert self._woken is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._store.settings.push_poll_s):
                await self._woken.wait()
                if not self._stopping.is_set():
                    await asyncio.sleep(GATHER_S)
                self._tell()
        self._woken.clear()

    async def _end(self) -> None:
        tasks = [task for _, task in self._lines.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            await self._tried(lambda: self._change(self._hand_over))

    def _hand_over(self, session: Session) -> None:
        for line, _ in self._lines.values():
            if line.unkept is not None:
                deliveries.keep_line(session, line.unkept, self._owner, 0.0)
        deliveries.end_leases(session, self._owner)

    def _begin(self) -> bool:
        """Take over what a killed process had, where it cannot be another one's (SQLite has one server)."""

        def free(session: Session) -> None:
            if session.get_bind().dialect.name == "sqlite":
                session.execute(update(WebhookLine).values(lease_owner="", lease_until=""))

        with self._store.database.read() as session:
            if not deliveries.active_webhooks(session):
                return False
        return self._change(free)

    def _look(self) -> tuple[int, list[str]]:
        with self._store.database.read() as session:
            return chain.head(session)[0], list(deliveries.active_webhooks(session))

    def _change(self, what: Callable[[Session], None]) -> bool:
        with self._store.database.write(ACTOR) as change:
            what(change.session)
        return True

    async def _tried(self, what: Callable[[], _Found]) -> _Found | None:
        """Do something with the database; a failure is logged, waited for, and no reason to end."""
        try:
            return await asyncio.to_thread(what)
        except (ServiceError, SQLAlchemyError) as error:
            _LOG.warning("webhooks wait for the database: %s", error)
            await asyncio.sleep(0 if self._stopping.is_set() else _ERROR_S)
            return None
