"""One webhook's line: events in order, each tried until it is taken, set aside or given up.

While a receiver is out of reach its line stands still, so that order is kept. An event that a receiver
refuses although it is there holds the later ones up for a few tries only; then it is set aside, and tried
again out of order until the schedule ends.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from ..change import Change
from ..clock import utc_now
from ..events.outward import event_text
from ..requests import Store
from ..tables import Event, WebhookLine
from . import deliveries
from .addresses import Resolver
from .deliveries import Work
from .failures import aside_failed, line_failed
from .keys import SecretKeeper
from .schedule import seconds_until
from .sending import Answer, Message, Outcome, Sender

#: Name of the deliverer in the chain.
ACTOR = "server:webhooks"

#: How many times as long as between two looks for events (chosen: a second) a line sleeps at most without
#: looking whether people changed it, and goes on without writing down how far it is. After a crash, what was
#: taken within that time is sent again under the same ids.
_LOOKS = 4

#: What a lease must last beyond the time of one try, s: clocks of two machines may differ (chosen).
_SPARE_S = 5.0

_Found = TypeVar("_Found")


class LeaseLost(Exception):
    """Another process sends now, or people changed or stopped the webhook: begin afresh."""


class Line:
    """Sends to one webhook for as long as this process has the lease.

    Parameters
    ----------
    store
        The server's store.
    keeper
        Opens signing secrets.
    webhook_id
        The webhook.
    owner
        Name of this process in leases.
    resolve
        Finds the addresses of a name.
    """

    def __init__(
        self, store: Store, keeper: SecretKeeper, webhook_id: str, owner: str, resolve: Resolver
    ) -> None:
        self._store = store
        self._settings = store.settings
        self._keeper = keeper
        self._id = webhook_id
        self._owner = owner
        self._resolve = resolve
        self._nap_s = _LOOKS * self._settings.push_poll_s
        self._leased_until = 0.0
        self._kept_at = 0.0
        self._sender: Sender | None = None
        self._url = ""
        self.unkept: WebhookLine | None = None
        """How far it is, where that is not written down yet."""
        self.news = asyncio.Event()
        """Set from outside when there may be more to send."""

    async def run(self) -> None:
        """Send until there is nobody to send to, or another process does."""
        try:
            while await self._has_lease():
                try:
                    if not await self._go_on():
                        return
                except LeaseLost:
                    self.unkept, self._leased_until = None, 0.0
        finally:
            if self._sender is not None:
                await self._sender.aclose()

    async def _go_on(self) -> bool:
        """Send what there is, and sleep when there is nothing; False where nothing is to be sent any more."""
        self.news.clear()
        work = await self._read(
            lambda session: deliveries.next_work(session, self._keeper, self._id, self.unkept)
        )
        if work is None:
            if self.unkept is not None:
                await self._keep(self.unkept)
            return False
        if self._sender is None or work.url != self._url:
            if self._sender is not None:
                await self._sender.aclose()
            self._sender, self._url = Sender(self._settings, self._resolve), work.url
        nap = await self._round(work, self._sender)
        if nap > 0:
            await self._sleep(nap)
        return True

    async def _round(self, work: Work, sender: Sender) -> float:
        """Send what there is, and return how long there is nothing to do, s."""
        line = work.line
        if (wait := seconds_until(line.next_at)) > 0:
            return wait
        if work.aside is not None:
            await self._try_aside(work, sender)
        for event in work.events:
            await self._renew(work)
            outcome = await self._send(work, event, sender)
            if outcome.answer is not Answer.TAKEN:
                await self._failed(work, event, outcome)
                return seconds_until(line.next_at)
            await self._taken(work, event, outcome)
        if line.cursor < work.upto:
            line.cursor, self.unkept = work.upto, line
        if work.events or work.aside is not None:
            return 0.0
        if self.unkept is None:
            return self._nap_s
        if (early := self._kept_at + self._nap_s - time.monotonic()) > 0 and line.replay_until is None:
            return early
        await self._keep(work.line)
        return 0.0

    async def _send(self, work: Work, event: Event, sender: Sender) -> Outcome:
        data = event_text(event, work.role, work.own)
        name = deliveries.message_id(self._id, event.seq)
        return await sender.send(work.url, Message.of(name, event.type, event.at, data), work.secrets)

    async def _taken(self, work: Work, event: Event, outcome: Outcome) -> None:
        line = work.line
        line.cursor, line.attempts, line.next_at = event.seq, 0, None
        line.failing_since, line.last_error = None, ""
        line.delivered, line.delivered_at = line.delivered + 1, utc_now()
        self.unkept = line
        if event.seq in work.noted or time.monotonic() - self._kept_at > self._nap_s:
            await self._keep(
                work.line,
                lambda change: deliveries.note_success(change.session, self._id, event.seq, outcome.status),
            )

    async def _failed(self, work: Work, event: Event, outcome: Outcome) -> None:
        await self._keep(
            work.line, lambda change: line_failed(change, self._settings, work.line, event.seq, outcome)
        )

    async def _try_aside(self, work: Work, sender: Sender) -> None:
        assert work.aside is not None
        delivery, event = work.aside
        await self._renew(work)
        outcome = await self._send(work, event, sender)
        if outcome.answer is Answer.TAKEN:
            work.line.delivered, work.line.delivered_at = work.line.delivered + 1, utc_now()
            work.line.failing_since, work.line.last_error = None, ""
            await self._keep(
                work.line,
                lambda change: deliveries.note_success(change.session, self._id, event.seq, outcome.status),
            )
            return
        await self._keep(
            work.line, lambda change: aside_failed(change, self._settings, self._id, delivery.seq, outcome)
        )

    async def _has_lease(self) -> bool:
        if self._leased_until - time.monotonic() > self._settings.webhook_lease_s / 2:
            return True
        seconds = self._settings.webhook_lease_s
        if not await self._read(lambda session: deliveries.is_free(session, self._id, self._owner)):
            return False
        asked = time.monotonic()
        got = await self._write(
            lambda change: deliveries.take_lease(change.session, self._id, self._owner, seconds)
        )
        self._leased_until = asked + seconds if got else 0.0
        return got

    async def _renew(self, work: Work) -> None:
        """Begin no try that might outlast the lease."""
        needed = self._settings.webhook_timeout_s + min(_SPARE_S, self._settings.webhook_lease_s / 10)
        if self._leased_until - time.monotonic() < needed:
            await self._keep(work.line)

    async def _keep(self, line: WebhookLine, also: Callable[[Change], object] | None = None) -> None:
        seconds, asked = self._settings.webhook_lease_s, time.monotonic()

        def keep(change: Change) -> bool:
            if also is not None:
                also(change)
            if not deliveries.keep_line(change.session, line, self._owner, seconds):
                raise LeaseLost
            return deliveries.is_active(change.session, self._id)

        wanted = await self._write(keep)
        self.unkept = None
        self._leased_until, self._kept_at = asked + seconds, time.monotonic()
        if not wanted:
            raise LeaseLost  # whatever was read to be sent, nobody wants it any more

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(min(seconds, self._nap_s)):
                await self.news.wait()
        except TimeoutError:
            return

    async def _read(self, what: Callable[[Session], _Found]) -> _Found:
        def work() -> _Found:
            with self._store.database.read() as session:
                return what(session)

        return await asyncio.to_thread(work)

    async def _write(self, what: Callable[[Change], _Found]) -> _Found:
        def work() -> _Found:
            with self._store.database.write(ACTOR) as change:
                return what(change)

        return await asyncio.to_thread(work)
