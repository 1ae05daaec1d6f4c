"""What the results of this bench depend on: the server's index in small, for a bench without one.

It is in the file of the outbox and follows from it: a result is noted when it is made, and what was put into
the outbox before there was an index is taken up from there, a few seconds' worth at each question. Of those
the blank is not known, and the moment is that of the identification.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..archive.journal import ArchivedScan
from ..errors import ServiceError
from ..uses import KINDS, device_key, is_prefix, moment_text, uses_of
from .operations import result_id
from .outbox_file import OutboxFile

_log = logging.getLogger(__name__)

#: Things of a kind listed for a name that is not a whole one.
MOST_CANDIDATES = 20
#: Longest time a question spends on taking up older results, s (chosen: a program waits ten).
CATCH_UP_S = 3.0

_STATE = "uses"
_BATCH = 100
_FIELDS = "result_id, scan_id, screening_id, item, verdict, device, training, emulated"

Answer = dict[str, Any]


class UsesIndex:
    """The index of one bench, in the file of its outbox.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    OutboxError
        The file is no outbox, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = OutboxFile(path)

    def note(self, archived: ArchivedScan, identification: Mapping[str, Any]) -> None:
        """Note what a result depends on; where that fails, it is taken up from the outbox later."""
        scan = archived.scan
        device = {"model": scan.device.model, "serial": scan.device.serial, "emulated": scan.device.emulated}
        told = {
            "screening_id": scan.screening_id,
            "scan_id": archived.scan_id,
            "identification": identification,
            "device": device,
        }
        try:
            with self._file.transaction() as database:
                _insert(database, told, scan.item, scan.taken_at, blank_id=scan.blank_id)
        except (ServiceError, LookupError, TypeError, ValueError) as error:
            # The result itself matters more than what is found by it later.
            _log.warning("what scan %s depends on could not be noted: %s", archived.scan_id[:12], error)

    def catch_up(self, *, within_s: float = CATCH_UP_S) -> int:
        """Take up results of the outbox that are not noted yet; return how many are left."""
        deadline = time.monotonic() + within_s
        while True:
            with self._file.transaction() as database:
                left = _take_up(database, deadline)
            if not left or time.monotonic() > deadline:
                return left

    def candidates(self, value: str, kind: str = "") -> list[Answer]:
        """Return what a name can stand for: ``kind``, ``value`` and how many ``results``."""
        kinds = (kind,) if kind else KINDS
        with self._file.transaction() as database:
            found = [(one, value) for one in kinds if _count(database, one, value)]
            if not found and is_prefix(value):
                found = [(one, name) for one in kinds for name in _beginning(database, one, value)]
            return [
                {"kind": one, "value": name, "results": _count(database, one, name)} for one, name in found
            ]

    def depending(
        self,
        kind: str,
        value: str,
        *,
        since: str = "",
        until: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 50,
    ) -> Answer:
        """Return results that depend on a thing, by time: ``total``, ``not_indexed``, ``items``, ``after``.

        Parameters
        ----------
        kind, value
            The thing, by its whole name.
        since, until
            Moments as `moment_text` makes them, the second one excluded; empty for any.
        after
            Where the page before ended.
        limit
            How many at most.
        """
        chosen = "kind = ? AND value = ? AND at >= ? AND at < ?"
        asked = (kind, value, since, until or "~")
        with self._file.transaction() as database:
            total = database.execute(f"SELECT count(*) FROM uses WHERE {chosen}", asked).fetchone()[0]  # noqa: S608
            rows = database.execute(
                f"SELECT {_FIELDS}, at, part FROM uses JOIN used_results USING (result_id)"  # noqa: S608
                f" WHERE {chosen} AND (at, result_id) > (?, ?) ORDER BY at, result_id LIMIT ?",
                (*asked, *after, limit + 1),
            ).fetchall()
            flagged = _flagged(database)
            blind = "SELECT count(*) FROM used_results WHERE NOT blank_known"
            unknown = database.execute(blind).fetchone()[0] if kind == "blank" else 0
        items = [_line(row, flagged) for row in rows[:limit]]
        last = (items[-1]["at"], items[-1]["result_id"]) if len(rows) > limit else None
        return {"total": total, "not_indexed": unknown, "items": items, "after": last}


