"""What verifying the bench's instruments showed, and which results that puts in doubt: kept for good.

In the file of the outbox, flushed to the disk, beside the attempts: "since the last pass" is told by the
order in which things were begun, never by clocks.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from calibration.errors import RecordDamaged
from calibration.verification import Verification

from . import operations
from .outbox_file import OutboxFile

#: Flags are named after the verification that raised them (RFC 9562, version 5): telling again changes
#: nothing.
FLAG_NAMESPACE = uuid.UUID("4a7c0c53-9d1b-5f0a-8a43-6d2f0b9be6f1")

_COLUMNS = (
    "device, control, verdict, scan_id, standard, at, due_at, due_why, after_seq, axis_id, intensity_id, "
    "temperatures, outcome"
)
_MARKS = ", ".join("?" * len(_COLUMNS.split(", ")))
_FLAG_COLUMNS = "flag_id, device, verification, since, until, result_ids"


@dataclass(frozen=True, slots=True)
class VerificationNote:
    """One verification of one instrument."""

    device: str
    """Identity of the instrument, ``model/serial``."""
    control: str
    """``positive`` or ``negative``."""
    verdict: str
    """``passed``, ``failed`` or ``no_verdict``."""
    scan_id: str
    """Content address of the archived scan."""
    standard: str
    """What was before the probe."""
    taken_at: str
    """RFC 3339, UTC."""
    due_at: str
    """When the next one is due, RFC 3339, UTC; at once where it did not pass."""
    due_why: str = ""
    """Why then, as `calibration.due` says it."""
    after_seq: int = 0
    """Number of the last attempt begun at this bench before it."""
    axis_id: str = ""
    """Record of the axis it was measured with; empty for the device's own axis."""
    intensity_id: str = ""
    """Record of the intensity response it was measured with; empty for none."""
    temperatures: Mapping[str, float] = field(default_factory=dict)
    """Temperatures the instrument told of, by place, °C."""
    outcome: Mapping[str, Any] = field(default_factory=dict)
    """The verification in its JSON form."""
    seq: int = 0
    """Its number at this bench; 0 before it is kept."""

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return self.verdict == "passed"

    @property
    def found(self) -> Verification | None:
        """What it showed; None where that is of another version."""
        try:
            return Verification.from_json(self.outcome)
        except RecordDamaged:
            return None


@dataclass(frozen=True, slots=True)
class Flag:
    """Results that a failed verification puts in doubt: they are to be looked at again."""

    flag_id: str
    """Its name, the same whenever it is told."""
    device: str
    """Identity of the instrument."""
    verification: str
    """Scan of the verification that failed."""
    since: str
    """When the instrument last passed, RFC 3339, UTC; where it never did, when its first result was begun."""
    until: str
    """When the verification failed, RFC 3339, UTC."""
    result_ids: tuple[str, ...]
    """The results, oldest first; at most `operations.MAX_FLAGGED`."""


