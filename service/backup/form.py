"""The form of a backup, ``opioscan.backup/2``: a tar file (POSIX ustar) of plain files, in this order.

``backup.json``
    ``format``, ``software``, ``revision`` (the step its tables are at), ``made_at``, ``files`` (whether scans
    and method files are in it).
``tables/NAME/000001.jsonl`` …
    The rows of a table in the order of its primary key, one JSON object a line: a value by column, bytes as
    ``{"hex": "…"}``. Tables follow in an order in which what a row refers to comes before it.
``scans/SHA256``, ``methods/SHA256``
    Files, named by what is in them.
``keys/SHA256.pub``, ``heads/000001.jsonl`` …
    Public keys that signed heads of the chain (PEM, named by the digest of their 32 bytes), and those heads,
    one a line, as they were signed. Private keys stay behind, see `heads`.
``manifest.json``
    ``tables``: rows, bytes and SHA-256 over all bytes of each table; ``files``: count, bytes and SHA-256 over
    the names, each with a line feed, of each folder; of ``heads`` over all bytes. It
    comes last, so that a file that was cut off is none.

All rows are of one moment: the chain in them ends with the head row. Backups hold personal data and the
secrets of webhooks; the file is readable by its owner only. ``opioscan.backup/1`` is the same without keys
and heads, and can be restored.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Boolean, LargeBinary, Table

from ..api.errors import BackupRefused
from ..api.tables import Base

FORMAT = "opioscan.backup/2"
READ = frozenset({"opioscan.backup/1", FORMAT})
HEAD, MANIFEST = "backup.json", "manifest.json"
FOLDERS = ("scans", "methods")
#: Folders with what is kept of the chain outside the database.
KEYS, HEADS = "keys", "heads"
#: Tables that stay behind: people sign in again.
LEFT_OUT = frozenset({"sessions"})

#: Bytes after which a part of a table ends (chosen: fits into any memory many times).
PART_BYTES = 4 * 1024 * 1024
#: Longest row, and so the longest part is a part and a row (chosen: a body has at most 1 MiB, escaped twice).
_ROW_BYTES = 12 * 1024 * 1024
_SMALL_BYTES = 1024 * 1024
_SCAN_BYTES = 64 * 1024 * 1024
_METHOD_BYTES = 256 * 1024 * 1024

_NAME = re.compile(
    r"(?:tables/([a-z_]{1,64})/([0-9]{6})\.jsonl|(scans|methods)/([0-9a-f]{64})"
    r"|heads/([0-9]{6})\.jsonl|keys/([0-9a-f]{64})\.pub)"
)


@dataclass(frozen=True, slots=True)
class Member:
    """What the name of a file in a backup says."""

    kind: str
    """``head``, ``manifest``, ``table``, ``scans``, ``methods``, ``heads`` or ``keys``."""
    name: str
    """Table, or content address; empty for the others."""
    number: int
    """Number of a part of a table or of the heads, from 1; else 0."""
    most: int
    """Most bytes that it may have."""


@dataclass(slots=True)
class Tally:
    """Count and digest of what belongs together."""

    count: int = 0
    nbytes: int = 0
    sha: Any = field(default_factory=hashlib.sha256)

    def add(self, data: bytes, count: int, nbytes: int) -> None:
        """Take more in."""
        self.sha.update(data)
        self.count += count
        self.nbytes += nbytes

    def told(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        return {"count": self.count, "bytes": self.nbytes, "sha256": self.sha.hexdigest()}


def read_name(name: str) -> Member:
    """Return what a name says.

    Raises
    ------
    BackupRefused
        No backup holds a file of that name.
    """
    if name in (HEAD, MANIFEST):
        return Member("head" if name == HEAD else "manifest", "", 0, _SMALL_BYTES)
    found = _NAME.fullmatch(name)
    if found is None:
        raise BackupRefused(f"the backup holds {name[:100]!r}, which belongs in none")
    if found[1]:
        return Member("table", found[1], int(found[2]), PART_BYTES + _ROW_BYTES)
    if found[5]:
        return Member(HEADS, "", int(found[5]), PART_BYTES + _SMALL_BYTES)
    if found[6]:
        return Member(KEYS, found[6], 0, _SMALL_BYTES)
    return Member(found[3], found[4], 0, _SCAN_BYTES if found[3] == "scans" else _METHOD_BYTES)


def kept_tables() -> list[Table]:
    """Return the tables of a backup, each after those it refers to."""
    return [one for one in Base.metadata.sorted_tables if one.name not in LEFT_OUT]


def row_line(table: Table, row: Mapping[str, Any]) -> bytes:
    """Return a row as a line."""
    said = {name: _told(table, name, value) for name, value in row.items()}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def line_row(table: Table, line: bytes) -> dict[str, Any]:
    """Return the row of a line.

    Raises
    ------
    BackupRefused
        It is none of this table.
    """
    try:
        said = json.loads(line, parse_constant=_refuse)
        row = {name: _read(table, name, value) for name, value in said.items()}
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise BackupRefused(f"a row of {table.name} in the backup cannot be read") from error
    return row


def _told(table: Table, name: str, value: Any) -> Any:
    if value is None:
        return None
    kind = table.columns[name].type
    if isinstance(kind, LargeBinary):
        return {"hex": bytes(value).hex()}
    return bool(value) if isinstance(kind, Boolean) else value


def _read(table: Table, name: str, value: Any) -> Any:
    kind = table.columns[name].type
    if isinstance(kind, LargeBinary) and value is not None:
        return bytes.fromhex(value["hex"])
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError(name)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(name)
    if isinstance(value, str):
        value.encode()  # half of a surrogate pair is no character, and no database keeps it
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)
