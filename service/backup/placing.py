"""The file of a backup: there whole or not at all, and in nobody's place."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..archive.whole import flush_folder
from ..errors import ServiceError, UsageError


def take_name(temporary: Path, out: Path, link: Callable[[Path, Path], None] = os.link) -> None:
    """Give a file its name; raises `FileExistsError` where another one has it."""
    try:
        # A link refuses to take the place of a file that came meanwhile; a rename would not.
        link(temporary, out)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS} or out.exists():
            raise
        # File systems of sticks (FAT, exFAT) have no links: link(2), EPERM.
        temporary.rename(out)


@contextmanager
def whole(out: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name only when it is whole and on the disk."""
    if out.exists():
        raise UsageError(f"{out} is there already; give another name")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            yield file
            file.flush()
            os.fsync(file.fileno())
        take_name(temporary, out)
        flush_folder(out.parent)
    except FileExistsError as error:
        raise UsageError(f"{out} is there already; give another name") from error
    except OSError as error:
        if isinstance(error, ServiceError):
            raise  # the database's or the archive's, not the file's
        raise UsageError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
