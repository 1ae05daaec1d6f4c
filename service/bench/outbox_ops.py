"""What the outbox holds: requests for the server, and what the server said to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
