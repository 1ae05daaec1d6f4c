"""Sign-ins of people at the pages: random ids in memory, gone with the server."""

import secrets
import threading
import time
from dataclasses import dataclass

from spectra.digest import bytes_digest

COOKIE = "opioscan_session"

#: A shift, s.
LIFETIME_S = 12 * 3600.0

#: More people than any site has; the oldest sign-in makes room.
MOST = 1000


@dataclass(frozen=True, slots=True)
class _SignIn:
    token_id: str
    until: float


class Sessions:
    """Who is signed in. The token behind a sign-in is looked up again at each request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _SignIn] = {}

    def open(self, token_id: str) -> str:
        """Sign in and return the secret for the cookie."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._open) >= MOST:
                del self._open[next(iter(self._open))]
            self._open[bytes_digest(secret.encode())] = _SignIn(token_id, time.monotonic() + LIFETIME_S)
        return secret

    def token_id(self, secret: str) -> str | None:
        """Return whose secret it is; None for nobody's or a past one."""
        with self._lock:
            found = self._open.get(bytes_digest(secret.encode(errors="replace")))
        return found.token_id if found and found.until > time.monotonic() else None

    def close(self, secret: str) -> None:
        """Sign out."""
        with self._lock:
            self._open.pop(bytes_digest(secret.encode(errors="replace")), None)
