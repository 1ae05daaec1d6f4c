"""Signing secrets, kept encrypted: they are needed for signing, so that no digest would do.

The key is a file beside the archive and not in the database: whoever gets hold of the database or a copy of
it cannot sign. Several server processes on one database need the same file.
"""

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import WebhookKeyUnusable

NAME = "webhook.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


def new_secret() -> str:
    """Return a new signing secret in the form of the Standard Webhooks specification (24 to 64 bytes)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class SecretKeeper:
    """Encrypts and decrypts signing secrets.

    Parameters
    ----------
    path
        The key file; made when first needed, readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cipher: AESGCM | None = None

    def lock(self, secret: str, webhook_id: str) -> str:
        """Return a secret encrypted for one webhook; in the row of another it is worth nothing.

        Raises
        ------
        WebhookKeyUnusable
            The key file is not ours alone, or damaged.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._key().encrypt(nonce, secret.encode(), webhook_id.encode())
        return base64.b64encode(nonce + sealed).decode()

    def unlock(self, locked: str, webhook_id: str) -> str:
        """Return the secret of a webhook.

        Raises
        ------
        WebhookKeyUnusable
            The key file is another than the one it was encrypted with.
        """
        data = base64.b64decode(locked)
        try:
            plain = self._key().decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], webhook_id.encode())
        except InvalidTag as error:
            raise WebhookKeyUnusable(
                f"{self._path} is not the key the webhook's secret was encrypted with: restore that file, or "
                "give the webhook a new secret"
            ) from error
        return plain.decode()

    def _key(self) -> AESGCM:
        if self._cipher is None:
            self._cipher = AESGCM(_read(self._path))
        return self._cipher


def _read(path: Path) -> bytes:
    try:
        _make(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            found, key = os.fstat(descriptor), file.read(_KEY_BYTES + 1)
    except OSError as error:
        raise WebhookKeyUnusable(f"{path} cannot be read or made: {error.strerror}") from error
    if found.st_mode & 0o077 or found.st_uid != os.getuid():
        raise WebhookKeyUnusable(f"{path} is open to others: chmod 600 it, and rotate the webhooks' secrets")
    if len(key) != _KEY_BYTES:
        raise WebhookKeyUnusable(f"{path} is no key of {_KEY_BYTES} bytes: restore the file")
    return key


def _make(path: Path) -> None:
    """Make the file whole and under its name at once, so that two processes never have two keys."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    passing = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(passing, path)
        except FileExistsError:
            return
    finally:
        passing.unlink()
