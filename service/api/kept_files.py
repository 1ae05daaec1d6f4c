"""Whether the files that the records name are there and are what they were: ``audit verify --files``.

Names are gathered first, into a temporary file, so that no database is held while an archive is read. Nothing
is written where the server keeps its things, and whatever lies there may have been put there by others.
"""

import errno
import hashlib
import os
import re
import sqlite3
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, Table

from ..archive.journal import Archive
from .events.paging import pages
from .settings import ServerSettings
from .tables import MethodFile, ScanFile, table_of

#: Faults told one by one; more are counted (chosen: as with those of records).
MOST = 1000
#: Bytes read at a time.
_CHUNK = 1 << 20
#: A file so young may still be waiting for its row, s (chosen: a row follows its file within seconds).
_YOUNG_S = 600.0
_NAME = re.compile(r"[0-9a-f]{64}")


class Wrong(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    """The records name it, and it is not there."""
    ALTERED = "altered"
    """It is not what its name is the digest of."""
    UNLISTED = "unlisted"
    """It is there, and no record names it."""
    UNREADABLE = "unreadable"
    """It is there, and this user or this disk cannot read it."""


@dataclass(frozen=True, slots=True)
class FileFault:
    """A file that is not as it should be."""

    kind: Wrong
    file: str
    """Where it is or would be."""


@dataclass(slots=True)
class FileProof:
    """What looking at the files came to."""

    scans: int = 0
    """Scans that are what they were."""
    methods: int = 0
    """Method files that are."""
    nbytes: int = 0
    """Bytes read."""
    counts: Counter[Wrong] = field(default_factory=Counter)
    """What is wrong, and how often."""
    faults: list[FileFault] = field(default_factory=list)
    """The first `MOST`."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.counts.total()

    def add(self, kind: Wrong, file: str) -> None:
        """Note a fault."""
        self.counts[kind] += 1
        if len(self.faults) < MOST:
            self.faults.append(FileFault(kind, file))


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A folder of files named by their digests."""

    table: Table
    column: str
    root: Path
    path: Callable[[Path, str], Path]
    """Where a file of a name is."""
    nested: bool
    """Whether files lie in folders of the root, and none in the root itself."""


class Listed:
    """What the records name, in a temporary file.

    Parameters
    ----------
    connection
        In a transaction that sees one state.
    settings
        Where the files are.
    """

    def __init__(self, connection: Connection, settings: ServerSettings) -> None:
        self._since = time.time()
        self._proof = FileProof()
        self._shelves = (
            _Shelf(table_of(ScanFile), "scan_id", settings.scans_path, Archive.place, nested=True),
            _Shelf(table_of(MethodFile), "file_id", settings.methods_path, _method_path, nested=False),
        )
        # An empty name is a temporary file that nobody else sees: https://www.sqlite.org/inmemorydb.html
        self._file = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            self._file.execute(f"PRAGMA {pragma}").close()
        self._file.execute(
            "CREATE TABLE listed (shelf INT, name BLOB, size INT, PRIMARY KEY (shelf, name)) WITHOUT ROWID"
        )
        self._file.execute("BEGIN")
        for number, shelf in enumerate(self._shelves):
            for page in pages(connection, shelf.table, ["row", shelf.column, "size"]):
                self._take(number, [(row[shelf.column], row["size"]) for row in page])

    def nbytes(self) -> int:
        """Return how many bytes there are to read."""
        return int(self._file.execute("SELECT coalesce(sum(size), 0) FROM listed").fetchone()[0])

    def prove(self, told: Callable[[float], None] = lambda _: None) -> FileProof:
        """Read every file, and look for those that nobody named.

        Parameters
        ----------
        told
            Is called with how many more bytes were read.
        """
        for number, shelf in enumerate(self._shelves):
            good = 0
            wanted = "SELECT name, size FROM listed WHERE shelf = ? ORDER BY name"
            for name, size in self._file.execute(wanted, (number,)):
                good += self._read(shelf.path(shelf.root, name.hex()), name.hex(), size, told)
            if number:
                self._proof.methods = good
            else:
                self._proof.scans = good
            self._look_around(number, shelf)
        return self._proof

    def close(self) -> None:
        """Forget the names."""
        self._file.close()

    def _take(self, number: int, rows: list[tuple[object, object]]) -> None:
        for name, size in rows:
            if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(size, int):
                self._proof.add(Wrong.MISSING, f"a file of the name {name!r:.80}")
                continue
            row = (number, bytes.fromhex(name), max(0, min(size, 1 << 40)))
            self._file.execute("INSERT OR IGNORE INTO listed VALUES (?, ?, ?)", row)

    def _read(self, path: Path, name: str, size: int, told: Callable[[float], None]) -> bool:
        try:
            found = _digest(path, size, told)
        except FileNotFoundError:
            self._proof.add(Wrong.MISSING, str(path))
            return False
        except OSError as error:
            link = error.errno == errno.ELOOP
            self._proof.add(Wrong.ALTERED if link else Wrong.UNREADABLE, str(path))
            return False
        if found != name:
            self._proof.add(Wrong.ALTERED, str(path))
            return False
        self._proof.nbytes += size
        return True

    def _look_around(self, number: int, shelf: _Shelf) -> None:
        for folder in _folders(shelf):
            try:
                entries = os.scandir(folder)
            except OSError:
                self._proof.add(Wrong.UNREADABLE, str(folder))
                continue
            with entries:
                for one in entries:
                    inner = shelf.nested and folder == shelf.root and one.is_dir(follow_symlinks=False)
                    if inner or one.name.startswith("."):
                        continue
                    if not self._knows(number, shelf, Path(one.path)):
                        self._unlisted(one)

    def _knows(self, number: int, shelf: _Shelf, path: Path) -> bool:
        name = path.stem
        if not _NAME.fullmatch(name) or shelf.path(shelf.root, name) != path:
            return False
        wanted = "SELECT 1 FROM listed WHERE shelf = ? AND name = ?"
        return self._file.execute(wanted, (number, bytes.fromhex(name))).fetchone() is not None

    def _unlisted(self, one: os.DirEntry[str]) -> None:
        try:
            made = one.stat(follow_symlinks=False).st_mtime
        except OSError:
            return  # it went meanwhile
        if not self._since - _YOUNG_S < made <= time.time():
            self._proof.add(Wrong.UNLISTED, one.path)


def _digest(path: Path, size: int, told: Callable[[float], None]) -> str:
    """Return the digest of a plain file of a size; empty for what is none, or has another."""
    # A pipe would let us wait for ever, a link lead elsewhere.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size != size:
            return ""
        sha = hashlib.sha256()
        while part := file.read(_CHUNK):
            sha.update(part)
            told(len(part))
        return sha.hexdigest()


def _method_path(root: Path, name: str) -> Path:
    return root / f"{name}.zip"


def _folders(shelf: _Shelf) -> Iterator[Path]:
    if shelf.root.is_dir():
        yield shelf.root
        if shelf.nested:
            yield from sorted(one for one in shelf.root.iterdir() if one.is_dir() and not one.is_symlink())
