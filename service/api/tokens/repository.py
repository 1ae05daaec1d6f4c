"""Tokens in the database."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..change import Change
from ..clock import utc_in, utc_now
from ..permissions import Role
from ..tables import Token, table_of
from .scopes import checked

#: What a token of this system begins with, so that scanners for leaked secrets know it.
PREFIX = "ops_"

#: 32 random bytes need no slow hash: nobody can try them out.
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class KnownToken:
    """What a request needs of the token that was sent with it."""

    token_id: str
    role: str
    scopes: str | None


def create_token(
    change: Change,
    role: Role,
    *,
    name: str = "",
    days: float | None = None,
    scopes: Sequence[str] = (),
) -> tuple[str, Token]:
    """Make a token and return its secret, which is kept nowhere, and its row.

    Parameters
    ----------
    change
        The transaction.
    role
        What it may do, see `permissions`.
    name
        Who or what has it.
    days
        How long it is valid; None for until revoked.
    scopes
        What it may do of what its role may, see `scopes`; none for all.

    Raises
    ------
    ValueError
        One is no scope.
    """
    secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    token = Token(
        token_id=str(uuid.uuid4()),
        role=role.value,
        name=name,
        digest=bytes_digest(secret.encode()),
        created_at=change.now,
        expires_at=None if days is None else utc_in(days),
        revoked_at=None,
        scopes=checked(scopes),
    )
    change.session.add(token)
    data = {
        "token_id": token.token_id,
        "role": token.role,
        "expires_at": token.expires_at,
        "scopes": (token.scopes or "").split(),
    }
    change.record("token.created", f"tokens/{token.token_id}", data)
    return secret, token


_TOKENS = table_of(Token)
_BY_DIGEST = select(
    *(_TOKENS.c[name] for name in ("token_id", "role", "scopes", "expires_at", "revoked_at"))
).where(_TOKENS.c.digest == bindparam("secret"))


def find_secret(connection: Connection, secret: str) -> KnownToken | None:
    """Return the valid token of a secret; None for one that is unknown, expired or revoked."""
    if not secret.startswith(PREFIX) or len(secret) > 128:
        return None
    digest = bytes_digest(secret.encode(errors="replace"))
    # Asked at every request: a plain statement, and nothing that a session knows.
    found = connection.execute(_BY_DIGEST, {"secret": digest}).one_or_none()
    if found is None or not _is_valid(found.expires_at, found.revoked_at):
        return None
    return KnownToken(found.token_id, found.role, found.scopes)


def find_valid(session: Session, token_id: str) -> Token | None:
    """Return a token by its id; None for one that is unknown, expired or revoked."""
    token = session.get(Token, token_id)
    return token if token is not None and _is_valid(token.expires_at, token.revoked_at) else None


def list_tokens(session: Session) -> list[Token]:
    """Return all tokens, oldest first."""
    return list(session.scalars(select(Token).order_by(Token.created_at, Token.token_id)))


def revoke_token(change: Change, token_id: str) -> Token | None:
    """Revoke a token at once; None where there is no such token."""
    token = change.session.get(Token, token_id)
    if token is not None and token.revoked_at is None:
        token.revoked_at = change.now
        change.record("token.revoked", f"tokens/{token_id}", {"token_id": token_id})
    return token


def _is_valid(expires_at: str | None, revoked_at: str | None) -> bool:
    return revoked_at is None and (expires_at is None or expires_at > utc_now())
