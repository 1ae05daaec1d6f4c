"""What the outbox holds: requests for the server, and what the server said to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: In place of an HTTP status: no answer came, although the server answers other requests.
NO_ANSWER = 0


class Lane(StrEnum):
    """What is sent beside each other, each in its own order."""

    RECORDS = "records"
    """Screenings, scans, results and the like: everything in the order in which it was added."""
    FILES = "files"
    """Files of methods: evidence of up to 256 MiB, for which no record waits."""


@dataclass(frozen=True, slots=True)
class OutboxOp:
    """One request the server is to get."""

    key: str
    """Names the operation for ever; adding it again changes nothing."""
    method: str
    """HTTP method; an idempotent one (PUT, or a POST the server takes twice)."""
    path: str
    """Path below ``/api/v1``, starting with a slash."""
    json: Mapping[str, Any] | None = None
    """JSON body; None for none."""
    scan_id: str | None = None
    """Scan whose archived bytes are the body, read when it is sent; None for none."""
    file_id: str | None = None
    """Method file whose bytes are the body, read when it is sent; None for none."""


@dataclass(frozen=True, slots=True)
class RefusedOp:
    """An operation the server said no to."""

    op: OutboxOp
    """The operation."""
    status: int
    """HTTP status of the refusal."""
    detail: str
    """The server's words."""
    at: str
    """When, RFC 3339 in UTC."""


@dataclass(frozen=True, slots=True)
class AsideOp:
    """An operation that the server fails at or leaves unanswered every time; what belongs to it waits too."""

    op: OutboxOp
    """The operation."""
    status: int
    """HTTP status of the last failure, `NO_ANSWER` where none came."""
    detail: str
    """The server's words, or what became of the request."""
    failures: int
    """How often the server failed at it or left it unanswered."""
    until: str
    """When it is tried again, RFC 3339 in UTC."""
    held: int
    """Operations that wait behind it, itself included."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When an operation that the server fails at or never answers is set aside, so that the rest goes on."""

    failures: int = 5
    """Failures in a row: answers 5xx, or none where the server answers other requests (chosen: with the
    growing pauses about a minute)."""
    over_s: float = 300.0
    """And for so long, s (chosen: an upgrade of the server behind a proxy takes less)."""
    again_s: float = 900.0
    """When one set aside is tried again, s (chosen)."""


@dataclass(frozen=True, slots=True)
class SendReply:
    """What the server said to an operation."""

    status: int
    """HTTP status."""
    detail: str = ""
    """The server's words, one line; empty for none."""
    retry_after_s: float | None = None
    """Pause the server asks for, s; None where it asks for none."""
    answer: Mapping[str, Any] | None = None
    """The JSON object it answered; None for none."""


@dataclass(frozen=True, slots=True)
class FlushReport:
    """What one attempt to send everything came to."""

    sent: int = 0
    """Operations the server took."""
    refused: int = 0
    """Operations the server said no to; they are kept."""
    left: int = 0
    """Operations that still wait."""
    stopped: str = ""
    """Why it ended before nothing was left, one line; empty otherwise."""
    retry_in_s: float = 0.0
    """When to try again, s from now; 0 where nothing waits."""
    busy: bool = False
    """True where another process is sending at this moment."""
    aside: int = 0
    """Operations set aside, because the server fails at them or does not answer them; among those left."""
    away: bool = False
    """True where it ended because no server is in reach, whatever is sent."""
