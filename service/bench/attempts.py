"""Spots and attempts: every try at a spot of an item gets the next number, and none is forgotten.

A try is noted before anything fires, in the file of the outbox, flushed to the disk. Whatever ends
it, a stop, a failure or the end of the agent by SIGKILL, its number is used up: a record with
attempts 1 and 3 would leave everybody wondering what attempt 2 had shown.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectra.values import Scan

from ..archive.journal import ArchivedScan
from ..errors import ServiceError, UsageError
from ..problems import message_of
from .notes import instrument_key, rfc3339, utc_now
from .outbox_file import OutboxFile

_log = logging.getLogger(__name__)

#: Why an attempt ended of which nobody can say more.
INTERRUPTED = "the bench agent ended during the scan"

#: Longest reason kept, characters.
MAX_WORDS = 300

#: What is kept of an identification: enough to combine findings and to name what was seen.
_KEPT = ("verdict", "reasons", "technique", "training")
_KEPT_OF_PART = ("substance", "role", "controlled", "watch_list", "class", "alternatives")
_COLUMNS = "screening_id, item, spot, attempt, device, begun_at, state, scan_id, words, found, operator"
_THIS = "screening_id = ? AND spot = ? AND attempt = ?"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one spot of an item."""

    screening_id: str
    """The screening it belongs to."""
    item: str
    """Item identifier."""
    spot: int
    """Number of the spot on the item, from 1."""
    attempt: int
    """Number of the try at that spot, from 1."""
    device: str
    """Identity of the instrument, ``model/serial``."""
    begun_at: str
    """RFC 3339, UTC."""
    state: str
    """``begun``, ``done`` or ``aborted``."""
    scan_id: str
    """Content address of what was measured; empty where nothing was."""
    words: str
    """Why it was cut short; empty for a complete one."""
    found: Mapping[str, Any] | None
    """What `spectra.finding.combine` needs of the identification; None without one."""
    operator: str = ""
    """Who made it: kept here, beside the scan, which is shared under its content address; empty: unknown."""


class Attempts:
    """The tries of a bench, in the file of its outbox.

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

    @contextmanager
    def begun(
        self, screening_id: str, item: str, spot: int, *, attempt: int | None, device: str, operator: str = ""
    ) -> Iterator[int]:
        """Note a try for the time of a block and yield its number; an exception makes it an aborted one.

        Parameters
        ----------
        screening_id, item, spot
            What is tried.
        attempt
            Number wanted; None takes the next one.
        device
            Identity of the instrument.
        operator
            Who makes it; empty where nobody says.

        Raises
        ------
        UsageError
            The number was used before.
        """
        number = self._begin(screening_id, item, spot, attempt, device, operator)
        try:
            yield number
        except BaseException as error:
            self._cut_short((screening_id, spot, number), message_of(error))
            raise

    def _begin(
        self, screening_id: str, item: str, spot: int, attempt: int | None, device: str, operator: str
    ) -> int:
        last = "SELECT max(attempt) FROM attempts WHERE screening_id = ? AND spot = ?"
        with self._file.transaction() as database:
            used = database.execute(last, (screening_id, spot)).fetchone()[0] or 0
            if attempt is not None and attempt <= used:
                raise UsageError(f"attempt {attempt} at spot {spot} was made before; leave the number out")
            number = used + 1 if attempt is None else attempt
            head = (screening_id, item, spot, number, device, rfc3339(utc_now()))
            row = (*head, "begun", "", "", None, operator)
            database.execute(f"INSERT INTO attempts ({_COLUMNS}) VALUES ({_marks(row)})", row)  # noqa: S608
        return number

    def keep(self, archived: ArchivedScan) -> None:
        """Note what was measured in a try, as soon as it is in the archive."""
        with self._file.transaction() as database:
            database.execute(
                f"UPDATE attempts SET scan_id = ? WHERE {_THIS}",  # noqa: S608
                (archived.scan_id, *_place(archived.scan)),
            )

    def settle(self, archived: ArchivedScan, identification: Mapping[str, Any]) -> None:
        """Note what a try showed; one that is not known, such as a file's, is added."""
        scan, found = archived.scan, json.dumps(_kept(identification), separators=(",", ":"))
        with self._file.transaction() as database:
            changed = database.execute(
                "UPDATE attempts SET state = 'done', words = '', scan_id = ?, found = ?"  # noqa: S608
                f" WHERE {_THIS} AND scan_id IN ('', ?)",
                (archived.scan_id, found, *_place(scan), archived.scan_id),
            ).rowcount
            if not changed:
                device = instrument_key(scan.device.model, scan.device.serial)
                head = (scan.screening_id, scan.item, scan.spot, scan.attempt, device, scan.taken_at)
                row = (*head, "done", archived.scan_id, "", found, "")
                database.execute(f"INSERT INTO attempts ({_COLUMNS}) VALUES ({_marks(row)})", row)  # noqa: S608

    def interrupt(self) -> int:
        """Note that every try under way was cut short by the end of the agent; return how many were."""
        with self._file.transaction() as database:
            return database.execute(
                "UPDATE attempts SET state = 'aborted', words = ? WHERE state = 'begun'", (INTERRUPTED,)
            ).rowcount

    def of(self, screening_id: str) -> tuple[Attempt, ...]:
        """Return the tries of a screening, oldest first."""
        query = f"SELECT {_COLUMNS} FROM attempts WHERE screening_id = ? ORDER BY seq"  # noqa: S608
        with self._file.transaction() as database:
            rows = database.execute(query, (screening_id,)).fetchall()
        return tuple(_attempt(row) for row in rows)

    def operator_of(self, archived: ArchivedScan) -> str:
        """Return who made a scan, also after a crash; empty where nobody said."""
        query = f"SELECT operator FROM attempts WHERE {_THIS} AND scan_id = ? ORDER BY seq DESC LIMIT 1"  # noqa: S608
        with self._file.transaction() as database:
            row = database.execute(query, (*_place(archived.scan), archived.scan_id)).fetchone()
        return "" if row is None else str(row[0])

    def screening_of(self, item: str) -> str | None:
        """Return the screening in which an item was last tried; None for an item never tried."""
        query = "SELECT screening_id FROM attempts WHERE item = ? ORDER BY seq DESC LIMIT 1"
        with self._file.transaction() as database:
            row = database.execute(query, (item,)).fetchone()
        return None if row is None else str(row[0])

    def _cut_short(self, place: tuple[str, int, int], words: str) -> None:
        query = f"UPDATE attempts SET state = 'aborted', words = ? WHERE {_THIS} AND state = 'begun'"  # noqa: S608
        try:
            with self._file.transaction() as database:
                database.execute(query, (words[:MAX_WORDS], *place))
        except ServiceError as error:
            # The number stays used up; why the scan ended matters more than that this could not be noted.
            _log.warning("the end of attempt %s could not be noted: %s", place, error)


def _attempt(row: tuple[Any, ...]) -> Attempt:
    fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
    found = fields.pop("found")
    return Attempt(**fields, found=None if found is None else json.loads(found))


def _place(scan: Scan) -> tuple[str, int, int]:
    return scan.screening_id, scan.spot, scan.attempt


def _marks(row: tuple[Any, ...]) -> str:
    return ", ".join("?" * len(row))


def _kept(identification: Mapping[str, Any]) -> dict[str, Any]:
    parts = [
        {key: part[key] for key in _KEPT_OF_PART if key in part} for part in identification["components"]
    ]
    classes = [one for one in identification["classes"] if one["detected"]]
    return {key: identification[key] for key in _KEPT} | {"components": parts, "classes": classes}
