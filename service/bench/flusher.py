"""The thread that empties the outbox towards the server, whenever there is one to talk to."""

import logging
import threading
import time

from ..archive.journal import Archive
from ..errors import ServiceError
from ..settings import Settings
from .outbox import FlushReport, Outbox
from .uplink import Uplink

_log = logging.getLogger(__name__)

#: Without anything new the outbox is looked at this often, s.
_IDLE_S = 30.0
#: How long an answer waits for its result to be posted, s.
POST_WAIT_S = 3.0


class Flusher:
    """Sends what waits: when kicked, after the pauses the outbox asks for, and now and then.

    Parameters
    ----------
    settings
        Address and token of the server; without an address nothing is ever sent.
    archive, outbox
        What is sent.
    """

    def __init__(self, settings: Settings, archive: Archive, outbox: Outbox) -> None:
        self._settings = settings
        self._archive = archive
        self._outbox = outbox
        self._changed = threading.Condition()
        self._asked = 0
        self._served = 0
        self._ending = False
        self._report: FlushReport | None = None
        self._uplink: Uplink | None = None
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)

    @property
    def configured(self) -> bool:
        """Whether there is a server to send to."""
        return bool(self._settings.server_url)

    @property
    def report(self) -> FlushReport | None:
        """What the last attempt came to; None before the first."""
        return self._report

    def start(self) -> None:
        """Start sending, in a thread of its own."""
        if self.configured:
            self._thread.start()

    def end(self) -> None:
        """Stop; a request under way may be repeated later, which the server's PUTs allow."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def kick(self, *, wait_s: float = POST_WAIT_S) -> bool:
        """Send now; return True if an attempt that saw everything added before has ended in time."""
        if not self.configured or not self._thread.is_alive():
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
                self._changed.wait_for(lambda: self._ending or self._asked > self._served, self._pause_s())
                if self._ending:
                    break
                ticket, forced = self._asked, self._asked > self._served
            report = self._attempt(forced=forced)
            with self._changed:
                self._report, self._served = report, ticket
                self._changed.notify_all()
        self._let_go()

    def _pause_s(self) -> float:
        report = self._report
        if report is None:
            return 0.0
        return min(report.retry_in_s, _IDLE_S) if report.left and report.retry_in_s else _IDLE_S

    def _attempt(self, *, forced: bool) -> FlushReport:
        try:
            # Kept while all goes well: making one takes longer than most requests (it reads certificates).
            if self._uplink is None:
                self._uplink = Uplink(self._settings, self._archive)
            report = self._outbox.flush(self._uplink, force=forced)
        except (ServiceError, OSError) as error:
            _log.warning("the outbox could not be sent: %s", error)
            report = FlushReport(stopped=str(error), retry_in_s=_IDLE_S, left=1)
        if report.stopped:
            self._let_go()
        return report

    def _let_go(self) -> None:
        uplink, self._uplink = self._uplink, None
        if uplink is not None:
            uplink.close()