class Verifications:
    """The verifications and flags of a bench, in the file of its outbox.

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

    def begun_so_far(self) -> int:
        """Return the number of the last attempt begun at this bench; 0 for none."""
        with self._file.transaction() as database:
            found = database.execute("SELECT max(seq) FROM attempts").fetchone()[0]
        return int(found or 0)

    def keep(self, note: VerificationNote) -> tuple[VerificationNote, tuple[Flag, ...]]:
        """Keep a verification; a failed one flags the results since the last pass, in the same transaction.

        Returns
        -------
        note, flags
            The verification with its number, and what it flags.
        """
        row = (
            *(
                note.device,
                note.control,
                note.verdict,
                note.scan_id,
                note.standard,
                note.taken_at,
                note.due_at,
            ),
            *(note.due_why, note.after_seq, note.axis_id, note.intensity_id),
            *(json.dumps(dict(note.temperatures)), json.dumps(dict(note.outcome))),
        )
        with self._file.transaction() as database:
            last = self._last_pass(database, note) if note.verdict == "failed" else None
            query = f"INSERT INTO verifications ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608
            seq = database.execute(query, row).lastrowid
            flags = _flags(database, note, last) if note.verdict == "failed" else ()
            for flag in flags:
                database.execute(
                    f"INSERT OR REPLACE INTO flags ({_FLAG_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
                    (*(getattr(flag, name) for name in _FLAG_NAMES), json.dumps(flag.result_ids)),
                )
        return replace(note, seq=int(seq or 0)), flags

    def last(self, device: str, control: str, *, passed: bool = False) -> VerificationNote | None:
        """Return the last verification of an instrument that has a verdict, or None.

        Parameters
        ----------
        device
            Identity of the instrument.
        control
            ``positive`` or ``negative``.
        passed
            Only those that passed.
        """
        verdicts = "= 'passed'" if passed else "<> 'no_verdict'"
        where = f"device = ? AND control = ? AND verdict {verdicts} ORDER BY seq DESC LIMIT 1"
        return next(iter(self._found(where, (device, control))), None)

    def passes(
        self, device: str, standard: str, axis_id: str, intensity_id: str
    ) -> tuple[VerificationNote, ...]:
        """Return the positive controls passed since an instrument was calibrated as it is, oldest first."""
        where = "device = ? AND control = 'positive' AND verdict = 'passed' ORDER BY seq"
        since: list[VerificationNote] = []
        for note in self._found(where, (device,)):
            if (note.axis_id, note.intensity_id) != (axis_id, intensity_id):
                since.clear()
            elif note.standard == standard:
                since.append(note)
        return tuple(since)

    def history(self, device: str = "") -> tuple[VerificationNote, ...]:
        """Return every verification of an instrument, or of all of them, oldest first."""
        if device:
            return self._found("device = ? ORDER BY seq", (device,))
        return self._found("1 ORDER BY seq", ())

    def flags(self, *, device: str = "", verification: str = "") -> tuple[Flag, ...]:
        """Return what is flagged: for an instrument, by one verification, or all of it; oldest first."""
        wanted = {"device": device, "verification": verification}
        given = {name: value for name, value in wanted.items() if value}
        where = " AND ".join(f"{name} = ?" for name in given) or "1"
        query = f"SELECT {_FLAG_COLUMNS} FROM flags WHERE {where} ORDER BY until, flag_id"  # noqa: S608
        with self._file.transaction() as database:
            rows = database.execute(query, tuple(given.values())).fetchall()
        return tuple(_flag(row) for row in rows)

    def _found(self, where: str, values: tuple[str, ...]) -> tuple[VerificationNote, ...]:
        query = f"SELECT {_COLUMNS}, seq FROM verifications WHERE {where}"  # noqa: S608
        with self._file.transaction() as database:
            rows = database.execute(query, values).fetchall()
        return tuple(_note(row) for row in rows)

    @staticmethod
    def _last_pass(database: Any, note: VerificationNote) -> tuple[int, str] | None:
        """Return after which attempt, and when, an instrument last passed; None for never.

        The same control counts; a negative control that was never passed is told by any.
        """
        query = (
            "SELECT after_seq, at FROM verifications WHERE device = ? AND verdict = 'passed' AND control = ?"
            " ORDER BY seq DESC LIMIT 1"
        )
        for control in (note.control, "positive"):
            row = database.execute(query, (note.device, control)).fetchone()
            if row is not None:
                return int(row[0]), str(row[1])
        return None


_FLAG_NAMES = _FLAG_COLUMNS.split(", ")[:-1]


def _flags(database: Any, note: VerificationNote, last: tuple[int, str] | None) -> tuple[Flag, ...]:
    """Return the flags of a failed verification: results of scans begun since the last pass."""
    after, since = last or (0, "")
    rows: Sequence[tuple[str, str]] = database.execute(
        "SELECT scan_id, begun_at FROM attempts WHERE device = ? AND seq > ? AND seq <= ?"
        " AND state IN ('begun', 'done') AND scan_id <> '' ORDER BY seq",
        (note.device, after, note.after_seq),
    ).fetchall()
    results = list(dict.fromkeys(operations.result_id(scan_id) for scan_id, _ in rows))
    begins = since or (rows[0][1] if rows else note.taken_at)
    return tuple(
        Flag(
            str(uuid.uuid5(FLAG_NAMESPACE, f"{note.scan_id}:{number}")),
            note.device,
            note.scan_id,
            begins,
            note.taken_at,
            tuple(results[first : first + operations.MAX_FLAGGED]),
        )
        for number, first in enumerate(range(0, len(results), operations.MAX_FLAGGED))
    )


def _flag(row: tuple[Any, ...]) -> Flag:
    flag_id, device, verification, since, until, result_ids = row
    return Flag(flag_id, device, verification, since, until, tuple(json.loads(result_ids)))


def _note(row: tuple[Any, ...]) -> VerificationNote:
    fields = dict(zip((*_COLUMNS.split(", "), "seq"), row, strict=True))
    fields["taken_at"] = fields.pop("at")
    texts = {name: json.loads(fields.pop(name)) for name in ("temperatures", "outcome")}
    return VerificationNote(**fields, **texts)
