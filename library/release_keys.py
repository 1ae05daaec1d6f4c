"""Signing keys: Ed25519, the private half under a passphrase in a file of its owner, the public half apart.

``NAME.key`` is JSON: name, public key, and the private key sealed with ChaCha20-Poly1305 (RFC 8439) under a
key that scrypt (RFC 7914) makes of the passphrase; the public half is authenticated with it. ``NAME.pub``
is the public half alone. PEM would do, but its usual derivation (PBKDF2) is far cheaper to guess at than
scrypt, and a key that releases methods lies on a USB stick in a drawer.
"""

import base64
import binascii
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from securesystemslib.signer import CryptoSigner, SSlibKey

from .method_names import NAME
from .release_errors import KeyUnusable

FORMAT = "opioscan.signing-key"

#: Cost of scrypt: 128 MiB and about 0.3 s (OWASP Password Storage Cheat Sheet: N=2^17, r=8, p=1).
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 17, 8, 1

#: A shorter passphrase is refused (chosen).
MIN_PASSPHRASE = 12

#: A larger key file is none.
MAX_KEY_BYTES = 16 * 1024

#: Where a public key says whose it is; TUF keeps fields it does not know.
WHOSE = "x-opioscan-name"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, ready to sign."""

    name: str
    """Whose it is."""
    signer: CryptoSigner
    """What signs."""

    @property
    def keyid(self) -> str:
        """Identifier of its public half, 64 hexadecimal digits."""
        return str(self.signer.public_key.keyid)


def make_key(folder: Path, name: str, passphrase: str) -> tuple[Path, Path]:
    """Make a key pair and return its two files, the private one readable by its owner only.

    Raises
    ------
    KeyUnusable
        The name or passphrase cannot be used, or a file of that name is there.
    """
    if not NAME.fullmatch(name):
        raise KeyUnusable(f"{name!r:.80} cannot be a key's name: a-z, 0-9, dot, hyphen and underscore")
    if len(passphrase) < MIN_PASSPHRASE:
        raise KeyUnusable(
            f"a passphrase has at least {MIN_PASSPHRASE} characters; several words are easy to keep"
        )
    private = Ed25519PrivateKey.generate()
    public = _public_of(name, SSlibKey.from_crypto(private.public_key()))
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = ChaCha20Poly1305(_derived(passphrase, salt)).encrypt(
        nonce, private.private_bytes_raw(), _bytes(public)
    )
    said = {"salt": _text(salt), "nonce": _text(nonce), "sealed": _text(sealed)}
    scrypt = {"n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P}
    paths = folder / f"{name}.key", folder / f"{name}.pub"
    _write_new(paths[0], _bytes({"format": FORMAT, "public": public, "scrypt": scrypt, **said}), 0o600)
    _write_new(paths[1], _bytes(public), 0o644)
    return paths


def read_key(path: Path, passphrase: str) -> SigningKey:
    """Read a private key.

    Raises
    ------
    KeyUnusable
        It cannot be read, others may read it, it is damaged, or the passphrase is another one's.
    """
    said = _read(path, private=True)
    try:
        if said["format"] != FORMAT or said["scrypt"] != {"n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P}:
            raise KeyUnusable(f"{path} is not a signing key of opioscan")
        name, key = _key_of(said["public"])
        salt, nonce, sealed = (
            base64.b64decode(said[field], validate=True) for field in ("salt", "nonce", "sealed")
        )
        raw = ChaCha20Poly1305(_derived(passphrase, salt)).decrypt(nonce, sealed, _bytes(said["public"]))
        signer = CryptoSigner(Ed25519PrivateKey.from_private_bytes(raw), key)
    except InvalidTag as error:
        raise KeyUnusable(f"{path}: the passphrase is wrong, or the file was altered") from error
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        if isinstance(error, KeyUnusable):
            raise
        raise KeyUnusable(f"{path} is damaged; take the copy you keep of it") from error
    return SigningKey(name, signer)


def read_public(path: Path) -> SSlibKey:
    """Read a public key; `whose` tells its name.

    Raises
    ------
    KeyUnusable
        It cannot be read, or is no public key.
    """
    try:
        return _key_of(_read(path, private=False))[1]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, KeyUnusable):
            raise
        raise KeyUnusable(f"{path} is not a public key of opioscan (NAME.pub)") from error


def whose(key: Any) -> str:
    """Return the name a public key bears, or the start of its identifier where it bears none."""
    name = key.unrecognized_fields.get(WHOSE)
    return name if isinstance(name, str) and NAME.fullmatch(name) else str(key.keyid)[:12]


def _public_of(name: str, key: SSlibKey) -> dict[str, Any]:
    return {"keyid": key.keyid, **key.to_dict(), WHOSE: name}


def _key_of(said: Any) -> tuple[str, SSlibKey]:
    fields = dict(said)
    keyid, name = fields.pop("keyid"), fields[WHOSE]
    key = SSlibKey.from_dict(keyid, fields)
    if key.keytype != "ed25519" or not isinstance(name, str) or not NAME.fullmatch(name):
        raise KeyUnusable("it is not an Ed25519 key with a name")
    raw = bytes.fromhex(key.keyval["public"])
    if SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(raw)).keyid != keyid:
        raise KeyUnusable("the key's identifier is not its own: it was altered")
    return name, key


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P).derive(passphrase.encode())


def _read(path: Path, *, private: bool) -> dict[str, Any]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise KeyUnusable(f"the key {path} cannot be read: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_KEY_BYTES:
            raise KeyUnusable(f"{path} is no regular file, or larger than a key")
        if private and found.st_mode & 0o077:
            raise KeyUnusable(f"others may read {path}; run: chmod 600 {path}")
        data = file.read(MAX_KEY_BYTES + 1)
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise KeyUnusable(f"{path} is not a key of opioscan") from error
    if not isinstance(said, dict):
        raise KeyUnusable(f"{path} is not a key of opioscan")
    return said


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError as error:
        raise KeyUnusable(f"{path} is there already: a key is never replaced") from error
    except OSError as error:
        raise KeyUnusable(f"the key {path} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)


def _bytes(said: dict[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True).encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
