"""Replace a file whole: write beside it, force it to disk, rename, force the folder to disk."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from .errors import LibraryBusy, LibraryExists, LibraryNotWritten

#: A temporary file this old, s, was left by a program that was killed.
LEFT_OVER_S = 3600.0


def replace_file(path: Path, fill: Callable[[Path], object], *, replace: bool = True) -> None:
    """Write a file so that at any moment, a power cut included, the old or the new one is there.

    Parameters
    ----------
    path
        File to write.
    fill
        Writes the content to the path it is given, which does not exist yet.
    replace
        False to refuse where the file exists.

    Raises
    ------
    LibraryExists
        The file exists and `replace` is False.
    LibraryNotWritten
        The operating system refused, for example for want of space.
    """
    temporary = path.parent / f".{path.name[:150]}.{secrets.token_hex(6)}.part"
    try:
        _clear_left_overs(path)
        fill(temporary)
        _sync(temporary)
        if replace:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)
        _sync(path.parent)
    except FileExistsError as error:
        raise LibraryExists(f"{path} exists already; it was left as it is") from error
    except OSError as error:
        raise LibraryNotWritten(f"{path} could not be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def folder_lock(folder: Path, *, timeout_s: float = 30.0) -> Iterator[None]:
    """Keep other programs from changing libraries of a folder while one is read, changed and replaced.

    Raises
    ------
    LibraryBusy
        Somebody held the lock for the whole time-out.
    LibraryNotWritten
        There is no such folder, or it may not be opened.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise LibraryNotWritten(f"the folder {folder} cannot be used: {error.strerror}") from error
    try:
        deadline = time.monotonic() + timeout_s
        while not _try_lock(handle):
            if time.monotonic() >= deadline:
                raise LibraryBusy(f"another program is changing a library in {folder}; try again later")
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        flock(handle, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clear_left_overs(path: Path) -> None:
    for left in path.parent.glob(f".{_escaped(path.name[:150])}.*.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_OVER_S:
                left.unlink()


def _escaped(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
