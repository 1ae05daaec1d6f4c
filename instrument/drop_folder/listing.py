"""What lies in a folder that anybody may have written to: regular files, bounded, no link followed.

Every step is taken relative to an open folder, so that a name that becomes a link between two looks
leads nowhere else (openat(2), ``O_NOFOLLOW``).
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConnectionLost

#: Most files and folders looked at in one pass: chosen; a stick with more is no device's export folder.
MAX_ENTRIES = 20_000
#: Endings of files that are still being written or copied, by their programs' custom.
UNFINISHED = ("~", ".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp")
#: What operating systems leave on a drive.
SYSTEM_NAMES = frozenset(
    {"system volume information", "$recycle.bin", "lost+found", "thumbs.db", "desktop.ini", "lost.dir"}
)
#: Errors of a drive that was pulled out, of a network folder that is gone, and of a folder that never was.
GONE = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENODEV,
        errno.ENXIO,
        errno.EIO,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
        errno.EHOSTDOWN,
    }
)
_LOST = GONE - {errno.ENOENT, errno.ENOTDIR}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file as it was seen."""

    parts: tuple[str, ...]
    """Folders below the root, and the file's name."""
    size: int
    """Bytes."""
    mtime_ns: int
    """When it was last written, ns, by whatever clock wrote it: a claim, good for comparison alone."""
    ctime_ns: int
    """When its inode last changed, ns; this machine's clock on most file systems."""
    inode: int
    """Its number in the file system."""

    @property
    def name(self) -> str:
        """Its name, without folders."""
        return self.parts[-1]

    @property
    def path(self) -> str:
        """Its path below the root."""
        return "/".join(self.parts)

    @classmethod
    def of(cls, parts: tuple[str, ...], found: os.stat_result) -> "Entry":
        """Return the entry of a file that was just looked at."""
        return cls(parts, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass(frozen=True, slots=True)
class Listing:
    """One look into a folder."""

    identity: tuple[int, int]
    """Device and inode of the folder: another one where something else was mounted there."""
    entries: tuple[Entry, ...]
    """Files, by path."""
    complete: bool
    """False where there were more than are looked at."""


def is_unfinished(name: str) -> bool:
    """Whether a name is that of a hidden, temporary or system file or folder."""
    folded = name.casefold()
    return folded.startswith((".", "~")) or folded.endswith(UNFINISHED) or folded in SYSTEM_NAMES


def list_files(root: Path, *, depth: int, limit: int = MAX_ENTRIES) -> Listing:
    """Return the regular files of a folder and its sub-folders.

    Links, devices, pipes and sockets are left out, as are hidden and temporary names, and what is mounted
    below the folder.

    Parameters
    ----------
    root
        The folder; it may itself be reached through a link.
    depth
        Levels of sub-folders.
    limit
        Most names looked at.

    Raises
    ------
    ConnectionLost
        It is not there, or was pulled out meanwhile.
    """
    try:
        descriptor = os.open(root, _FOLDER)
    except OSError as error:
        raise gone(root, error) from error
    try:
        found = os.fstat(descriptor)
        walk = _Walk(found.st_dev, limit)
        walk.into(descriptor, (), depth)
    except OSError as error:
        raise gone(root, error) from error
    finally:
        os.close(descriptor)
    walk.entries.sort(key=lambda entry: entry.parts)
    return Listing((found.st_dev, found.st_ino), tuple(walk.entries), walk.left > 0)


def gone(root: Path, error: OSError) -> ConnectionLost:
    """Return the error for a folder that cannot be read."""
    why = error.strerror or str(error)
    return ConnectionLost(f"{root}: {why}; plug the device in, or mount the folder")


@contextmanager
def folder_of(root: Path, parts: tuple[str, ...]) -> Iterator[int]:
    """Open a folder below the root, one level at a time, following no link; raises `OSError`."""
    descriptor = os.open(root, _FOLDER)
    try:
        for part in parts:
            below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


class _Walk:
    """One walk through a folder."""

    def __init__(self, device: int, limit: int) -> None:
        self.entries: list[Entry] = []
        self.left = limit
        self._device = device

    def into(self, folder: int, parts: tuple[str, ...], depth: int) -> None:
        """Take in a folder and what is below; raises `OSError` where the whole drive is gone."""
        below = []
        with os.scandir(folder) as names:
            for one in names:
                if self.left <= 0:
                    break
                self.left -= 1
                if is_unfinished(one.name):
                    continue
                if one.is_dir(follow_symlinks=False):
                    below.append(one.name)
                elif one.is_file(follow_symlinks=False):
                    self._take(one, parts)
        for name in sorted(below) if depth > 0 else ():
            self._below(folder, (*parts, name), depth - 1)

    def _take(self, one: os.DirEntry[str], parts: tuple[str, ...]) -> None:
        try:
            found = one.stat(follow_symlinks=False)
        except OSError as error:
            _unless_lost(error)
            return
        if stat.S_ISREG(found.st_mode):
            self.entries.append(Entry.of((*parts, one.name), found))

    def _below(self, folder: int, parts: tuple[str, ...], depth: int) -> None:
        try:
            descriptor = os.open(parts[-1], _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
        except OSError as error:
            _unless_lost(error)
            return
        try:
            if os.fstat(descriptor).st_dev == self._device:
                self.into(descriptor, parts, depth)
        finally:
            os.close(descriptor)


def _unless_lost(error: OSError) -> None:
    """Pass over what vanished or may not be read; raise where the drive itself is gone."""
    if error.errno in _LOST:
        raise error
