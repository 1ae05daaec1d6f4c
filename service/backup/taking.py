"""What comes out of a backup, piece by piece: rows into tables, files into folders, and their proof."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, select

from spectra.digest import bytes_digest

from ..api.engines import is_server
from ..api.errors import BackupRefused, StoreTooNew
from ..api.events.verification import verify
from ..api.migrating import upgrade
from ..api.settings import ServerSettings
from ..api.tables import Base, ChainHead, ScanFile, table_of
from ..archive.journal import Archive
from ..archive.whole import write_whole
from .form import FOLDERS, FORMAT, HEADS, KEYS, READ, Member, Tally, kept_tables, line_row
from .heads import HeadsBack
from .target import count_on, require_empty

#: Rows inserted at a time.
_BATCH = 500


@dataclass(slots=True)
class Restored:
    """What was restored."""

    rows: int = 0
    """Rows of all tables."""
    files: int = 0
    """Scans and method files."""
    events: int = 0
    """Length of the chain."""
    lacking: int = 0
    """Scans that the records name and that are not there: left out of the backup, or missing before."""
    heads: int = 0
    """Signed heads."""
    signed_to: int = 0
    """Last event under a signed head; what came after cannot be proved."""
    aside: Path | None = None
    """Where heads went that were there before; None for none."""
    new_key: bool = False
    """Whether the server will make a key of its own for its heads."""


#: A step by its number: Alembic knows words and sums for others too.
_STEP = re.compile(r"[0-9]{4}")


class Taker:
    """Takes the files of a backup, one after the other, in a transaction of the database.

    Parameters
    ----------
    connection
        In a transaction that writes.
    settings
        Where files go.
    heads
        Takes signed heads.
    """

    def __init__(self, connection: Connection, settings: ServerSettings, heads: HeadsBack) -> None:
        self._heads = heads
        self._connection = connection
        self._archive = Archive(settings.scans_path)
        self._methods = settings.scans_path.parent / "methods"
        self._order = [one.name for one in kept_tables()]
        self._at: tuple[str, int] = ("", 0)
        folders = (f"{name}/" for name in (*FOLDERS, KEYS, HEADS))
        self._tallies = {name: Tally() for name in (*self._order, *folders)}
        self._has_files = False
        self._whole = False
        self.done = Restored()

    def take(self, member: Member, data: bytes) -> None:
        """Take the next file of the backup."""
        if self._whole or (member.kind == "head") == bool(self._at[0]):
            raise BackupRefused(f"the backup is out of order at {member.kind} {member.name[:64]}".strip())
        if member.kind == "head":
            self._begin(_object(data))
        elif member.kind == "table":
            self._rows(member, data)
        elif member.kind == HEADS:
            self._signed(member, data)
        elif member.kind == KEYS:
            self._heads.add_key(member.name, data)
            self._at = (KEYS, 0)
            self._tallies[f"{KEYS}/"].add(f"{member.name}\n".encode(), 1, len(data))
        elif member.kind == "manifest":
            self._compare(_object(data))
        else:
            self._file(member, data)

    def finish(self, *, despite_heads: bool) -> None:
        """Bring the tables up to date, prove the records and put the heads back; raises `BackupRefused`."""
        if not self._whole:
            raise BackupRefused("the backup was cut off: its end is missing; nothing was restored")
        if is_server(self._connection):
            count_on(self._connection)
        upgrade(self._connection)
        self._prove(despite_heads=despite_heads)
        self.done.new_key = self._heads.lacks_key()
        self._heads.keep()
        self.done.aside = self._heads.aside
        head = table_of(ChainHead)
        self.done.events = self._connection.execute(select(head.c.seq)).scalar() or 0
        scans = self._connection.execute(select(table_of(ScanFile).c.scan_id)).scalars()
        self.done.lacking = sum(scan not in self._archive for scan in scans)

    def _prove(self, *, despite_heads: bool) -> None:
        self.done.heads = self._heads.count()
        proof = verify(self._connection, None if despite_heads else self._heads.witness())
        self.done.signed_to = proof.signed_to
        if proof.sound:
            return
        first, hint = proof.faults.kept[0], ""
        if self.done.heads and not despite_heads and verify(self._connection).sound:
            hint = "; its signed heads contradict it, --despite-heads restores it all the same"
        raise BackupRefused(
            f"the records of the backup are not what they were ({proof.faults.total} faults; {first.where} "
            f"{first.what}){hint}; nothing was restored"
        )

    def _begin(self, head: dict[str, Any]) -> None:
        step = head.get("revision")
        if head.get("format") not in READ or not isinstance(step, str) or not _STEP.fullmatch(step):
            raise BackupRefused(f"this is no backup of the format {FORMAT}")
        self._at = ("head", 0)
        require_empty(self._connection, head["revision"])
        try:
            upgrade(self._connection, head["revision"][:32])
        except StoreTooNew as error:
            raise BackupRefused(
                f"the backup is of version {head['revision'][:32]}, which this software does not know: "
                "update the software"
            ) from error
        there = set(inspect(self._connection).get_table_names())
        for name in reversed(self._order):
            if name in there:
                self._connection.execute(Base.metadata.tables[name].delete())

    def _rows(self, member: Member, data: bytes) -> None:
        if member.name not in self._order:
            raise BackupRefused(
                f"the backup holds a table {member.name!r}, which this software does not know"
            )
        before, number = self._at
        follows = member.name == before and member.number == number + 1
        begins = member.number == 1 and (
            before == "head"
            or (before in self._order and self._order.index(before) < self._order.index(member.name))
        )
        if not follows and not begins:
            raise BackupRefused(f"the backup is out of order at table {member.name}")
        self._at = (member.name, member.number)
        table = Base.metadata.tables[member.name]
        rows = [line_row(table, line) for line in data.split(b"\n") if line]
        if any(row.keys() != rows[0].keys() for row in rows):
            raise BackupRefused(f"rows of {table.name} in the backup have different columns")
        for start in range(0, len(rows), _BATCH):
            self._connection.execute(table.insert(), rows[start : start + _BATCH])
        self._tallies[member.name].add(data, len(rows), len(data))
        self.done.rows += len(rows)

    def _file(self, member: Member, data: bytes) -> None:
        if bytes_digest(data) != member.name:
            raise BackupRefused(f"{member.kind}/{member.name} in the backup is damaged; nothing was restored")
        self._at = (member.kind, 0)
        scan = member.kind == "scans"
        path = self._archive.path_of(member.name) if scan else self._methods / f"{member.name}.zip"
        if not _is_there(path, member.name):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, data)
        self._tallies[f"{member.kind}/"].add(f"{member.name}\n".encode(), 1, len(data))
        self.done.files += 1

    def _signed(self, member: Member, data: bytes) -> None:
        before, number = self._at
        if member.number != (number + 1 if before == HEADS else 1):
            raise BackupRefused("the backup is out of order at its signed heads")
        self._at = (HEADS, member.number)
        self._heads.add_heads(data)
        self._tallies[f"{HEADS}/"].add(data, data.count(b"\n"), len(data))

    def _compare(self, manifest: dict[str, Any]) -> None:
        tables, files = manifest.get("tables"), manifest.get("files")
        if not isinstance(tables, dict) or not isinstance(files, dict):
            raise BackupRefused("the backup's manifest cannot be read")
        told = {**tables, **{f"{name}/": one for name, one in files.items()}}
        for name, tally in self._tallies.items():
            if tally.count and name not in told:
                raise BackupRefused(f"the backup's manifest says nothing of {name}")
        for name, said in told.items():
            if name not in self._tallies or said != self._tallies[name].told():
                raise BackupRefused(
                    f"{str(name)[:64]} in the backup is not what its manifest says; nothing was restored"
                )
        self._whole = True


def _is_there(path: Path, name: str) -> bool:
    """Return whether a file is there and is what its name says; another one is replaced."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == name
    except FileNotFoundError:
        return False


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BackupRefused("the backup's head or manifest cannot be read") from error
    if not isinstance(found, dict):
        raise BackupRefused("the backup's head or manifest cannot be read")
    return found
