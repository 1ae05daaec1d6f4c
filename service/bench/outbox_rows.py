"""Operations as rows of the outbox file, and back; what nobody could send is refused here."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import rfc8785

from ..errors import OtherBody, OutboxError
from .notes import rfc3339_ms
from .outbox_ops import OutboxOp

#: Largest JSON body kept; an identification takes some tens of kilobytes.
MAX_BODY_BYTES = 4 * 1024 * 1024

COLUMNS = "key, method, path, json, scan_id, file_id"
_COUNT = COLUMNS.count(",") + 1

#: What several screenings name and none needs to be accepted: none waits where the server fails at it.
_SHARED = ("method:", "calibration:")

Row = dict[str, str | None]


def rows_of(ops: Sequence[OutboxOp]) -> list[Row]:
    """Return operations as rows that reach the server in this order; raises `OutboxError`."""
    chain = _chain(ops)
    return [{**_row(op), "chain": op.key if op.key.startswith(_SHARED) else chain} for op in ops]


def insert(database: sqlite3.Connection, row: Row) -> bool:
    """Insert a row; return whether it was new. Raises `OtherBody` for a key used for something else."""
    known = database.execute(f"SELECT {COLUMNS} FROM ops WHERE key = ?", (row["key"],)).fetchone()  # noqa: S608
    if known is not None:
        if known != tuple(row[name] for name in COLUMNS.split(", ")):
            raise OtherBody(f"operation {row['key']!r} is in the outbox already, with another content")
        return False
    database.execute(
        f"INSERT INTO ops ({COLUMNS}, result_of, chain, added_at)"  # noqa: S608
        " VALUES (:key, :method, :path, :json, :scan_id, :file_id, :result_of, :chain, :added_at)",
        {**row, "added_at": rfc3339_ms()},
    )
    return True


def op_of(row: Sequence[Any]) -> OutboxOp:
    """Return the operation of a row that begins with `COLUMNS`."""
    key, method, path, body, scan_id, file_id = row[:_COUNT]
    return OutboxOp(key, method, path, None if body is None else json.loads(body), scan_id, file_id)


def rest_of(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return what follows `COLUMNS` in a row."""
    return tuple(row[_COUNT:])


def _chain(ops: Sequence[OutboxOp]) -> str:
    """Return what operations added together belong to: their screening, or the first of them."""
    keys = [op.key for op in ops]
    named = (key.partition(":")[2] for key in keys if key.startswith(("screening:", "complete:")))
    return next(named, keys[0] if keys else "")


def _row(op: OutboxOp) -> Row:
    if not op.key or not op.path.startswith("/"):
        raise OutboxError(f"operation {op.key!r}: it needs a key and a path that starts with /")
    if sum(body is not None for body in (op.json, op.scan_id, op.file_id)) > 1:
        raise OutboxError(f"operation {op.key!r} names both a JSON body and a scan or file")
    try:
        body = None if op.json is None else rfc8785.dumps(dict(op.json)).decode()
    except (ValueError, TypeError, RecursionError) as error:
        raise OutboxError(f"operation {op.key!r} has no JSON form: {error}") from error
    if body is not None and len(body) > MAX_BODY_BYTES:
        raise OutboxError(f"operation {op.key!r} takes {len(body)} characters, more than {MAX_BODY_BYTES}")
    of = op.json.get("scan_id") if op.json is not None and op.path.startswith("/results") else None
    result_of = of if isinstance(of, str) else None
    head: Row = {"key": op.key, "method": op.method.upper(), "path": op.path}
    return {**head, "json": body, "scan_id": op.scan_id, "file_id": op.file_id, "result_of": result_of}
