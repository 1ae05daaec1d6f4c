"""The files in a backup, one after the other, from a tar file that anybody may have made.

Only plain files with the names and sizes of a backup are read; links, devices, long names and paths that lead
elsewhere are refused by their header, before anything behind it is read.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..api.errors import BackupRefused
from .form import Member, read_name

_PLAIN = {tarfile.REGTYPE, tarfile.AREGTYPE}


def members(source: Path) -> Iterator[tuple[Member, bytes]]:
    """Yield the files of a backup with their bytes.

    Raises
    ------
    BackupRefused
        It is no backup, holds what none holds, or was cut off.
    """
    with source.open("rb") as file:
        while (member := _next(file)) is not None:
            what, size = member
            data = _read(file, size)
            _read(file, -size % tarfile.BLOCKSIZE)
            yield what, data


def _next(file: BinaryIO) -> tuple[Member, int] | None:
    block = file.read(tarfile.BLOCKSIZE)
    if not block.strip(b"\0"):
        return None
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.TarError, ValueError) as error:
        raise BackupRefused("this is no backup, or it is damaged") from error
    if info.type not in _PLAIN:
        raise BackupRefused(f"the backup holds {info.name[:100]!r}, which is no plain file")
    member = read_name(info.name)
    if not 0 <= info.size <= member.most:
        raise BackupRefused(f"{info.name[:100]} in the backup has {info.size} bytes, more than it may have")
    return member, info.size


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise BackupRefused("the backup was cut off")
    return data
