"""Which calibration records count, and why the others do not: decided from the records alone.

A record counts unless it was withdrawn, or another one of the same device and kind that was not withdrawn
names it as superseded; of those left the newest counts, by ``made_at``, then by identifier. So a record
brought from elsewhere needs no predecessor here, one that names an unknown predecessor counts like any
other, and withdrawing a record brings back what it had superseded. An expired record still counts: results
say that it is past its time, which forbids "nothing found" and hides no alarm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from calibration.in_force import InForce
from calibration.record import CalibrationRecord, Kind

from .calibration_files import Withdrawal, moment

Records = Mapping[str, CalibrationRecord]
Withdrawals = Mapping[str, Withdrawal]


class State(StrEnum):
    """What became of a record."""

    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    """In force, and past its validity."""


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file among the records that is not what its name says."""

    path: Path
    """The file."""
    what: str
    """What is wrong, in words."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a folder of records holds."""

    records: Records
    """Records by identifier."""
    withdrawals: Withdrawals
    """The first withdrawal of each record that has one."""
    damaged: tuple[DamagedFile, ...]
    """Files that cannot be used."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A record and what became of it."""

    record: CalibrationRecord
    """The record."""
    record_id: str
    """Its identifier."""
    state: State
    """Whether it counts."""
    superseded_by: str = ""
    """The record that counts instead of it; empty where it was not superseded."""
    withdrawal: Withdrawal | None = None
    """Why it was withdrawn; None where it was not."""


def force_of(records: Records, withdrawals: Withdrawals, serial: str, until: datetime | None) -> InForce:
    """Return the records of a device that count, of those made by a time; None for no bound."""
    mine = {
        record_id: record
        for record_id, record in records.items()
        if record.device_serial == serial and (until is None or moment(record.made_at) <= until)
    }
    found = {kind: _newest(mine, withdrawals, kind) for kind in Kind}
    return InForce(
        **{str(kind): records[record_id] for kind, record_id in found.items() if record_id is not None}
    )


def states_of(records: Records, withdrawals: Withdrawals, *, at: datetime) -> tuple[Listed, ...]:
    """Return every record and what became of it, by device, kind and time."""
    groups: dict[tuple[str, Kind], dict[str, CalibrationRecord]] = {}
    for record_id, record in records.items():
        groups.setdefault((record.device_serial, record.kind), {})[record_id] = record
    listed: list[Listed] = []
    for (_, kind), group in sorted(groups.items()):
        counts = _newest(group, withdrawals, kind)
        listed += [
            _listed(record, record_id, counts, withdrawals.get(record_id), at)
            for record_id, record in sorted(group.items(), key=lambda one: (moment(one[1].made_at), one[0]))
        ]
    return tuple(listed)


def _listed(
    record: CalibrationRecord, record_id: str, counts: str | None, gone: Withdrawal | None, at: datetime
) -> Listed:
    if gone is not None:
        return Listed(record, record_id, State.WITHDRAWN, withdrawal=gone)
    if record_id != counts:
        return Listed(record, record_id, State.SUPERSEDED, superseded_by=counts or "")
    late = bool(record.valid_until) and moment(record.valid_until) <= at
    return Listed(record, record_id, State.EXPIRED if late else State.IN_FORCE)


def _newest(records: Records, withdrawals: Withdrawals, kind: Kind) -> str | None:
    """Return the one of a device's records that counts for a kind."""
    left = {
        record_id: record
        for record_id, record in records.items()
        if record.kind is kind and record_id not in withdrawals
    }
    named = {record.supersedes for record in left.values()}
    # Digests allow no circle of predecessors; were there one, the newest of all would count.
    open_ = [record_id for record_id in left if record_id not in named] or list(left)
    return max(open_, key=lambda one: _age(left, one), default=None)


def _age(records: Records, record_id: str) -> tuple[datetime, str]:
    return moment(records[record_id].made_at), record_id
