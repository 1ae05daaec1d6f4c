"""Asking the server something: one JSON object, bounded, or an error that says what to do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from .bearer import bearer
from .errors import ServerRefused, ServerUnreachable
from .replies import json_object, read_bounded
from .settings import Settings

#: One page of the longest list; a longer answer is not the server's.
MAX_REPLY_BYTES = 16 * 1024 * 1024
TIMEOUT = httpx.Timeout(20.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Server:
    """The configured server, with a connection."""

    address: str
    """Where it is."""
    client: httpx.Client
    """The connection, with the token of the settings."""
    roles: str
    """Whose tokens may ask, for the hint where ours may not."""

    def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Return what the server answers.

        Raises
        ------
        ServerUnreachable
            Nothing answers, or something that is no opioscan server.
        ServerRefused
            The server said no.
        """
        return self._ask("GET", path, params=dict(params))

    def send(
        self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """Send something and return what the server answers; raises as `get` does."""
        return self._ask(method, path, json=dict(body), headers=dict(headers))

    def tag(self, path: str) -> str:
        """Return the ETag of something, so that a change of it says what was read; raises as `get` does."""
        _, response = self._answer("GET", path)
        return str(response.headers.get("etag", ""))

    def get_text(self, path: str, params: Mapping[str, str], kind: str) -> str:
        """Return a text of a media type that the server answers; raises as `get` does."""
        body, _ = self._answer("GET", path, params=dict(params), kind=kind)
        return body.decode(errors="replace")

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        body, response = self._answer(method, path, **options)
        answer = json_object(response, body)
        if answer is None:
            raise self.stranger(response.status_code)
        return answer

    def _answer(
        self, method: str, path: str, *, kind: str = "application/json", **options: Any
    ) -> tuple[bytes, httpx.Response]:
        try:
            with self.client.stream(method, path, **options) as response:
                body = read_bounded(response, MAX_REPLY_BYTES)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            words = str(error) or type(error).__name__
            raise ServerUnreachable(f"{self.address} is out of reach: {words}") from error
        if response.status_code not in {200, 201}:
            raise self._refused(response, body)
        found = response.headers.get("content-type", "").partition(";")[0].strip()
        if body is None or found != kind:
            raise self.stranger(response.status_code)
        return body, response

    def _refused(self, response: httpx.Response, body: bytes | None) -> ServerUnreachable | ServerRefused:
        answer = json_object(response, body)
        if answer is None:
            return self.stranger(response.status_code)
        said = " ".join(str(answer.get("detail") or answer.get("title") or "").split())[:300]
        hint = f"; set OPIOSCAN_TOKEN to a token of a {self.roles}"
        hint = hint if response.status_code in {401, 403} else ""
        return ServerRefused(f"{self.address} answered {response.status_code}: {said}{hint}")

    def stranger(self, status: int = 200) -> ServerUnreachable:
        """Return the error for an answer that no opioscan server gives."""
        return ServerUnreachable(
            f"{self.address} answered {status}, but not as an opioscan server does; is the address right?"
        )

    def endless(self) -> ServerUnreachable:
        """Return the error for a list that does not end."""
        return ServerUnreachable(f"{self.address} answers with a list that has no end; is the address right?")


@contextmanager
def asking(settings: Settings, *, roles: str) -> Iterator[Server]:
    """Open a connection to the configured server.

    Raises
    ------
    ServerUnreachable
        No server is configured.
    """
    if not settings.server_url:
        raise ServerUnreachable("no server is configured; set OPIOSCAN_SERVER or server_url in config.toml")
    headers = bearer(settings)
    with httpx.Client(base_url=settings.server_url, headers=headers, timeout=TIMEOUT) as client:
        yield Server(settings.server_url, client, roles)
