"""The bytes of one finished file: alone with it where the system allows, bounded, and unchanged meanwhile."""

import errno
import fcntl
import os
import signal
import stat
from pathlib import Path

from ..errors import DeviceNotReady, FileRefused, InstrumentError
from .listing import GONE, Entry, folder_of, gone

#: Largest file taken, bytes: as large as any a reader reads.
MAX_FILE = 32 << 20
_PIECE = 1 << 20
#: Errors of file systems that know no locks (FAT over FUSE, some network folders).
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EACCES, errno.EBADF})


def take(root: Path, entry: Entry, *, limit: int = MAX_FILE) -> bytes:
    """Read a file that was seen to be finished.

    It counts as free when nobody holds a lock on it (flock(2)) and, on Linux for files of this user, nobody
    has it open for writing (a read lease, fcntl(2) ``F_SETLEASE``, given back at once). Neither sees a
    program on the other side of a network or a USB cable: for those, size and time that stay the same count.

    Parameters
    ----------
    root
        The watched folder.
    entry
        The file as it was seen.
    limit
        Most bytes.

    Raises
    ------
    DeviceNotReady
        Somebody is writing it, or it changed or vanished: look again later.
    FileRefused
        Too large, or no file any more.
    ConnectionLost
        The drive was pulled out.
    """
    if entry.size > limit:
        raise FileRefused(f"{entry.name}: {entry.size} bytes; a spectrum file has {limit} at most")
    try:
        with folder_of(root, entry.parts[:-1]) as folder:
            descriptor = _open(entry.name, folder)
            try:
                return _read(descriptor, entry, limit)
            finally:
                os.close(descriptor)
    except OSError as error:
        raise _explained(root, entry, error) from error


def _open(name: str, folder: int) -> int:
    # O_NONBLOCK: a file that became a pipe meanwhile must not hold us up.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        # The time of the last reading is the device's own, where we may leave it alone (open(2)).
        return os.open(name, flags | getattr(os, "O_NOATIME", 0), dir_fd=folder)
    except PermissionError:
        return os.open(name, flags, dir_fd=folder)


def _read(descriptor: int, entry: Entry, limit: int) -> bytes:
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise FileRefused(f"{entry.name}: no file any more")
    if Entry.of(entry.parts, before) != entry or _is_in_use(descriptor):
        raise DeviceNotReady(f"{entry.name}: still being written")
    pieces, size = [], 0
    while piece := os.read(descriptor, _PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise DeviceNotReady(f"{entry.name}: grew while it was read")
    if size != entry.size or Entry.of(entry.parts, os.fstat(descriptor)) != entry:
        raise DeviceNotReady(f"{entry.name}: changed while it was read")
    return b"".join(pieces)


def _is_in_use(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return _has_writer(descriptor)


def _has_writer(descriptor: int) -> bool:
    """Whether a program of this machine has the file open for writing, as far as the system tells."""
    lease, notice = getattr(fcntl, "F_SETLEASE", None), getattr(fcntl, "F_SETSIG", None)
    if lease is None or notice is None:
        return False
    try:
        # A broken lease is told by a signal; this one does nothing by default, unlike SIGIO.
        fcntl.fcntl(descriptor, notice, signal.SIGURG)
        fcntl.fcntl(descriptor, lease, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, lease, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _explained(root: Path, entry: Entry, error: OSError) -> InstrumentError:
    if isinstance(error, InstrumentError):
        return error
    if error.errno in GONE and (error.errno not in {errno.ENOENT, errno.ENOTDIR} or not root.is_dir()):
        return gone(root, error)
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
        return DeviceNotReady(f"{entry.name}: vanished or was replaced; look again")
    return DeviceNotReady(f"{entry.name}: cannot be read now ({error.strerror or error})")
