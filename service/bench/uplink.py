"""The way from the outbox to the server: one HTTP request for each operation.

Bench networks have captive portals that answer every request with a page and status 200.
Only JSON counts as the server's word, so that no operation is crossed off for such a page.
Where no such word comes, the server is asked whether it answers at all: only then does the silence say
something of the operation (one that a proxy finds too large, or at which a worker hangs or dies).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import quote

import httpx

from ..archive.journal import Archive
from ..bearer import bearer
from ..errors import ServerUnreachable, Unanswered
from ..replies import json_object, read_bounded
from ..settings import Settings
from .method_files import open_method_file
from .outbox_ops import OutboxOp, SendReply

#: Finite on purpose: a scan of some megabytes over bad Wi-Fi must end one way or the other, s.
TIMEOUT = httpx.Timeout(60.0, connect=5.0)
#: The server rebuilds a method before it answers, which may take 2 min (`service.evidence.looker`).
FILES_TIMEOUT = httpx.Timeout(60.0, connect=5.0, read=180.0)
#: Whether the server answers at all is asked for no longer than this, s (chosen: it does nothing for it).
ALIVE_S = 5.0
#: A longer answer is not the server's.
MAX_REPLY_BYTES = 1024 * 1024

#: An idle connection is used again for so long, s: less than the server keeps it (chosen), so that no
#: request is sent into one that is just being closed.
_KEPT_S = 10.0

API = "/api/v1"

_BYTES = "application/octet-stream"
#: The request never left.
_NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.UnsupportedProtocol)
_Body = bytes | BinaryIO | None


class Uplink:
    """Sends operations to the server; a context manager and a `Send`.

    Parameters
    ----------
    settings
        Address and token of the server.
    archive
        Where the bytes of scans are.
    timeout
        Time limits of each request.

    Raises
    ------
    ServerUnreachable
        No server is configured, or the token for it is damaged.
    """

    def __init__(self, settings: Settings, archive: Archive, *, timeout: httpx.Timeout = TIMEOUT) -> None:
        if not settings.server_url:
            raise ServerUnreachable(
                "no server is configured; set OPIOSCAN_SERVER or server_url in config.toml"
            )
        self._address = settings.server_url
        self._archive = archive
        self._method_files = settings.method_files_dir
        headers = bearer(settings)
        self._client = httpx.Client(
            base_url=self._address + API,
            headers=headers,
            timeout=timeout,
            limits=httpx.Limits(max_connections=1, keepalive_expiry=_KEPT_S),
        )

    def __call__(self, op: OutboxOp) -> SendReply:
        """Send one operation.

        Raises
        ------
        ServerUnreachable
            No server answered, or what answered is none.
        Unanswered
            The same, but the server answers other requests.
        ArchiveError
            The operation's scan cannot be read.
        """
        try:
            with (
                self._body(op) as (content, headers),
                self._client.stream(op.method, op.path, content=content, headers=headers) as response,
            ):
                body = read_bounded(response, MAX_REPLY_BYTES)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            words = str(error) or type(error).__name__
            if not isinstance(error, _NO_CONNECTION) and self._answers():
                raise Unanswered(f"{self._address} gave no answer to it: {words}") from error
            raise ServerUnreachable(f"{self._address} is out of reach: {words}") from error
        answer = json_object(response, body)
        if answer is None and (response.status_code < 500 or body is None):
            words = f"{self._address} answered {response.status_code}, but not as an opioscan server does"
            if self._answers():
                raise Unanswered(words)
            raise ServerUnreachable(f"{words}; is there a login page on this network?")
        detail = str((answer or {}).get("detail") or (answer or {}).get("title") or "")
        words = " ".join(detail.split())[:500]
        return SendReply(response.status_code, words, _retry_after(response), answer)

    def close(self) -> None:
        """Let go of the connection; may be called twice."""
        self._client.close()

    def _answers(self) -> bool:
        """Return whether the server answers what costs it nothing."""
        limit = min(ALIVE_S, self._client.timeout.read or ALIVE_S)
        try:
            with self._client.stream("GET", f"{self._address}/healthz", timeout=limit) as response:
                body = read_bounded(response, MAX_REPLY_BYTES, within_s=limit)
                said = json_object(response, body)
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return response.status_code == 200 and said is not None and said.get("status") == "ok"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _body(self, op: OutboxOp) -> Iterator[tuple[_Body, dict[str, str]]]:
        """Yield the body of an operation and the headers that go with it."""
        headers = {"Idempotency-Key": quote(op.key, safe=":/")} if op.method == "POST" else {}
        if op.scan_id is not None:
            yield self._archive.read_bytes(op.scan_id), headers | {"Content-Type": _BYTES}
        elif op.file_id is not None:
            # Read as it is sent: a method with its library may have hundreds of megabytes.
            with open_method_file(self._method_files, op.file_id) as (file, size):
                yield file, headers | {"Content-Type": _BYTES, "Content-Length": str(size)}
        elif op.json is not None:
            body = json.dumps(dict(op.json), allow_nan=False).encode()
            yield body, headers | {"Content-Type": "application/json"}
        else:
            yield None, headers


def _retry_after(response: httpx.Response) -> float | None:
    # The other form of the header, a date, needs two clocks that agree; a bench's may not.
    given = response.headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() and len(given) < 9 else None
