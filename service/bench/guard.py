"""Who may talk to the agent: this machine's people and programs, and no web page of a stranger.

A browser of this machine reaches loopback for any site it shows. Three things keep such a
site out: the ``Host`` header must be our own address (a rebound name is not), the API needs
a token that only a file of this user holds, and forms must come from our own pages (``Origin``).
No CORS header is ever sent.
"""

import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import UsageError
from ..problems import problem_of
from .answers import problem_response
from .refusals import ForeignHost, ForeignOrigin, WrongToken

_SEALS = {
    # same-origin, not no-referrer: with the latter browsers send "Origin: null" with forms (Fetch standard).
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Nothing of one parcel may come back with the browser's Back button at the next.
    "Cache-Control": "no-store",
}

#: No form or request of ours is longer, bytes.
MAX_BODY = 64 * 1024


def own_hosts(port: int) -> frozenset[str]:
    """Return the ``Host`` values of a loopback server on a port."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def check_origin(request: Request) -> None:
    """Raise `ForeignOrigin` unless a form was sent by one of our own pages."""
    scheme, _, host = request.headers.get("origin", "").lower().partition("://")
    if scheme != "http" or host != request.headers["host"].lower():
        raise ForeignOrigin("this form did not come from the bench page; open the page and try again")


def check_token(request: Request, token: str) -> None:
    """Raise `WrongToken` unless the request carries the agent's bearer token."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    # On bytes and in constant time: the time of the answer must not tell how much of the token was right.
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise WrongToken(
            "the bench agent's token is missing or wrong; it is in bench.json of the home folder"
        )


class Gate:
    """ASGI middleware: refuses foreign hosts and oversized bodies, seals every answer.

    Parameters
    ----------
    app
        What lies behind the gate.
    port
        Port the agent listens on.
    """

    def __init__(self, app: ASGIApp, *, port: int) -> None:
        self._app = app
        self._hosts = own_hosts(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it at the gate."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SEALS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Headers(scope=scope), scope["path"])
        await (refusal or self._app)(scope, receive, sealed)

    def _refusal(self, headers: Headers, path: str) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            error: Exception = ForeignHost("this agent answers only under its own loopback address")
            return problem_response(problem_of(error, instance=path))
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal() or int(length) > MAX_BODY:
            error = UsageError(f"a request may have {MAX_BODY} bytes at most and must say how many it has")
            return problem_response({**problem_of(error, instance=path), "status": 413})
        return None
