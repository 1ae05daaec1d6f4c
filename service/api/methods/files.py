"""The folder of method files: each whole, read-only, named by its SHA-256."""

import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi.concurrency import run_in_threadpool

from ...archive.whole import flush_folder
from ...errors import ArchiveError, DiskFull, EvidenceDamaged
from ...evidence.looker import Looker
from ...method_file import MethodFileHead
from ..problems import Problem

#: Bytes gathered before they are written.
_CHUNK = 1 << 20


def path_of(folder: Path, file_id: str) -> Path:
    """Return where a method file is or would be."""
    return folder / f"{file_id}.zip"


async def receive(
    folder: Path, file_id: str, body: AsyncIterator[bytes], looker: Looker
) -> tuple[MethodFileHead, int]:
    """Keep a method file as it comes, and return what it holds and its size once it is safely there.

    Nothing counts before its digest is right and the method was rebuilt from it.

    Raises
    ------
    Problem
        Other bytes came than its name says.
    EvidenceDamaged
        It is no method file, or damaged.
    ArchiveError
        It cannot be written.
    """
    temporary = folder / f".{os.getpid()}-{secrets.token_hex(8)}.part"
    try:
        size = await _written(temporary, file_id, body)
        head = await run_in_threadpool(_checked, temporary, file_id, looker)
        await run_in_threadpool(_placed, temporary, path_of(folder, file_id))
        return head, size
    except OSError as error:
        if isinstance(error, ArchiveError):
            raise
        full = DiskFull if error.errno in {28, 122} else ArchiveError
        raise full(f"{folder}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


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
    temporary.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
