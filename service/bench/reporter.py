"""The thread that tells the server how this bench stands: at the start, on a change, and now and then.

A report is worth less than a scan or a result: it has a thread and a connection of its own, goes past the
outbox, waits for nobody and is never queued. One that fails is not warned of; the bench's status says so,
and the next one replaces it.
"""

import logging
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from ..errors import ServiceError
from .head_copies import file_of, keep_head
from .notes import rfc3339, utc_now
from .outbox_ops import OutboxOp, SendReply
from .report import report_of, what_matters
from .uplink import Uplink

if TYPE_CHECKING:
    from .agent import Bench

_log = logging.getLogger(__name__)

#: Without any change the server hears of the bench this often, s.
EVERY_S = 300.0
#: How often it is looked whether anything changed, s (chosen: a new method shows within seconds).
LOOK_S = 10.0
#: A scan under way is left alone, but a report that is due waits for scans no longer than this, s (chosen).
HOLD_S = 120.0
#: Pause after a first failure, s; it doubles up to `EVERY_S`.
RETRY_S = 15.0
#: A report that takes longer is given up: the next one says more.
TIMEOUT = httpx.Timeout(10.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class LastReport:
    """What became of the last report."""

    state: str
    """``none`` (no server), ``unknown`` (not yet), ``sent``, ``refused`` or ``failed``."""
    at: str = ""
    """When, RFC 3339 in UTC; empty for not yet."""
    detail: str = ""
    """Why not, one line; empty otherwise."""


class Reporter:
    """Reports how a bench stands.

    Parameters
    ----------
    bench
        What is reported of.
    look_s, every_s
        How often to look for changes, and to report without any, s.
    """

    def __init__(self, bench: "Bench", *, look_s: float = LOOK_S, every_s: float = EVERY_S) -> None:
        self._bench = bench
        self._look_s, self._every_s = look_s, every_s
        self._configured = bool(bench.settings.server_url)
        self._wake = threading.Event()
        self._ending = False
        self._failures = 0
        self._kicked = True
        self._next = 0.0
        self._told: dict[str, Any] | None = None
        self._last = LastReport("unknown" if self._configured else "none")
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    @property
    def last(self) -> LastReport:
        """What became of the last report."""
        return self._last

    def start(self) -> None:
        """Begin to report, in a thread of its own, where there is a server."""
        if self._configured:
            self._thread.start()

    def kick(self) -> None:
        """Report at once, whatever the pause after a failure; never waits."""
        self._kicked = True
        self._wake.set()

    def end(self) -> None:
        """Stop; a report under way is left to itself."""
        self._ending = True
        self._wake.set()

    def _run(self) -> None:
        while not self._ending:
            try:
                self._look()
            except Exception as error:
                # Whatever is wrong with the bench is told where it matters; a report must break nothing.
                _log.debug("no report could be made", exc_info=error)
                self._note("failed", f"no report could be made: {error}")
                self._next = time.monotonic() + self._pause_s(None)
            self._wake.wait(self._look_s)
            self._wake.clear()

    def _look(self) -> None:
        """Report if it is time or was asked for, or if something changed and the last report did not fail."""
        now = time.monotonic()
        scanning = any(device.busy for device in self._bench.devices.known())
        if scanning and now < self._next + HOLD_S:
            return
        kicked, self._kicked = self._kicked, False
        report = report_of(self._bench)
        changed = what_matters(report) != self._told and not self._failures
        if not (kicked or changed) and now < self._next:
            return
        reply = self._send(report)
        if reply is not None and 200 <= reply.status < 300:
            self._told, self._failures = what_matters(report), 0
            settings = self._bench.settings
            keep_head(file_of(settings.heads_dir, settings.server_url), reply.answer)
            self._note("sent")
        elif reply is not None:
            self._note("refused", f"the server answered {reply.status}: {reply.detail}".rstrip(": "))
        self._next = time.monotonic() + self._pause_s(reply)

    def _send(self, report: dict[str, Any]) -> SendReply | None:
        path = f"/benches/{quote(self._bench.name, safe='')}"
        try:
            with Uplink(self._bench.settings, self._bench.archive, timeout=TIMEOUT) as uplink:
                return uplink(OutboxOp("report", "PUT", path, report))
        except (ServiceError, OSError) as error:
            self._note("failed", str(error))
            return None

    def _pause_s(self, reply: SendReply | None) -> float:
        # Spread, so that thirty benches do not come back in the same second.
        spread = random.uniform(0.8, 1.0)  # noqa: S311
        if not self._failures:
            return self._every_s * spread
        own = min(RETRY_S * 2.0 ** min(self._failures - 1, 16), self._every_s)
        asked = (reply.retry_after_s or 0.0) if reply is not None else 0.0
        return min(max(own, asked), self._every_s) * spread

    def _note(self, state: str, detail: str = "") -> None:
        self._failures = 0 if state == "sent" else self._failures + 1
        self._last = LastReport(state, rfc3339(utc_now()), " ".join(detail.split())[:500])
