"""Asking the server how the benches stand."""

from typing import Any

import httpx

from .errors import ServerRefused, ServerUnreachable
from .replies import json_object, read_bounded
from .settings import Settings

#: One page of the longest list; a longer answer is not the server's.
MAX_REPLY_BYTES = 16 * 1024 * 1024
#: More benches than any site has, in pages.
MAX_PAGES = 100
TIMEOUT = httpx.Timeout(20.0, connect=5.0)

_PATH = "/api/v1/benches"


def ask_fleet(settings: Settings) -> dict[str, Any]:
    """Return every bench that reports, with the newest released method.

    Returns
    -------
    dict
        ``server``, ``newest_release`` and ``benches``, as the API gives them.

    Raises
    ------
    ServerUnreachable
        No server is configured or answers, or what answers is none.
    ServerRefused
        The token may not see the benches.
    """
    if not settings.server_url:
        raise ServerUnreachable("no server is configured; set OPIOSCAN_SERVER or server_url in config.toml")
    headers = {"Authorization": f"Bearer {settings.server_token}"} if settings.server_token else {}
    benches: list[dict[str, Any]] = []
    newest, cursor = None, ""
    with httpx.Client(base_url=settings.server_url, headers=headers, timeout=TIMEOUT) as client:
        for _ in range(MAX_PAGES):
            page = _page(client, settings.server_url, cursor)
            try:
                benches += page["items"]
                newest, cursor = page["newest_release"], page["next_cursor"]
            except (KeyError, TypeError) as error:
                raise _stranger(settings.server_url, 200) from error
            if not cursor:
                return {"server": settings.server_url, "newest_release": newest, "benches": benches}
    raise ServerUnreachable(
        f"{settings.server_url} answers with a list that has no end; is the address right?"
    )


def _page(client: httpx.Client, address: str, cursor: str) -> dict[str, Any]:
    params = {"limit": "200", **({"cursor": cursor} if cursor else {})}
    try:
        with client.stream("GET", _PATH, params=params) as response:
            body = read_bounded(response, MAX_REPLY_BYTES)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        words = str(error) or type(error).__name__
        raise ServerUnreachable(f"{address} is out of reach: {words}") from error
    answer = json_object(response, body)
    if answer is None:
        raise _stranger(address, response.status_code)
    if response.status_code != 200:
        said = " ".join(str(answer.get("detail") or answer.get("title") or "").split())[:300]
        raise ServerRefused(f"{address} answered {response.status_code}: {said}{_hint(response)}")
    return answer


def _hint(response: httpx.Response) -> str:
    if response.status_code not in {401, 403}:
        return ""
    return "; set OPIOSCAN_TOKEN to a token of a technician, officer, auditor or admin"


def _stranger(address: str, status: int) -> ServerUnreachable:
    return ServerUnreachable(
        f"{address} answered {status}, but not as an opioscan server does; is the address right?"
    )
