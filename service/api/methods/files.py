"""The folder of method files: each whole, read-only, named by its SHA-256."""

import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi.concurrency import run_in_threadpool

from ...archive.journal import LEFTOVER_AGE_S, RESERVE_BYTES, free_bytes
from ...archive.whole import flush_folder
from ...errors import ArchiveError, DiskFull, EvidenceDamaged
from ...evidence.looker import Looker
from ...method_head import MAX_BYTES, MethodFileHead
from ..problems import Problem

#: Bytes gathered before they are written.
_CHUNK = 1 << 20


def path_of(folder: Path, file_id: str) -> Path:
    """Return where a method file is or would be."""
    return folder / f"{file_id}.zip"


async def receive(
    folder: Path, file_id: str, body: AsyncIterator[bytes], looker: Looker, *, announced: int = MAX_BYTES
) -> tuple[MethodFileHead, int]:
    """Keep a method file as it comes, and return what it holds and its size once it is safely there.

    Nothing counts before its digest is right and the method was rebuilt from it.

    Parameters
    ----------
    announced
        Bytes that are to come, for which there must be room.

    Raises
    ------
    Problem
        Other bytes came than its name says.
    EvidenceDamaged
        It is no method file, or damaged.
    ArchiveError
        It cannot be written; `DiskFull` where there is no room for it.
    """
    await run_in_threadpool(_ready, folder, announced)
    temporary = folder / f".{os.getpid()}-{secrets.token_hex(8)}.part"
    try:
        size = await _written(temporary, file_id, body)
        head = await run_in_threadpool(_checked, temporary, file_id, looker)
        await run_in_threadpool(_placed, temporary, path_of(folder, file_id))
        return head, size
    except TimeoutError as error:
        raise Problem("not_ready", str(error), headers={"Retry-After": "5"}) from error
    except OSError as error:
        if isinstance(error, ArchiveError):
            raise
        full = DiskFull if error.errno in {28, 122} else ArchiveError
        raise full(f"{folder}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _ready(folder: Path, announced: int) -> None:
    """Make the folder, clear away what killed servers left, and refuse what there is no room for."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in (*folder.glob(".*.part"), *folder.glob(".bundle-*")):
            if left.stat().st_mtime < time.time() - LEFTOVER_AGE_S:
                left.unlink(missing_ok=True)
    except OSError as error:
        raise ArchiveError(f"{folder}: {error.strerror or error}") from error
    if free_bytes(folder) < announced + RESERVE_BYTES:
        raise DiskFull(f"{folder} has no room for a method file of {announced} bytes; free some space")


async def compare(file_id: str, body: AsyncIterator[bytes]) -> None:
    """Hold a file that comes again against its name, and keep nothing of it.

    Raises
    ------
    Problem
        Other bytes came than its name says.
    """
    sha, size = hashlib.sha256(), 0
    async for part in body:
        sha.update(part)
        size += len(part)
    _require(file_id, sha.hexdigest(), size)


def _require(file_id: str, found: str, size: int) -> None:
    if found != file_id:
        raise Problem("digest_mismatch", f"{size} bytes came, of another SHA-256; send them again")


async def _written(temporary: Path, file_id: str, body: AsyncIterator[bytes]) -> int:
    sha, size, waiting = hashlib.sha256(), 0, bytearray()
    with temporary.open("xb") as file:
        async for part in body:
            size += len(part)
            waiting += part
            if len(waiting) >= _CHUNK:
                sha.update(waiting)
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
        sha.update(waiting)
        file.write(waiting)
        file.flush()
        await run_in_threadpool(os.fsync, file.fileno())
    _require(file_id, sha.hexdigest(), size)
    return size


def _checked(temporary: Path, file_id: str, looker: Looker) -> MethodFileHead:
    head = MethodFileHead(**looker.ask({"do": "check", "path": str(temporary)}))
    if head.file_id != file_id:
        raise EvidenceDamaged("the file changed while it was looked at")
    return head


def _placed(temporary: Path, path: Path) -> None:
    temporary.chmod(0o400)
    temporary.replace(path)
    flush_folder(path.parent)
