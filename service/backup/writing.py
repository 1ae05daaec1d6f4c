"""Making a backup, also while servers run: rows of one moment, then the files they name."""

import json
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, func, select

from ..api.clock import utc_now
from ..api.database import Database
from ..api.engines import is_server
from ..api.errors import HeadsUnreadable
from ..api.events.paging import pages
from ..api.heads_key import server_folder
from ..api.migrating import revision
from ..api.settings import ServerSettings
from ..api.tables import Base, ChainHead, ScanFile, table_of
from ..archive.journal import Archive
from ..errors import ArchiveError
from ..settings import software_version
from .form import FOLDERS, FORMAT, HEAD, HEADS, KEYS, MANIFEST, PART_BYTES, Tally, kept_tables, row_line
from .heads import Found, find_heads
from .placing import whole

Progress = Callable[[float], None]


@dataclass(slots=True)
class Made:
    """What a backup holds, and what it could not."""

    rows: int = 0
    """Rows of all tables."""
    files: int = 0
    """Scans and method files."""
    heads: int = 0
    """Signed heads of the chain."""
    lacking: list[str] = field(default_factory=list)
    """What the records or signed heads name and is missing or damaged, in words."""


def write_backup(
    settings: ServerSettings,
    out: Path,
    *,
    files: bool = True,
    progress: Callable[[int], Progress] | None = None,
) -> Made:
    """Write a backup of a server.

    Parameters
    ----------
    settings
        Where the server keeps its things.
    out
        The file; it is there whole or not at all, for its owner only.
    files
        Whether scans and method files go in.
    progress
        Called with the number of rows and files to come; returns what takes how many more were done.

    Raises
    ------
    UsageError
        There is something at ``out``, or it cannot be written.
    """
    found = find_heads(server_folder(settings))
    with (
        Database(settings.place, busy_s=settings.busy_s) as database,
        whole(out) as file,
        database.read() as session,
    ):
        writer = _Writer(file, session.connection(), settings, found)
        total = writer.count(files=files)
        writer.step = progress(total) if progress else writer.step
        writer.write(files=files)
    return writer.made


class _Writer:
    def __init__(
        self, file: BinaryIO, connection: Connection, settings: ServerSettings, found: Found
    ) -> None:
        self._found = found
        self._file = file
        self._connection = connection
        self._settings = settings
        self._now = int(time.time())
        self.made = Made()
        self.step: Progress = lambda _more: None

    def count(self, *, files: bool) -> int:
        """Return how many rows and files there are."""
        tables = [*kept_tables(), *([table_of(ScanFile)] if files else [])]
        return sum(
            self._connection.execute(select(func.count()).select_from(one)).scalar() or 0 for one in tables
        )

    def write(self, *, files: bool) -> None:
        """Write everything."""
        if is_server(self._connection):
            # Between two questions a slow disk may take what files there are.
            self._connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            self._connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        head = {"format": FORMAT, "software": software_version(), "revision": revision(self._connection)}
        self._add(HEAD, _json({**head, "made_at": utc_now(), "files": files}))
        tables = {table.name: self._table(table.name).told() for table in kept_tables()}
        folders = {name: Tally() for name in FOLDERS}
        if files:
            for folder, path, name in self._named():
                self._copy(folders[folder], folder, path, name)
        folders[KEYS], folders[HEADS] = self._keys(), self._heads()
        told = {name: one.told() for name, one in folders.items()}
        self._add(MANIFEST, _json({"tables": tables, "files": told}))
        self._file.write(b"\0" * 1024)

    def _table(self, name: str) -> Tally:
        table, tally, part, rows, number = Base.metadata.tables[name], Tally(), bytearray(), 0, 0
        for page in pages(self._connection, table):
            for row in page:
                part += row_line(table, row)
                rows += 1
                if len(part) >= PART_BYTES:
                    number += 1
                    self._part(tally, name, number, bytes(part), rows)
                    part.clear()
                    rows = 0
            self.step(len(page))
        if part:
            self._part(tally, name, number + 1, bytes(part), rows)
        return tally

    def _part(self, tally: Tally, name: str, number: int, data: bytes, rows: int) -> None:
        tally.add(data, rows, len(data))
        self.made.rows += rows
        self._add(f"tables/{name}/{number:06d}.jsonl", data)

    def _named(self) -> Iterator[tuple[str, Path, str]]:
        """Yield the files that the rows name, with their folder and content address."""
        archive = Archive(self._settings.scans_path)
        for page in pages(self._connection, table_of(ScanFile), ["row", "scan_id"]):
            yield from (("scans", archive.path_of(row["scan_id"]), row["scan_id"]) for row in page)
            self.step(len(page))
        methods = Base.metadata.tables.get("method_files")
        if methods is not None:
            folder = self._settings.scans_path.parent / "methods"
            for page in pages(self._connection, methods):
                yield from (("methods", folder / f"{row['file_id']}.zip", row["file_id"]) for row in page)

    def _copy(self, tally: Tally, folder: str, path: Path, name: str) -> None:
        from spectra.digest import bytes_digest

        try:
            data = path.read_bytes()
            if bytes_digest(data) != name:
                raise ArchiveError("it does not match its name")
        except OSError as error:
            self.made.lacking.append(f"{folder}/{name}: {error.strerror or error}")
            return
        self._add(f"{folder}/{name}", data)
        tally.add(f"{name}\n".encode(), 1, len(data))
        self.made.files += 1

    def _keys(self) -> Tally:
        tally = Tally()
        for key in self._found.witness.keys:
            data = key.text().encode()
            self._add(f"{KEYS}/{key.key_id}.pub", data)
            tally.add(f"{key.key_id}\n".encode(), 1, len(data))
        return tally

    def _heads(self) -> Tally:
        tally, part, lines, number, fault = Tally(), bytearray(), 0, 0, self._found.fault
        newest = 0
        heads = iter(self._found.witness.heads)
        while True:
            try:
                head = next(heads, None)
            except HeadsUnreadable as error:
                head, fault = None, str(error)
            if head is not None:
                part += f"{head[0].line()}\n".encode()
                lines += 1
                newest = max(newest, head[0].seq)
            if part and (head is None or len(part) >= PART_BYTES):
                number += 1
                self._add(f"{HEADS}/{number:06d}.jsonl", bytes(part))
                tally.add(bytes(part), lines, len(part))
                part.clear()
                lines = 0
            if head is None:
                break
        if fault:
            self.made.lacking.append(f"signed heads: {fault}")
        there = self._connection.execute(select(table_of(ChainHead).c.seq)).scalar() or 0
        if newest > there:
            self.made.lacking.append(
                f"events {there + 1} to {newest}: a head of them was signed, and they are gone"
            )
        self.made.heads = tally.count
        return tally

    def _add(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(data), 0o600, self._now
        self._file.write(info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict"))
        self._file.write(data)
        self._file.write(b"\0" * (-len(data) % tarfile.BLOCKSIZE))


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
