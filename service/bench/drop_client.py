"""Talking to the drop desk of this home's bench agent."""

from typing import Any

from .client import Answer, BenchClient

#: Longest time a decision may take: a method's first fit, then an identification, s.
_DECIDE_S = 300.0


class DropClient(BenchClient):
    """A client of the agent that also knows its drop desk."""

    def drops(self) -> Answer:
        """Return waiting scans, folders and quarantine."""
        return self._call("GET", "/drops")

    def settled_drops(self) -> Answer:
        """Return what became of the last scans."""
        return self._call("GET", "/drops/settled")

    def open_item(self, item: str) -> Answer:
        """Open an item, so that scans may join it."""
        return self._decide("open", item=item)

    def join_drop(self, scan_id: str, item: str, **options: Any) -> Answer:
        """Make a waiting scan one of the open item; fields of `drop_requests.JoinRequest`."""
        return self._decide("join", scan_id=scan_id, item=item, **options)

    def verify_drop(self, scan_id: str, standard: str) -> Answer:
        """Take a waiting scan for that of a standard."""
        return self._decide("verify", scan_id=scan_id, standard=standard)

    def discard_drop(self, scan_id: str, reason: str) -> Answer:
        """Take a scan off the queue."""
        return self._decide("discard", scan_id=scan_id, reason=reason)

    def retry_quarantine(self) -> Answer:
        """Read what is in quarantine once more."""
        return self._decide("retry")

    def _decide(self, what: str, **body: Any) -> Answer:
        return self._call("POST", f"/drops/{what}", body, timeout=_DECIDE_S)