def _insert(
    database: sqlite3.Connection, told: Mapping[str, Any], item: str, taken_at: str, *, blank_id: str | None
) -> None:
    identification, device = told["identification"], told["device"]
    try:
        at = moment_text(taken_at)
    except ValueError:
        at = moment_text(identification["created_at"])
    name = result_id(told["scan_id"])
    row = (
        *(name, told["scan_id"], told["screening_id"], item, identification["verdict"]),
        *(device_key(device) or device["model"], bool(identification["training"]), bool(device["emulated"])),
    )
    new = database.execute(
        f"INSERT OR IGNORE INTO used_results ({_FIELDS}, blank_known) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (*row, blank_id is not None),
    ).rowcount
    if new:
        uses = uses_of(identification, device, blank_id=blank_id or "")
        database.executemany(
            "INSERT OR IGNORE INTO uses VALUES (?, ?, ?, ?, ?)",
            [(use.kind, use.value, at, name, use.part) for use in uses],
        )


def _take_up(database: sqlite3.Connection, deadline: float) -> int:
    """Take up a few results in the outbox that follow those taken up before; return how many are left."""
    kept = database.execute("SELECT value FROM state WHERE key = ?", (_STATE,)).fetchone()
    last = int(kept[0]) if kept is not None else 0
    query = "SELECT seq, key, json FROM ops WHERE result_of IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?"
    for seq, key, body in database.execute(query, (last, _BATCH)).fetchall():
        known = "SELECT 1 FROM used_results WHERE result_id = ?"
        if database.execute(known, (key.removeprefix("result:"),)).fetchone() is None:
            told = json.loads(body)
            _insert(database, told, _item_of(database, told["screening_id"]), "", blank_id=None)
        last = seq
        if time.monotonic() > deadline:
            break
    database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (_STATE, str(last)))
    left = "SELECT count(*) FROM ops WHERE result_of IS NOT NULL AND seq > ?"
    return int(database.execute(left, (last,)).fetchone()[0])


def _item_of(database: sqlite3.Connection, screening_id: str) -> str:
    query = "SELECT json FROM ops WHERE key = ?"
    row = database.execute(query, (f"screening:{screening_id}",)).fetchone()
    return "" if row is None else str(json.loads(row[0])["item_id"])


def _beginning(database: sqlite3.Connection, kind: str, start: str) -> list[str]:
    """Return the names of a kind that begin with some digits; serial numbers of devices are no digests."""
    names: list[str] = []
    while kind != "device" and len(names) < MOST_CANDIDATES:
        after = names[-1] if names else start
        step = ">" if names else ">="
        query = f"SELECT min(value) FROM uses WHERE kind = ? AND value {step} ? AND value < ?"  # noqa: S608
        name = database.execute(query, (kind, after, f"{start}g")).fetchone()[0]
        if name is None:
            break
        names.append(name)
    return names


def _count(database: sqlite3.Connection, kind: str, value: str) -> int:
    query = "SELECT count(*) FROM uses WHERE kind = ? AND value = ?"
    return int(database.execute(query, (kind, value)).fetchone()[0])


def _flagged(database: sqlite3.Connection) -> frozenset[str]:
    """Return the results this bench asked to be reviewed; what came of it, the server knows."""
    query = "SELECT json FROM ops WHERE key >= 'flag:' AND key < 'flag;'"
    return frozenset(name for (body,) in database.execute(query) for name in json.loads(body)["result_ids"])


def _line(row: tuple[Any, ...], flagged: frozenset[str]) -> Answer:
    line = dict(zip((*_FIELDS.split(", "), "at", "why"), row, strict=True))
    flags = {name: bool(line[name]) for name in ("training", "emulated")}
    return {**line, **flags, "item_id": line.pop("item"), "under_review": line["result_id"] in flagged}
