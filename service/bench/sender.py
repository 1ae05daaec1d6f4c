"""A thread that empties one lane of the outbox towards the server, whenever there is one to talk to."""

import logging
import threading
import time
from collections.abc import Callable

import httpx

from ..archive.journal import Archive
from ..errors import ServiceError
from ..settings import Settings
from .outbox import FlushReport, Lane, Outbox
from .uplink import FILES_TIMEOUT, TIMEOUT, Uplink

_log = logging.getLogger(__name__)

#: Without anything new a lane is looked at this often, s.
_IDLE_S = 30.0

_TIMEOUTS: dict[Lane, httpx.Timeout] = {Lane.RECORDS: TIMEOUT, Lane.FILES: FILES_TIMEOUT}


def unheard(_report: FlushReport) -> None:
    """Tell nobody."""


class Sender:
    """Sends what waits in a lane: when asked to, after the pauses the outbox asks for, and now and then.

    Parameters
    ----------
    settings
        Address and token of the server.
    archive, outbox
        What is sent.
    lane
        Which part of it.
    ended
        Told what each attempt came to.
    """

    def __init__(
        self,
        settings: Settings,
        archive: Archive,
        outbox: Outbox,
        lane: Lane,
        *,
        ended: Callable[[FlushReport], None] = unheard,
    ) -> None:
        self._settings = settings
        self._archive = archive
        self._outbox = outbox
        self._lane = lane
        self._ended = ended
        self._changed = threading.Condition()
        self._asked = 0
        self._served = 0
        self._nudged = False
        self._ending = False
        self._report: FlushReport | None = None
        self._uplink: Uplink | None = None
        self._thread = threading.Thread(target=self._run, name=f"sender of {lane}", daemon=True)

    @property
    def report(self) -> FlushReport | None:
        """What the last attempt came to; None before the first."""
        return self._report

    def start(self) -> None:
        """Start sending, in a thread of its own."""
        self._thread.start()

    def end(self) -> None:
        """Stop; a request under way may be repeated later, which the server's PUTs allow."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def nudge(self) -> None:
        """Look for something new, after the pause that a failure left; never waits."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def kick(self, *, wait_s: float) -> bool:
        """Send now; return True if an attempt that saw everything added before has ended in time."""
        if not self._thread.is_alive():
            return False
        deadline = time.monotonic() + wait_s
        with self._changed:
            self._asked += 1
            ticket = self._asked
            self._changed.notify_all()
            while self._served < ticket and not self._ending:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return self._served >= ticket
            return self._served >= ticket

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._wanted, self._pause_s())
                if self._ending:
                    break
                self._nudged = False
                ticket, forced = self._asked, self._asked > self._served
            report = self._attempt(forced=forced)
            with self._changed:
                self._report, self._served = report, ticket
                self._changed.notify_all()
            self._ended(report)
        self._let_go()

    def _wanted(self) -> bool:
        return self._ending or self._nudged or self._asked > self._served

    def _pause_s(self) -> float:
        report = self._report
        if report is None:
            return 0.0
        return min(report.retry_in_s, _IDLE_S) if report.left and report.retry_in_s else _IDLE_S

    def _attempt(self, *, forced: bool) -> FlushReport:
        try:
            # Kept while all goes well: making one takes longer than most requests (it reads certificates).
            if self._uplink is None:
                timeout = _TIMEOUTS[self._lane]
                self._uplink = Uplink(self._settings, self._archive, timeout=timeout)
            report = self._outbox.flush(self._uplink, lane=self._lane, force=forced)
        except (ServiceError, OSError) as error:
            _log.warning("the outbox could not be sent: %s", error)
            report = FlushReport(stopped=str(error), retry_in_s=_IDLE_S, left=1)
        except Exception as error:
            # The thread must outlive what nobody thought of: without it nothing is ever sent again.
            _log.exception("the outbox could not be sent")
            report = FlushReport(stopped=f"not sent: {error}", retry_in_s=_IDLE_S, left=1)
        if report.stopped:
            self._let_go()
        return report

    def _let_go(self) -> None:
        uplink, self._uplink = self._uplink, None
        if uplink is not None:
            uplink.close()
