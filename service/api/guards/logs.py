"""What the server writes about itself: one line a thing, as text or JSON, and never a secret.

A line about a request names operation, status, time and token id. It holds no query, no body and no header:
item identifiers and names of people stand there.
"""

import json
import logging
import re
import sys
import time
import traceback
import uuid
from datetime import UTC, datetime
from enum import StrEnum

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Header that names a request in answer and log.
REQUEST_ID = "X-Request-Id"
_REQUEST_ID = REQUEST_ID.lower().encode()

ACCESS = logging.getLogger("opioscan.access")

#: Tokens, webhook secrets, passwords in addresses, bearer headers.
_SECRETS = re.compile(
    r"\b(ops_|whsec_)[A-Za-z0-9_\-+/=]{6,}|(?<=://)[^/\s:@]+:[^@\s]+(?=@)|(?<=[Bb]earer )\S+"
)


class LogStyle(StrEnum):
    """How the server writes its log."""

    WARNINGS = "warnings"
    """Text, warnings and worse only."""
    TEXT = "text"
    """Text, requests too."""
    JSON = "json"
    """One JSON object a line, requests too."""


def without_secrets(text: str) -> str:
    """Return a text with everything blotted out that looks like a secret."""
    return _SECRETS.sub(lambda found: f"{found[1] or ''}…", text)


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return without_secrets(json.dumps(told, ensure_ascii=False))


def write_logs(style: LogStyle) -> None:
    """Send what is logged to standard error, in a style."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style is LogStyle.JSON else _Text())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    ACCESS.setLevel(logging.WARNING if style is LogStyle.WARNINGS else logging.INFO)
    # That something was erased for good is said in every style: a line a day.
    logging.getLogger("opioscan.retention").setLevel(logging.INFO)


class AccessLog:
    """ASGI middleware that gives every request an id and writes a line about it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; write a line when its answer is complete, or was cut off."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name, begun, status = str(uuid.uuid4()), time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_REQUEST_ID, name.encode())]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if ACCESS.isEnabledFor(logging.INFO):
                _write(scope, name, status, time.perf_counter() - begun)


def _write(scope: Scope, name: str, status: int, seconds: float) -> None:
    operation = getattr(scope.get("endpoint"), "__name__", "none")
    told = {
        "request": name,
        "method": scope["method"],
        "operation": operation,
        "status": status,
        "ms": round(seconds * 1e3, 1),
        "token": scope.get("state", {}).get("token_id", ""),
        "client": (scope.get("client") or ("",))[0],
    }
    words = (
        f"{told['method']} {operation} {status} {told['ms']} ms token={told['token'] or '-'} request={name}"
    )
    ACCESS.info(words, extra={"told": told})
