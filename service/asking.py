"""Asking the server something: one JSON object, bounded, or an error that says what to do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

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
        try:
            with self.client.stream("GET", path, params=dict(params)) as response:
                body = read_bounded(response, MAX_REPLY_BYTES)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            words = str(error) or type(error).__name__
            raise ServerUnreachable(f"{self.address} is out of reach: {words}") from error
        answer = json_object(response, body)
        if answer is None:
            raise self.stranger(response.status_code)
        if response.status_code != 200:
            said = " ".join(str(answer.get("detail") or answer.get("title") or "").split())[:300]
            hint = f"; set OPIOSCAN_TOKEN to a token of a {self.roles}"
            hint = hint if response.status_code in {401, 403} else ""
            raise ServerRefused(f"{self.address} answered {response.status_code}: {said}{hint}")
        return answer

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
    headers = {"Authorization": f"Bearer {settings.server_token}"} if settings.server_token else {}
    with httpx.Client(base_url=settings.server_url, headers=headers, timeout=TIMEOUT) as client:
        yield Server(settings.server_url, client, roles)
