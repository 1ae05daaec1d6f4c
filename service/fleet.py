"""Asking the server how the benches stand."""

from typing import Any

from .asking import asking
from .settings import Settings

#: More benches than any site has, in pages.
MAX_PAGES = 100

_PATH = "/api/v1/benches"
_ROLES = "technician, officer, auditor or admin"


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
    benches: list[dict[str, Any]] = []
    newest, cursor = None, ""
    with asking(settings, roles=_ROLES) as server:
        for _ in range(MAX_PAGES):
            page = server.get(_PATH, {"limit": "200", **({"cursor": cursor} if cursor else {})})
            try:
                benches += page["items"]
                newest, cursor = page["newest_release"], page["next_cursor"]
            except (KeyError, TypeError) as error:
                raise server.stranger() from error
            if not cursor:
                return {"server": server.address, "newest_release": newest, "benches": benches}
        raise server.endless()
