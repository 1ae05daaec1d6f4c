"""The file of a bench's officers: digests of badges and PINs that give neither away.

Written whole, readable by its owner only. A badge and a PIN are kept as scrypt of a keyed digest
(HMAC-SHA256). The key is in a file of its own: a table that was copied alone tells nothing, and with the
key each guess still costs what scrypt costs.
"""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from .notes import write_private

FORMAT = "opioscan.officers/1"
#: A larger file is not ours.
MAX_BYTES = 1024 * 1024

#: How long a change waits for another one, s (chosen: a change takes less than one, scrypt included).
LOCK_S = 10.0

#: OWASP Password Storage Cheat Sheet: scrypt with N = 2^14, r = 8, p = 5, which takes 16 MiB.
_N, _R, _P, _LENGTH = 2**14, 8, 5, 32


@dataclass(frozen=True, slots=True)
class OfficerNote:
    """One officer as kept."""

    name: str
    """Name that records carry."""
    badge: str
    """Digest of the badge's barcode, hexadecimal."""
    salt: str
    """Salt of the PIN, hexadecimal."""
    pin: str
    """Digest of the PIN, hexadecimal."""
    added_at: str
    """RFC 3339, UTC."""
    tries: int = 0
    """Wrong PINs since the last right one."""
    wait_until: float = 0.0
    """Before this no PIN is looked at, Unix time, s."""


@dataclass(frozen=True, slots=True)
class Table:
    """The officers of a bench, with what unknown badges have earned it."""

    salt: str
    """Salt of all badges, hexadecimal: a badge has to be found by its digest."""
    officers: tuple[OfficerNote, ...] = ()
    """By name."""
    tries: int = 0
    """Unknown badges since the last known one."""
    wait_until: float = 0.0
    """Before this no unknown badge is looked at, Unix time, s."""

    def with_officer(self, old: OfficerNote, new: OfficerNote) -> "Table":
        """Return the table with one officer changed."""
        return replace(self, officers=tuple(new if one is old else one for one in self.officers))


class OfficersFile:
    """The file and its key.

    Parameters
    ----------
    path
        The file; made when first written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def digest(self, text: str, salt: str) -> str:
        """Return the digest of a badge or PIN, hexadecimal."""
        keyed = hmac.digest(self._key(), text.encode(), "sha256")
        return hashlib.scrypt(keyed, salt=bytes.fromhex(salt), n=_N, r=_R, p=_P, dklen=_LENGTH).hex()

    def read(self) -> Table:
        """Return the table, an empty one where there is no file; raises `SettingsError` for a damaged one."""
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return Table(secrets.token_hex(16))
        except OSError as error:
            raise SettingsError(f"{self.path} cannot be read: {error.strerror}") from error
        try:
            return _table_of(data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(
                f"{self.path} is damaged; move it away and register officers again"
            ) from error

    def write(self, table: Table) -> None:
        """Replace the table."""
        kept = sorted(table.officers, key=lambda one: one.name.casefold())
        held = {**asdict(replace(table, officers=())), "officers": [asdict(one) for one in kept]}
        text = json.dumps({"format": FORMAT, **held}, indent=1, sort_keys=True)
        write_private(self.path, text.encode())

    @contextmanager
    def changing(self) -> Iterator[Table]:
        """Hold the file for a change: the agent and the command line may both be at it.

        Raises `SettingsError` where another program, such as one that was suspended, does not let go of it.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait_for(lock)
            yield self.read()
        finally:
            os.close(lock)

    def _wait_for(self, lock: int) -> None:
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SettingsError(f"another program holds {self.path}; end it and try again") from None
                time.sleep(0.02)
            else:
                return

    def _key(self) -> bytes:
        path = self.path.with_suffix(".key")
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            if self.path.exists():
                raise SettingsError(f"{path} is missing: register the officers again") from None
            key = secrets.token_bytes(32)
            write_private(path, key)
        if len(key) != 32:
            raise SettingsError(f"{path} is damaged: register the officers again")
        return key


def _table_of(data: bytes) -> Table:
    held: Any = json.loads(data) if len(data) <= MAX_BYTES else None
    if held.pop("format") != FORMAT:
        raise ValueError("another format")
    notes = tuple(OfficerNote(**one) for one in held.pop("officers"))
    table = Table(**held, officers=notes)
    for salt, tries, wait_until in [(table.salt, table.tries, table.wait_until)] + [
        (one.salt, one.tries, one.wait_until) for one in notes
    ]:
        bytes.fromhex(salt)
        if type(tries) is not int or type(wait_until) is not float:
            raise ValueError("a count is none")
    if not all(
        isinstance(text, str) for one in notes for text in (one.name, one.badge, one.pin, one.added_at)
    ):
        raise ValueError("an officer is damaged")
    return table
