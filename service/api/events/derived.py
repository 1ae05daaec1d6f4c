"""Tables that follow from records: they are not sealed, but made again and held against what is there.

An area adds a check to `CHECKS`: a function that takes a connection in a transaction that sees one state, and
yields a key ``table/primary key`` (or a name) and what is wrong for everything that does not follow.
"""

import json
import secrets
from array import array
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Table, func, select

from ...uses import moment_text, uses_of
from ..measures.recompute import check_measures
from ..tables import Result, ResultUse, ScanFile
from .paging import pages

Check = Callable[[Connection], Iterator[tuple[str, str]]]

_MASK = (1 << 64) - 1


def check_uses(connection: Connection) -> Iterator[tuple[str, str]]:
    """Make again what every result depends on.

    For a million results these are some fifteen million rows in another order than the results, so that each
    result has a sum of keyed hashes of its rows instead: 8 bytes. The key is made for this check alone; who
    alters rows cannot know what would keep a sum.
    """
    secret = secrets.token_bytes(32)
    top = connection.execute(select(func.max(Result.row))).scalar() or 0
    sums = array("Q", bytes(8 * (top + 1)))
    for page in pages(connection, _table(ResultUse), size=5000):
        for use in page:
            row = use["result_row"]
            if not isinstance(row, int) or not 0 < row <= top:
                yield f"result_uses/{use['kind']}", f"depends on result {row}, which is not there"
                continue
            sums[row] = (sums[row] + _mark(secret, use)) & _MASK
    for page in pages(
        connection, _table(Result), ("row", "scan_id", "identification", "device", "received_at")
    ):
        scans = _scans(connection, [result["scan_id"] for result in page])
        for result in page:
            if sums[result["row"]] != _sum(secret, result, scans.get(result["scan_id"])):
                yield f"result_uses of results/{result['row']}", "do not follow from the result"
            sums[result["row"]] = 0
    for row, left in enumerate(sums):
        if left:
            yield f"result_uses of results/{row}", "are there without the result"


#: Table that is derived → its check; it is run where the table is there.
CHECKS: dict[str, Check] = {"result_uses": check_uses, "measure_counts": check_measures}


def _sum(secret: bytes, result: Mapping[str, Any], scan: Mapping[str, Any] | None) -> int:
    try:
        identification, device = json.loads(result["identification"]), json.loads(result["device"])
        at = _measured_at(scan, str(result["received_at"]))
        blank = (scan["blank_id"] if scan else None) or ""
        found = uses_of(identification, device, blank_id=blank)
    except (ValueError, LookupError, TypeError, AttributeError):
        return -1  # the result itself was altered
    rows = (
        {"kind": one.kind, "value": one.value, "at": at, "result_row": result["row"], "part": one.part}
        for one in found
    )
    return sum(_mark(secret, row) for row in rows) & _MASK


def _mark(secret: bytes, use: Mapping[str, Any]) -> int:
    text = json.dumps([use["kind"], use["value"], use["at"], use["result_row"], use["part"]], default=repr)
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=8, key=secret).digest())


def _measured_at(scan: Mapping[str, Any] | None, received_at: str) -> str:
    try:
        return moment_text(str(scan["taken_at"])) if scan else received_at
    except ValueError:
        return received_at


def _scans(connection: Connection, names: list[str]) -> dict[str, Mapping[str, Any]]:
    wanted = select(ScanFile.scan_id, ScanFile.taken_at, ScanFile.blank_id).where(ScanFile.scan_id.in_(names))
    return {row["scan_id"]: dict(row) for row in connection.execute(wanted).mappings()}


def _table(kind: type[Result | ResultUse]) -> Table:
    table = kind.__table__
    assert isinstance(table, Table)
    return table
