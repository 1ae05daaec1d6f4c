"""What events promised of rows before rows were sealed one by one, held against rows not changed since.

An upgrade sealed the rows as it found them. What was altered before that is found here: the events of that
time carry digests of results, calibrations, verifications and flags, and the findings themselves.
"""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from spectra.digest import bytes_digest

from ..results.record import record_digest
from ..tables import Base, Event, Result
from . import chain
from .paging import pages
from .replay import Replay

Promises = dict[str, Any]
Row = dict[str, Any]


def broken_promises(
    connection: Connection, replay: Replay, until: int
) -> Iterator[tuple[str, str, int | None]]:
    """Yield key, fault and event of rows that are not what events up to a number said.

    Parameters
    ----------
    until
        Number of the event that sealed the last of them.
    """
    for table, name, kinds, promise, found in _KINDS:
        said = {
            subject: (seq, promise(subject, data)) for seq, subject, data in _told(connection, kinds, until)
        }
        for page in pages(connection, Base.metadata.tables[table]):
            keys = {f"{table}/{row['row']}": row for row in page}
            sealed = replay.told(list(keys))
            for key, row in keys.items():
                due = said.pop(row[name], None)
                if key not in sealed or sealed[key][1] > until:
                    continue  # changed since, or slipped in: the seals tell
                kept = _kept(found, row)
                if due is None:
                    if kept is not None:
                        yield key, "has no event that tells of it", None
                elif due[1] != kept:
                    yield key, "was altered before the upgrade: it does not fit its event", due[0]
        for subject, (seq, _) in said.items():
            yield f"{table} {subject}", "was removed before the upgrade", seq


def _told(connection: Connection, kinds: tuple[str, ...], until: int) -> Iterator[tuple[int, str, Promises]]:
    wanted = select(Event.seq, Event.subject, Event.data).where(Event.type.in_(kinds), Event.seq <= until)
    for seq, subject, data in connection.execute(wanted.order_by(Event.seq)):
        try:
            told = json.loads(data)
        except (ValueError, TypeError):
            continue
        if isinstance(told, dict):
            yield seq, str(subject).partition("/")[2], told


def _kept(found: Any, row: Row) -> Any:
    try:
        return found(row)
    except (ValueError, TypeError, LookupError):
        return "unreadable"


def _result(row: Row) -> str:
    said = {name: row[name] for name in _RESULT}
    said["training"] = bool(said["training"])
    found = record_digest(Result(**said))
    return found if found == row["record_digest"] else "unfit"


def _body(row: Row) -> str:
    return bytes_digest(str(row["body"]).encode())


_RESULT = [one.name for one in Result.__table__.columns]

#: Table, column with the name in the subject, kinds of events, what they promise, what the row says.
_KINDS: tuple[tuple[str, str, tuple[str, ...], Any, Any], ...] = (
    ("results", "result_id", ("result.accepted",), lambda _, data: data.get("record_digest"), _result),
    (
        "screenings",
        "screening_id",
        ("screening.completed", "screening.amended"),
        lambda _, data: chain.canonical(data.get("finding")),
        lambda row: row["finding"],
    ),
    (
        "benches",
        "bench",
        ("bench.changed",),
        lambda _, data: chain.canonical(data.get("facts")),
        lambda row: row["facts"],
    ),
    (
        "calibrations",
        "record_id",
        ("calibration.stored",),
        lambda subject, _: subject,
        lambda row: bytes_digest(str(row["record"]).encode()),
    ),
    (
        "verifications",
        "scan_id",
        ("verification.recorded",),
        lambda _, data: data.get("body_digest"),
        _body,
    ),
    ("flags", "flag_id", ("result.flagged",), lambda _, data: data.get("body_digest"), _body),
)
