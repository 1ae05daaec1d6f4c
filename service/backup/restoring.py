"""Restoring a backup into an empty database, all in one transaction: whole and proven, or not at all."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..api.database import only_server
from ..api.engines import WRITING, is_server, open_engine
from ..api.errors import BackupRefused, StoreTooNew
from ..api.events.verification import verify_chain
from ..api.failures import explained
from ..api.migrating import upgrade
from ..api.places import is_url
from ..api.settings import ServerSettings
from ..api.tables import Base, ChainHead, ScanFile, table_of
from ..archive.journal import Archive
from ..archive.whole import write_whole
from .form import FOLDERS, FORMAT, Member, Tally, kept_tables, line_row
from .reading import members
from .target import count_on, require_empty

#: Rows inserted at a time.
_BATCH = 500

Progress = Callable[[float], None]


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


def restore_backup(
    settings: ServerSettings, source: Path, *, progress: Callable[[int], Progress] | None = None
) -> Restored:
    """Restore a backup.

    Parameters
    ----------
    settings
        Where the server is to keep its things: the database must be empty or not there yet.
    source
        The backup.
    progress
        Called with the bytes to come; returns what takes how many more were done.

    Raises
    ------
    BackupRefused
        The backup is damaged, cut off or none, or its chain is broken, or there are records already.
    """
    with only_server(settings.place):
        made = _prepare(settings)
        try:
            return _restored(settings, source, progress)
        except BaseException:
            if made:
                for name in ("", "-wal", "-shm"):
                    with suppress(OSError):
                        settings.db_path.with_name(settings.db_path.name + name).unlink()
            raise


def _prepare(settings: ServerSettings) -> bool:
    """Make the file of the database, and return whether that was new."""
    if is_url(settings.place) or settings.db_path.exists():
        return False
    settings.db_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.db_path.touch(mode=0o600)
    return True


def _restored(settings: ServerSettings, source: Path, progress: Callable[[int], Progress] | None) -> Restored:
    engine = open_engine(settings.place, settings.busy_s)
    try:
        with engine.execution_options(**{WRITING: True}).begin() as connection:
            if is_server(connection):
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            restorer = _Restorer(connection, settings)
            step = progress(source.stat().st_size) if progress else None
            for member, data in members(source):
                restorer.take(member, data)
                if step is not None:
                    step(len(data))
            restorer.finish()
        return restorer.done
    except OSError as error:
        raise BackupRefused(f"{error.filename or source}: {error.strerror or error}") from error
    except DBAPIError as error:
        raise explained(error) or BackupRefused(
            "the rows of the backup do not fit the tables; nothing was restored"
        ) from error
    finally:
        engine.dispose()


class _Restorer:
    def __init__(self, connection: Connection, settings: ServerSettings) -> None:
        self._connection = connection
        self._archive = Archive(settings.scans_path)
        self._methods = settings.scans_path.parent / "methods"
        self._order = [one.name for one in kept_tables()]
        self._at: tuple[str, int] = ("", 0)
        folders = (f"{name}/" for name in FOLDERS)
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
        elif member.kind == "manifest":
            self._compare(_object(data))
        else:
            self._file(member, data)

    def finish(self) -> None:
        """Bring the tables up to date and prove the records; raises `BackupRefused`."""
        if not self._whole:
            raise BackupRefused("the backup was cut off: its end is missing; nothing was restored")
        if is_server(self._connection):
            count_on(self._connection)
        upgrade(self._connection)
        with Session(self._connection, join_transaction_mode="create_savepoint") as session:
            faults = verify_chain(session)
        if faults:
            raise BackupRefused(
                f"the records of the backup are not what they were ({len(faults)} faults; {faults[0].where} "
                f"{faults[0].what}); nothing was restored"
            )
        head = table_of(ChainHead)
        self.done.events = self._connection.execute(select(head.c.seq)).scalar() or 0
        scans = self._connection.execute(select(table_of(ScanFile).c.scan_id)).scalars()
        self.done.lacking = sum(scan not in self._archive for scan in scans)

    def _begin(self, head: dict[str, Any]) -> None:
        if head.get("format") != FORMAT or not isinstance(head.get("revision"), str):
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
        rows = [line_row(table, line) for line in data.splitlines()]
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
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, data)
        self._tallies[f"{member.kind}/"].add(f"{member.name}\n".encode(), 1, len(data))
        self.done.files += 1

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


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BackupRefused("the backup's head or manifest cannot be read") from error
    if not isinstance(found, dict):
        raise BackupRefused("the backup's head or manifest cannot be read")
    return found
