"""The way from the outbox to the server: one HTTP request for each operation.

Bench networks have captive portals that answer every request with a page and status 200.
Only JSON counts as the server's word, so that no operation is crossed off for such a page.
"""

import json
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from ..archive.journal import Archive
from ..errors import ServerUnreachable
from ..replies import json_object, read_bounded
from ..settings import Settings
from .outbox_ops import OutboxOp, SendReply

#: Finite on purpose: a scan of some megabytes over bad Wi-Fi must end one way or the other, s.
TIMEOUT = httpx.Timeout(60.0, connect=5.0)
#: A longer answer is not the server's.
MAX_REPLY_BYTES = 1024 * 1024

API = "/api/v1"


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
        No server is configured.
    """

    def __init__(self, settings: Settings, archive: Archive, *, timeout: httpx.Timeout = TIMEOUT) -> None:
        if not settings.server_url:
            raise ServerUnreachable(
                "no server is configured; set OPIOSCAN_SERVER or server_url in config.toml"
            )
        self._address = settings.server_url
        self._archive = archive
        token = settings.server_token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=self._address + API, headers=headers, timeout=timeout)

    def __call__(self, op: OutboxOp) -> SendReply:
        """Send one operation.

        Raises
        ------
        ServerUnreachable
            No server answered, or what answered is none.
        ArchiveError
            The operation's scan cannot be read.
        """
        try:
            with self._client.stream(
                op.method, op.path, content=self._body(op), headers=_headers(op)
            ) as response:
                body = read_bounded(response, MAX_REPLY_BYTES)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            words = str(error) or type(error).__name__
            raise ServerUnreachable(f"{self._address} is out of reach: {words}") from error
        answer = json_object(response, body)
        if answer is None and (response.status_code < 500 or body is None):
            raise ServerUnreachable(
                f"{self._address} answered {response.status_code}, but not as an opioscan server does; "
                "is there a login page on this network?"
            )
        detail = str((answer or {}).get("detail") or (answer or {}).get("title") or "")
        words = " ".join(detail.split())[:500]
        return SendReply(response.status_code, words, _retry_after(response), answer)

    def close(self) -> None:
        """Let go of the connection; may be called twice."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _body(self, op: OutboxOp) -> bytes | None:
        if op.scan_id is not None:
            return self._archive.read_bytes(op.scan_id)
        return None if op.json is None else json.dumps(dict(op.json), allow_nan=False).encode()


def _headers(op: OutboxOp) -> dict[str, str]:
    headers = {"Idempotency-Key": quote(op.key, safe=":/")} if op.method == "POST" else {}
    if op.scan_id is not None:
        headers["Content-Type"] = "application/octet-stream"
    elif op.json is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _retry_after(response: httpx.Response) -> float | None:
    # The other form of the header, a date, needs two clocks that agree; a bench's may not.
    given = response.headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() and len(given) < 9 else None
