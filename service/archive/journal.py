"""Scans on disk, each in a file of its own, found by what is in them.

A scan's id is the SHA-256 of its file's bytes, and its path is made from the id. A file is
written under a temporary name in its final folder, flushed to the disk, renamed, and the
folder flushed: after a crash at any moment a scan is there whole or not at all.
"""

import errno
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spectra.digest import bytes_digest
from spectra.values import Scan

from ..errors import ArchiveError, DiskFull, ScanDamaged, ScanNotFound
from .attached import Attached, DeviceFile
from .scanfile import (
    MAX_FILE_BYTES,
    decode_attached,
    decode_scan,
    decode_transcript,
    encode_scan,
    with_transcript,
)
from .whole import flush_folder, write_whole

#: Bytes that stay free, so that the outbox and the database can still be written.
RESERVE_BYTES = 64 * 1024 * 1024
#: A temporary file this old belongs to a killed writer: writing one takes seconds.
LEFTOVER_AGE_S = 3600.0

_ID = re.compile(r"[0-9a-f]{64}")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def free_bytes(folder: Path) -> int:
    """Return how many bytes this user may still write on a folder's disk."""
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class ArchivedScan:
    """A scan that is safely on disk."""

    scan_id: str
    """Content address: SHA-256 of the file's bytes."""
    path: Path
    """The file."""
    scan: Scan
    """What the file holds."""


@dataclass(frozen=True, slots=True)
class ArchiveProblem:
    """Something in the archive that is not as it should be."""

    path: Path
    """The file concerned."""
    scan_id: str
    """Content address its name claims; empty where the name is none."""
    what: str
    """What is wrong, in words."""


