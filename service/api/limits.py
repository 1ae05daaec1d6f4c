"""Bodies of bounded size that arrive in bounded time."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import Problem, problem_response

SCAN_BYTES = 64 * 1024 * 1024
JSON_BYTES = 1024 * 1024
REPORT_BYTES = 64 * 1024
#: `service.method_file.MAX_BYTES`; such a body goes to the disk as it comes, and never into memory whole.
METHOD_BYTES = 256 * 1024 * 1024
METHODS_PATH = "/api/v1/methods/"
SCANS_PATH = "/api/v1/scans/"
#: Whose bodies are short: reports, verifications, flags (1,000 names take 40 kB).
SHORT_PATHS = tuple(f"/api/v1/{noun}/" for noun in ("benches", "verifications", "flags"))


def limit_for(path: str) -> int:
    """Return the largest body, in bytes, that a path takes."""
    if path.startswith(SHORT_PATHS):
        return REPORT_BYTES
    if path.startswith(METHODS_PATH):
        return METHOD_BYTES
    return SCAN_BYTES if path.startswith(SCANS_PATH) else JSON_BYTES


class BodyLimit:
    """ASGI middleware that stops bodies which are too large or too slow.

    Parameters
    ----------
    app
        The application.
    seconds
        How long a body may take, s.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body watched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = limit_for(scope["path"])
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal() or int(declared) > limit:
            await problem_response("too_large", _too_large(limit))(scope, receive, send)
            return
        await self._app(scope, _watched(receive, limit, self._seconds), send)


def _watched(receive: Receive, limit: int, seconds: float) -> Receive:
    deadline = asyncio.get_running_loop().time() + seconds
    taken, complete = 0, False

    async def watched() -> Message:
        nonlocal taken, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError as error:
            raise Problem("timeout", f"the body took more than {seconds:g} s") from error
        taken += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if taken > limit:
            raise Problem("too_large", _too_large(limit))
        return message

    return watched


def _too_large(limit: int) -> str:
    return f"at most {limit} bytes are taken here"
