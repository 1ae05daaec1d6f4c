"""Events as a stream (server-sent events, HTML standard 9.2): no thread is held while nothing happens."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Message, Receive, Scope, Send

from ...errors import ServiceError
from ..permissions import Role
from ..problems import Problem
from ..requests import Store
from ..settings import ServerSettings
from ..tokens.repository import find_valid
from . import chain
from .bell import GATHER_S, Bell
from .outward import event_text, own_parcels, visible_kinds
from .reading import events_after

_LOG = logging.getLogger(__name__)

#: Events read at a time for one stream (chosen).
_BATCH = 100

#: How soon a reader should come back after a cut, ms (chosen).
_RETRY_MS = 3000

#: How long a reader that was cut off may take to be gone, s: the kernel ends its connection before
#: (TCP_USER_TIMEOUT in `service.api.run`).
_GONE_S = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a stream carries, and for whom."""

    token_id: str
    role: Role
    after: int
    """Number of the last event the reader has."""
    types: tuple[str, ...]
    """Kinds; empty for all that the role sees."""


class Streams:
    """All open streams of a server process.

    Parameters
    ----------
    settings
        How many, and their times.
    bell
        Rings when there may be something new.
    """

    def __init__(self, settings: ServerSettings, bell: Bell) -> None:
        self._settings, self._bell = settings, bell
        self._open = 0
        self._closed = False
        self._head = -1
        self._news = asyncio.Event()
        self._rung = asyncio.Event()

    async def watch(self, store: Store) -> None:
        """Look for new events as long as there are streams, until cancelled."""
        loop = asyncio.get_running_loop()

        def rung() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._rung.set)

        with self._bell.heard_by(rung):
            while True:
                if self._open:
                    await self._look(store)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.push_poll_s if self._open else None):
                        await self._rung.wait()
                        await asyncio.sleep(GATHER_S)
                self._rung.clear()

    def close(self) -> None:
        """End all streams, and open no more."""
        self._closed = True
        self._wake()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Count a stream as open.

        Raises
        ------
        Problem
            There are too many, or the server is about to end.
        """
        if self._closed or self._open >= self._settings.stream_limit:
            raise Problem(
                "too_many_streams",
                f"{self._settings.stream_limit} streams may be open at a time: ask GET /events instead",
                headers={"Retry-After": "5"},
            )
        self._open += 1
        self._rung.set()
        try:
            yield
        finally:
            self._open -= 1

    async def frames(self, store: Store, wanted: Wanted) -> AsyncIterator[ServerSentEvent]:
        """Yield events as they come, until the token counts no more or the server ends."""
        after = wanted.after
        yield ServerSentEvent(comment="opioscan events", retry=_RETRY_MS)
        while not self._closed:
            news = self._news
            found = await run_in_threadpool(_read, store, wanted, after)
            if found is None:
                return
            events, after = found
            for event in events:
                yield event
            if len(events) < _BATCH:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.stream_check_s):
                        await news.wait()

    def response(self, store: Store, wanted: Wanted) -> "EventStream":
        """Return the answer that carries a stream."""
        return EventStream(
            self.frames(store, wanted),
            streams=self,
            ping=self._settings.stream_heartbeat_s,
            send_timeout=self._settings.stream_send_s,
        )

    async def _look(self, store: Store) -> None:
        def head() -> int:
            with store.database.read() as session:
                return chain.head(session)[0]

        try:
            found = await run_in_threadpool(head)
        except (ServiceError, SQLAlchemyError) as error:
            _LOG.warning("event streams wait for the database: %s", error)
            return
        if found != self._head:
            self._head = found
            self._wake()

    def _wake(self) -> None:
        # Every stream took the event that was there before it read: none misses what came meanwhile.
        news, self._news = self._news, asyncio.Event()
        news.set()


class EventStream(EventSourceResponse):
    """A stream that counts as open while it is, and cuts a reader off that does not read."""

    def __init__(
        self,
        content: AsyncIterator[ServerSentEvent],
        *,
        streams: Streams,
        ping: float,
        send_timeout: float,
    ) -> None:
        super().__init__(content, ping=ping, send_timeout=send_timeout, ping_message_factory=_ping)
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; a reader that was too slow comes back with its Last-Event-ID."""
        try:
            with self._streams.one():
                await super().__call__(scope, receive, send)
        except SendTimeoutError:
            await _until_gone(receive)


def _ping() -> ServerSentEvent:
    return ServerSentEvent(comment="still here")


async def _until_gone(receive: Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GONE_S):
            message: Message = {}
            while message.get("type") != "http.disconnect":
                message = await receive()


def _read(store: Store, wanted: Wanted, after: int) -> tuple[list[ServerSentEvent], int] | None:
    with store.database.read() as session:
        if find_valid(session, wanted.token_id) is None:
            return None
        head = chain.head(session)[0]
        kinds = visible_kinds(wanted.role, list(wanted.types))
        found = events_after(session, after, _BATCH, kinds=kinds)
        own = own_parcels(session, found, wanted.role, wanted.token_id)
        events = [
            ServerSentEvent(event_text(one, wanted.role, own), id=str(one.seq), event=one.type)
            for one in found
        ]
    return events, found[-1].seq if len(found) == _BATCH else max(head, after)