class Archive:
    """The scan archive below one folder.

    Several processes may use the same folder at the same time.

    Parameters
    ----------
    root
        Folder of the archive; made when missing.
    reserve_bytes
        Bytes that must stay free after a scan.
    free
        Returns the free bytes of a folder's disk.

    Raises
    ------
    ArchiveError
        The folder cannot be made or read.
    """

    def __init__(
        self,
        root: Path,
        *,
        reserve_bytes: int = RESERVE_BYTES,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.root = root
        self._reserve = reserve_bytes
        self._free = free
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep(time.time() - LEFTOVER_AGE_S)
        except OSError as error:
            raise _explained(error, root) from error

    def put(
        self,
        scan: Scan,
        transcript: bytes = b"",
        original: DeviceFile | None = None,
        sidecars: Sequence[DeviceFile] = (),
    ) -> ArchivedScan:
        """Keep a scan and the conversation that gave it; flushed to the disk on return.

        Parameters
        ----------
        scan, transcript
            The scan, and what went over the wires for it.
        original
            The file the device wrote; the scan kept names it in ``settings["original"]``.
        sidecars
            Reports beside that file; named in ``settings["sidecars"]``.

        Raises
        ------
        DiskFull
            There is no room.
        ArchiveError
            The scan cannot be written, or names another transcript or file.
        """
        attached = Attached(original, tuple(sidecars))
        scan = attached.named_in(with_transcript(scan, transcript))
        data = encode_scan(scan, transcript, attached)
        scan_id = bytes_digest(data)
        return ArchivedScan(scan_id, self._keep(scan_id, data), scan)

    def put_bytes(self, scan_id: str, data: bytes) -> ArchivedScan:
        """Keep the file of a scan that another archive made.

        Raises
        ------
        ScanDamaged
            The bytes do not match their content address, or hold no scan.
        DiskFull
            There is no room.
        """
        if bytes_digest(data) != scan_id:
            raise ScanDamaged(f"the bytes sent as scan {scan_id[:12]} have another SHA-256; send them again")
        scan = decode_scan(data)
        return ArchivedScan(scan_id, self._keep(scan_id, data), scan)

    def get(self, scan_id: str) -> Scan:
        """Return a scan, its digest checked; raises `ScanNotFound` or `ScanDamaged`."""
        return decode_scan(self.read_bytes(scan_id), own=True)

    def transcript(self, scan_id: str) -> bytes:
        """Return the wire transcript kept with a scan; empty where there is none."""
        return decode_transcript(self.read_bytes(scan_id), own=True)

    def original(self, scan_id: str) -> tuple[str, bytes] | None:
        """Return name and bytes of the file a scan came from, its digest checked; None without one."""
        found = self.attached(scan_id).original
        return None if found is None else (found.name, found.data)

    def attached(self, scan_id: str) -> Attached:
        """Return the device's files kept with a scan; raises `ScanNotFound` or `ScanDamaged`."""
        return decode_attached(self.read_bytes(scan_id), own=True)

    def read_bytes(self, scan_id: str) -> bytes:
        """Return a scan's file, its digest checked; raises `ScanNotFound` or `ScanDamaged`."""
        path = self.path_of(scan_id)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError as error:
            raise ScanNotFound(f"no scan {scan_id[:12]} in {self.root}") from error
        except OSError as error:
            raise _explained(error, path) from error
        if bytes_digest(data) != scan_id:
            raise ScanDamaged(f"{path} no longer matches its name; restore it from the server or a backup")
        return data

    def path_of(self, scan_id: str) -> Path:
        """Return where a scan is or would be; raises `ScanNotFound` for what is no content address."""
        if not _ID.fullmatch(scan_id):
            raise ScanNotFound(f"{scan_id[:80]!r} is no content address (64 hexadecimal digits)")
        return self.place(self.root, scan_id)

    @staticmethod
    def place(root: Path, scan_id: str) -> Path:
        """Return where a scan is in the archive below a folder; its content address is well formed."""
        return root / scan_id[:2] / f"{scan_id}.h5"

    def __contains__(self, scan_id: object) -> bool:
        return isinstance(scan_id, str) and bool(_ID.fullmatch(scan_id)) and self.path_of(scan_id).is_file()

    def scan_ids(self) -> Iterator[str]:
        """Yield the content address of every scan, in ascending order, without opening the files."""
        for path in self._files():
            if _ID.fullmatch(path.stem) and path == self.path_of(path.stem):
                yield path.stem

    def verify(self) -> list[ArchiveProblem]:
        """Read every file and return what is damaged or out of place."""
        problems = []
        for path in self._files():
            scan_id = path.stem if _ID.fullmatch(path.stem) else ""
            if not scan_id or path != self.path_of(scan_id):
                problems.append(ArchiveProblem(path, scan_id, "not a place where a scan can be"))
                continue
            try:
                self.get(scan_id)
            except ArchiveError as error:
                problems.append(ArchiveProblem(path, scan_id, str(error)))
        return problems

    def require_space(self, nbytes: int) -> None:
        """Refuse before firing when a scan of that size could not be kept.

        Raises
        ------
        DiskFull
            Less than ``nbytes`` and the reserve are free.
        """
        free, needed = self._free(self.root), nbytes + self._reserve
        if free < needed:
            raise DiskFull(
                f"{self.root} has {free // 2**20} MiB free and a scan needs {-(-needed // 2**20)} MiB "
                "with the reserve; free some space before scanning"
            )

    def _files(self) -> Iterator[Path]:
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir()):
            yield from sorted(path for path in folder.iterdir() if not path.name.startswith("."))

    def _sweep(self, before: float) -> None:
        for path in self.root.glob("[0-9a-f][0-9a-f]/.*.tmp"):
            try:
                if path.stat().st_mtime < before:
                    path.unlink()
            except FileNotFoundError:
                continue

    def _keep(self, scan_id: str, data: bytes) -> Path:
        path = self.path_of(scan_id)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            flush_folder(self.root)
            write_whole(path, data)
        except OSError as error:
            raise _explained(error, path) from error
        return path


def _explained(error: OSError, path: Path) -> ArchiveError:
    if error.errno in _FULL:
        return DiskFull(f"no room for {path.name} on the disk of {path.parent}; free some space")
    return ArchiveError(f"{path}: {error.strerror or error}")
