"""Signed heads of the chain in backups: without them a restored server could not prove its tail.

Heads and public keys go in, private keys do not: copies of backups lie about, and a key that lies about
proves nothing. A restored server makes a key of its own; every head of it names the keys whose place it took.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..api.errors import AuditKeyUnusable, BackupRefused, HeadsUnreadable
from ..api.events.verification import Witness
from ..api.heads_key import PRIVATE, PublicKey, keep_public, parse_public, public_files, read_public
from ..api.heads_signed import KEPT, SignedHead, read_heads
from ..api.witness import gather
from ..archive.whole import flush_folder


@dataclass(frozen=True, slots=True)
class Found:
    """What a server keeps of its chain outside the database."""

    witness: Witness
    """Heads and keys."""
    fault: str = ""
    """Why they cannot be read, in words; empty where they can."""


def find_heads(folder: Path) -> Found:
    """Look what heads there are; before the database is looked at, so that none is newer than its rows."""
    try:
        return Found(gather(folder))
    except (HeadsUnreadable, AuditKeyUnusable) as error:
        return Found(Witness(), str(error))


class HeadsBack:
    """Puts heads and public keys of a backup into the folder of a server.

    Parameters
    ----------
    folder
        The server's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._draft = folder / f".heads-restored-{os.getpid()}.jsonl"
        self._draft.unlink(missing_ok=True)
        self._keys: list[PublicKey] = []
        self.aside: Path | None = None

    def add_key(self, name: str, data: bytes) -> None:
        """Take a public key; raises `BackupRefused` for what is none, or another."""
        try:
            key = parse_public(data)
        except ValueError as error:
            raise BackupRefused(f"keys/{name} in the backup is no public key") from error
        if key.key_id != name:
            raise BackupRefused(f"keys/{name} in the backup is another key")
        self._keys.append(key)

    def add_heads(self, data: bytes) -> None:
        """Take further heads, one a line."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:  # noqa: PTH123
            file.write(data)

    def count(self) -> int:
        """Return how many heads there are; raises `BackupRefused` for what is none."""
        return sum(1 for _ in self._heads())

    def witness(self) -> Witness:
        """Return what they bear witness of."""
        return Witness(heads=((head, f"signed head of {head.at}") for head in self._heads()), keys=self._keys)

    def keep(self) -> None:
        """Put everything in its place; heads that are there are moved aside: they tell of another chain.

        Raises
        ------
        BackupRefused
            A server is running there.
        """
        place = self._folder / "heads"
        if place.is_dir():
            _require_idle(place)
            if any(not one.name.startswith(".lock-") for one in place.iterdir()):
                self.aside = _free_name(self._folder)
                place.rename(self.aside)
        present = {read_public(path).key_id for path in public_files(self._folder)}
        for key in self._keys:
            if key.key_id not in present:
                keep_public(self._folder, key)
        if self._draft.exists():
            place.mkdir(mode=0o700, exist_ok=True)
            with self._draft.open("rb+") as file:
                os.fsync(file.fileno())
            self._draft.rename(place / KEPT)
            flush_folder(place)
        if self._folder.is_dir():
            flush_folder(self._folder)

    def lacks_key(self) -> bool:
        """Whether the next start makes a new private key, though another one signed before."""
        return bool(self._keys) and not (self._folder / PRIVATE).exists()

    def close(self) -> None:
        """Leave no draft behind."""
        self._draft.unlink(missing_ok=True)

    def _heads(self) -> Iterator[SignedHead]:
        if self._draft.exists():
            try:
                yield from read_heads(self._draft)
            except HeadsUnreadable as error:
                raise BackupRefused("the signed heads in the backup cannot be read") from error


def _require_idle(place: Path) -> None:
    """Refuse heads that a running server keeps (`HeadKeeper` holds a lock for each process)."""
    for path in place.glob(".lock-*"):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupRefused(f"a server keeps its heads in {place}: stop it first") from error
        finally:
            os.close(descriptor)


def _free_name(folder: Path) -> Path:
    name = f"heads-before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    taken = {one.name for one in folder.iterdir()}
    return next(
        folder / one for one in (name, *(f"{name}-{number}" for number in range(2, 1000))) if one not in taken
    )
