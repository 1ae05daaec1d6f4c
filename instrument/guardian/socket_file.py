"""The guardian's place in the file system: a lock that only one holds, and the socket it lets one bind."""

import fcntl
import os
import socket
from pathlib import Path

from ..errors import DeviceURLError, PortBusy

#: Longest path of a Unix socket that every system takes (sun_path of macOS), bytes with the final zero.
_LONGEST_PATH = 104


def beside(socket_path: Path, suffix: str) -> Path:
    """Return the path of a companion file of a socket, for example its lock."""
    return socket_path.with_name(socket_path.name + suffix)


def check_socket_path(socket_path: Path) -> None:
    """Raise `DeviceURLError` where a Unix socket cannot stand."""
    if len(os.fsencode(socket_path)) >= _LONGEST_PATH:
        raise DeviceURLError(f"{socket_path}: too long for a Unix socket; use a shorter runtime folder")


class Lock:
    """An exclusive `flock` on a file; the kernel releases it with the process.

    Raises
    ------
    PortBusy
        Another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            raise PortBusy(f"{path}: another guardian runs here") from error

    def held(self) -> bool:
        """Whether the file on disk is still the one locked; a deleted lock locks nothing."""
        try:
            there = self._path.stat(follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self._handle))

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._handle)


def bind_socket(socket_path: Path) -> socket.socket:
    """Return a listening socket that only this user can reach; a stale file is replaced.

    Call it holding the lock: only then is an existing file known to be stale.
    """
    check_socket_path(socket_path)
    socket_path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(socket_path))
        listener.listen()
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener
