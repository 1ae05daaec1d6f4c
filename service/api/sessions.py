"""Sign-ins of people at the pages: random secrets, of which the database keeps the digests.

They stand in the database so that every server process knows them, and are no records: they come and go
without events.
"""

import secrets
from datetime import timedelta

from sqlalchemy import delete, func, select

from spectra.digest import bytes_digest

from .clock import utc_in, utc_now
from .database import Database
from .tables import SignIn

COOKIE = "opioscan_session"

#: A shift, s.
LIFETIME_S = 12 * 3600.0

#: More people than any site has; the oldest sign-in makes room.
MOST = 1000


class Sessions:
    """Who is signed in. The token behind a sign-in is looked up again at each request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, token_id: str) -> str:
        """Sign in and return the secret for the cookie."""
        secret = secrets.token_urlsafe(32)
        until = utc_in(LIFETIME_S / timedelta(days=1).total_seconds())
        with self._database.write(f"token:{token_id}") as change:
            session = change.session
            session.execute(delete(SignIn).where(SignIn.expires_at <= change.now))
            if (session.scalar(select(func.count()).select_from(SignIn)) or 0) >= MOST:
                oldest = select(SignIn).order_by(SignIn.expires_at).limit(1)
                session.delete(session.scalars(oldest).one())
                session.flush()
            session.add(SignIn(digest=_digest(secret), token_id=token_id, expires_at=until))
        return secret

    def token_id(self, secret: str) -> str | None:
        """Return whose secret it is; None for nobody's or a past one."""
        if not secret:
            return None
        with self._database.read() as session:
            found = session.get(SignIn, _digest(secret))
            return found.token_id if found is not None and found.expires_at > utc_now() else None

    def close(self, secret: str) -> None:
        """Sign out; strangers who say so make nobody wait for a write."""
        if self.token_id(secret) is None:
            return
        with self._database.write("page") as change:
            change.session.execute(delete(SignIn).where(SignIn.digest == _digest(secret)))


def _digest(secret: str) -> str:
    return bytes_digest(secret.encode(errors="replace"))
