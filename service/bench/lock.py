"""One agent per home: a lock that ends with its process, however that ends."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

#: In the home folder.
LOCK_NAME = "bench.lock"


@contextlib.contextmanager
def try_lock(path: Path, *, patience_s: float = 0.3) -> Iterator[bool]:
    """Hold a lock file, and tell whether it was free.

    Parameters
    ----------
    path
        The lock file.
    patience_s
        How long to try: somebody may just be looking whether it is free, s.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience_s
        while not (free := _taken(descriptor)) and time.monotonic() < deadline:
            time.sleep(0.02)
        yield free
    finally:
        os.close(descriptor)


def lock_is_free(path: Path) -> bool:
    """Return whether nobody holds a lock file."""
    with try_lock(path, patience_s=0.0) as free:
        return free


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
