"""Our own copies: what arrived, byte for byte, and what was refused, with the reason."""

import hashlib
import json
import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .arrivals import ArrivedFile
from .taking import MAX_FILE

#: Most bytes of refused files kept; of later ones the reason alone. Chosen: a thousand spectra.
MAX_QUARANTINE = 512 << 20
#: Bytes that stay free on our disk.
RESERVE = 64 << 20
#: A temporary file this old belongs to a killed writer: writing one takes seconds.
LEFTOVER_AGE_S = 3600.0


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def plain_name(name: str) -> str:
    """Return a file's name as records have it: printable, at most 200 characters."""
    shown = "".join(character if character.isprintable() else "�" for character in name)
    return shown.encode(errors="replace").decode()[-200:] or "file"


class RawCopies:
    """Bytes on our own disk before anything else is done with them.

    Parameters
    ----------
    folder
        Where they are kept; made when missing, open to its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob(".*.tmp"):
            with suppress(FileNotFoundError):
                if left.stat().st_mtime < time.time() - LEFTOVER_AGE_S:
                    left.unlink()

    def keep(self, sha256: str, data: bytes) -> None:
        """Write a copy, flushed to the disk on return; raises `OSError`, with nothing half written."""
        if shutil.disk_usage(self._folder).free < len(data) + RESERVE:
            raise OSError(f"{self._folder}: no room for {len(data)} bytes; free some space")
        write_whole(self._folder / sha256, data)

    def read(self, sha256: str) -> bytes | None:
        """Return a copy, its digest checked; None where it is lost or damaged."""
        try:
            with (self._folder / sha256).open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except FileNotFoundError:
            return None
        return data if digest_of(data) == sha256 else None

    def drop(self, sha256: str) -> None:
        """Remove a copy that is kept elsewhere by now."""
        (self._folder / sha256).unlink(missing_ok=True)


class Quarantine:
    """Files that could not be read, each beside a JSON file that says why.

    Parameters
    ----------
    folder
        Where they are kept; made when missing, open to its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, file: ArrivedFile, reason: str, *, source: str, at: str) -> None:
        """Keep a copy of a refused file and the reason; again changes nothing."""
        held = sum(one.stat().st_size for one in self.folder.iterdir() if one.suffix == ".bin")
        copied = held + len(file.data) <= MAX_QUARANTINE
        if copied:
            self._write(f"{file.sha256[:24]}.bin", file.data)
        facts = {"sha256": file.sha256, "bytes": len(file.data), "claimed_written_ns": file.mtime_ns}
        self._note(file.sha256, file.name, reason, source, at, {**facts, "copied": copied})

    def refuse(self, name: str, size: int, reason: str, *, source: str, at: str) -> None:
        """Note why a file was not even copied."""
        key = digest_of(f"{source}\n{name}\n{size}".encode(errors="replace"))
        self._note(key, name, reason, source, at, {"sha256": "", "bytes": size, "copied": False})

    def release(self, sha256: str) -> None:
        """Forget a file that found its place after all."""
        for ending in (".json", ".bin"):
            (self.folder / f"{sha256[:24]}{ending}").unlink(missing_ok=True)

    def copy_of(self, note: dict[str, Any]) -> bytes | None:
        """Return the bytes of a refused file; None where they were not kept, or are damaged."""
        digest = str(note.get("sha256", ""))
        try:
            data = (self.folder / f"{digest[:24]}.bin").read_bytes()
        except OSError:
            return None
        return data if digest_of(data) == digest else None

    def listed(self) -> list[dict[str, Any]]:
        """Return the notes, oldest first; a damaged one is passed over."""
        notes = []
        for path in self.folder.glob("*.json"):
            try:
                note = json.loads(path.read_bytes())
                notes.append((str(note["at"]), path.name, note))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return [note for _, _, note in sorted(notes, key=lambda one: one[:2])]

    def _note(self, key: str, name: str, reason: str, source: str, at: str, facts: dict[str, Any]) -> None:
        note = {"name": plain_name(name), "reason": reason[:1000], "source": source, "at": at, **facts}
        self._write(f"{key[:24]}.json", json.dumps(note, indent=1, sort_keys=True).encode())

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        if not path.exists():
            write_whole(path, data)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves it whole or absent; raises `OSError`."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
