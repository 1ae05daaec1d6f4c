"""The key that signs heads of the chain: Ed25519 (RFC 8032), made at the server's first start.

It lies in the server's folder, beside the database, readable by its owner only. Whoever can write that folder
can sign: what protects against them are the copies of heads that benches and auditors keep, and the public
half handed out on the first day.

Where the private half is gone (a backup leaves it out), a new one is made. The public halves of before stay,
as ``audit-before-….pub``, for what they signed, and every head of the new key names them.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from spectra.digest import bytes_digest

from .errors import AuditKeyUnusable
from .settings import ServerSettings

PRIVATE, PUBLIC = "audit.key", "audit.pub"
#: Public keys of before, whose private halves are gone, are named after their identifiers.
_BEFORE = "audit-before-"

#: A larger file is no key.
_MOST_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What heads are checked with."""

    key: Ed25519PublicKey
    """The key."""
    key_id: str
    """SHA-256 of its 32 bytes, hexadecimal."""

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Return whether this key signed some bytes."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def text(self) -> str:
        """Return the key as PEM, as openssl reads it."""
        return self.key.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo).decode()


def server_folder(settings: ServerSettings) -> Path:
    """Return the folder in which a server keeps key and heads: where its scans lie, on every database."""
    return settings.scans_path.parent


def load_or_make(folder: Path) -> Ed25519PrivateKey:
    """Return the key of a server's folder; it is made where there is none.

    Raises
    ------
    AuditKeyUnusable
        The file cannot be read, or others may read it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = _loaded_or_made(folder)
    mine, public = public_of(key), folder / PUBLIC
    if public.exists():
        found = read_public(public)
        if found.key_id == mine.key_id:
            return key
        # The private half was lost: what it signed is still to be checked.
        keep_public(folder, found)
    _replace(public, mine.text().encode())
    return key


def keep_public(folder: Path, key: PublicKey) -> None:
    """Keep a public key of before beside the present one."""
    place = folder / f"{_BEFORE}{key.key_id[:16]}.pub"
    if not place.exists():
        _replace(place, key.text().encode())


def public_files(folder: Path) -> list[Path]:
    """Return the public keys in a server's folder: the present one, then those of before."""
    present = folder / PUBLIC
    return [*([present] if present.exists() else []), *sorted(folder.glob(f"{_BEFORE}*.pub"))]


def keys_before(folder: Path, key: PublicKey) -> tuple[str, ...]:
    """Return the identifiers of the keys whose place a key took."""
    found = {read_public(path).key_id for path in public_files(folder)}
    return tuple(sorted(found - {key.key_id}))


def _loaded_or_made(folder: Path) -> Ed25519PrivateKey:
    path = folder / PRIVATE
    try:
        return _load(path)
    except FileNotFoundError:
        pass
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    # Written whole under another name first: several processes may start at once; the first key counts.
    draft = folder / f".{PRIVATE}.{os.getpid()}"
    _write(draft, data, 0o600)
    try:
        os.link(draft, path)
    except FileExistsError:
        return _load(path)
    finally:
        draft.unlink()
    return key


def public_of(key: Ed25519PrivateKey) -> PublicKey:
    """Return the public half of a key."""
    return _public(key.public_key())


def read_public(path: Path) -> PublicKey:
    """Read a public key.

    Raises
    ------
    AuditKeyUnusable
        It cannot be read, or is none.
    """
    try:
        return parse_public(_bytes(path))
    except (OSError, ValueError) as error:
        raise AuditKeyUnusable(f"{path} is no public key that can be read: {error}") from error


def parse_public(data: bytes) -> PublicKey:
    """Return the public key of a PEM file; raises `ValueError` for what is none of Ed25519."""
    try:
        key = pem.load_pem_public_key(data[:_MOST_BYTES])
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is no Ed25519 key")  # noqa: TRY004 - a file, not an argument
    return _public(key)


def _public(key: Ed25519PublicKey) -> PublicKey:
    return PublicKey(key, bytes_digest(key.public_bytes_raw()))


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        if path.stat().st_mode & 0o077:
            raise AuditKeyUnusable(f"{path} can be read by others: chmod 600 {path}")
        key = pem.load_pem_private_key(_bytes(path), None)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AuditKeyUnusable(f"{path} cannot be used: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditKeyUnusable(f"{path} is no Ed25519 key")
    return key


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)


def _replace(public: Path, data: bytes) -> None:
    """Write a public key whole: other processes may read it."""
    draft = public.with_name(f".{public.name}.{os.getpid()}")
    _write(draft, data, 0o644)
    draft.replace(public)


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
