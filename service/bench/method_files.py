"""Methods as the server gets them: one file each, named by its SHA-256, written once and sent once.

Written when a method is loaded, in the background, so that a scan only looks up a name. A method that has no
file stops no result: the server then says of that result's evidence that the method is missing.
"""

import logging
import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from library.errors import LibraryError
from spectra.method import Method

from ..errors import ArchiveError, ServiceError
from ..settings import Settings
from .outbox_ops import OutboxOp

if TYPE_CHECKING:
    from library.store import Library

    from .outbox import Outbox

_log = logging.getLogger(__name__)

_FILE_ID = re.compile(r"[0-9a-f]{64}")
_KNOWN = "method_file:"


def operation(file_id: str) -> OutboxOp:
    """Bring a method file to the server under its digest."""
    return OutboxOp(f"method:{file_id}", "PUT", f"/methods/{file_id}", file_id=file_id)


class MethodFiles:
    """The method files of one bench.

    Parameters
    ----------
    settings
        Where methods, libraries and these files are.
    outbox
        Remembers which file is of which method.
    """

    def __init__(self, settings: Settings, outbox: "Outbox") -> None:
        self._settings = settings
        self._outbox = outbox
        self._lock = threading.Lock()

    def prepare(self, method: Method) -> str | None:
        """Write the file of a method unless it is there; return its name, None where it cannot be made."""
        with self._lock:
            known = self._known(method.digest)
            if known is not None:
                return known
            try:
                file_id = self._write(method)
            except (ServiceError, LibraryError, OSError) as error:
                _log.warning("method %s cannot be kept for the server: %s", method.name, error)
                return None
            self._outbox.set_state(_KNOWN + method.digest, file_id)
            return file_id

    def operation_for(self, digest: str, loaded: Method | None) -> OutboxOp | None:
        """Return what brings the method of a digest to the server; None where there is no file of it.

        Parameters
        ----------
        digest
            Digest of the method that a result names.
        loaded
            The method in force, of which a file is made where that was not done yet.
        """
        file_id = self._known(digest)
        if file_id is None and loaded is not None and loaded.digest == digest:
            file_id = self.prepare(loaded)
        return None if file_id is None else operation(file_id)

    def _known(self, digest: str) -> str | None:
        file_id = self._outbox.get_state(_KNOWN + digest)
        if file_id is None or not (self._settings.method_files_dir / file_id).is_file():
            return None
        return file_id

    def _write(self, method: Method) -> str:
        from ..method_file import file_id_of, method_file

        data = method_file(method, _library_of(self._settings, method), _report_of(self._settings, method))
        file_id = file_id_of(data)
        _keep(self._settings.method_files_dir, file_id, data)
        return file_id


@contextmanager
def open_method_file(folder: Path, file_id: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a method file for sending and yield it with its size; raises `ArchiveError` where it is gone."""
    if not _FILE_ID.fullmatch(file_id):
        raise ArchiveError(f"{file_id!r} is no name of a method file")
    try:
        file = (folder / file_id).open("rb")
    except OSError as error:
        raise ArchiveError(f"the method file {file_id[:12]} cannot be read: {error.strerror}") from error
    with file:
        yield file, os.fstat(file.fileno()).st_size


def _library_of(settings: Settings, method: Method) -> "Library | None":
    """Return the library a method was fitted from; None leaves the shipped one."""
    from library.starter import FILE
    from library.store import read_library

    kept = settings.methods_dir / f"library-{method.library_digest}.h5"
    for path in (kept, settings.libraries_dir / FILE):
        if path.is_file() and (library := read_library(path)).digest == method.library_digest:
            return library
    return None


def _report_of(settings: Settings, method: Method) -> dict[str, Any]:
    """Return the report of a stored method; empty for one that was fitted in memory."""
    from library.method_errors import MethodNotFound
    from library.method_store import find_method, read_head

    try:
        said = read_head(find_method(settings.methods_dir, method.name, method.version))
    except (MethodNotFound, LibraryError):
        return {}
    report: dict[str, Any] = said["report"] if said["method_digest"] == method.digest else {}
    return report


def _keep(folder: Path, file_id: str, data: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only, and flushed to the disk."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, fresh = folder / file_id, folder / f".{file_id}.{secrets.token_hex(4)}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
