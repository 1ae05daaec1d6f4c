"""The calibration records of an installation: kept for ever, listed, and which of them are in force.

A record is never changed and never deleted. It goes out of force when a newer one of its device and kind
is kept, when one names it as superseded, or when somebody withdraws it.
"""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calibration.in_force import InForce
from calibration.record import CalibrationRecord, Kind
from spectra.digest import bytes_digest

from .calibration_files import (
    OTHER_BYTES,
    RECORD_NAME,
    WITHDRAWAL_NAME,
    Withdrawal,
    moment,
    read_bounded,
    record_bytes,
    record_of,
    write_once,
)
from .calibration_states import DamagedFile, Held, Listed, force_of, states_of
from .errors import CalibrationDamaged, CalibrationNotFound, CalibrationStoreError

#: Shortest beginning of an identifier by which a record is found.
MIN_PREFIX = 6


class Calibrations:
    """The records in one folder; several threads and processes may use it at the same time.

    Parameters
    ----------
    folder
        Where they are; made when the first one is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        # What was read is read again only when the file is another: a bench asks before every scan.
        self._read: dict[str, tuple[tuple[int, ...], CalibrationRecord | Withdrawal | DamagedFile]] = {}

    def keep(self, record: CalibrationRecord) -> Path:
        """Keep a record; one that is there already stays as it is. Flushed to the disk on return.

        Raises
        ------
        CalibrationDamaged
            It is too long, or its times are none.
        CalibrationStoreError
            It cannot be written.
        """
        data = record_bytes(record)
        path = self.folder / f"{bytes_digest(data)}.json"
        write_once(path, data)
        return path

    def get(self, record_id: str) -> CalibrationRecord:
        """Return a record by its identifier, or by a beginning of it that no other one has.

        Raises
        ------
        CalibrationNotFound
            There is none, or there are several.
        CalibrationDamaged
            Its file is not what its name says.
        """
        wanted = record_id.strip().lower()
        if len(wanted) < MIN_PREFIX:
            raise CalibrationNotFound(
                f"{record_id!r}: give at least {MIN_PREFIX} characters of the identifier"
            )
        held = self._held()
        found = [one for one in held.records if one.startswith(wanted)]
        broken = [one for one in held.damaged if one.path.name.startswith(wanted)]
        if len(found) + len(broken) > 1:
            raise CalibrationNotFound(f"{len(found) + len(broken)} calibration records begin with {wanted}")
        if broken:
            raise CalibrationDamaged(f"{broken[0].path}: {broken[0].what}")
        if not found:
            raise CalibrationNotFound(f"no calibration record {wanted[:80]!r} in {self.folder}")
        return held.records[found[0]]

    def listed(self, *, at: datetime | None = None) -> tuple[Listed, ...]:
        """Return every record and what became of it, by device, kind and time.

        Parameters
        ----------
        at
            Time at which validity is judged; now when None.
        """
        held = self._held()
        return states_of(held.records, held.withdrawals, at=at or datetime.now(UTC))

    def damaged(self) -> tuple[DamagedFile, ...]:
        """Return the files that are not what their names say; none of them is ever used."""
        return self._held().damaged

    def in_force(self, serial: str, *, at: datetime | str | None = None) -> InForce:
        """Return the records of a device that count.

        Parameters
        ----------
        serial
            Serial number of the device; an empty one has no records.
        at
            A time: records made later do not count. None for all there are. Withdrawn ones never count.
        """
        if not serial:
            return InForce()
        until = moment(at) if isinstance(at, str) else at
        held = self._held()
        return force_of(held.records, held.withdrawals, serial, until)

    def expired(self, serial: str, now: datetime) -> tuple[Kind, ...]:
        """Return the kinds of which the device's record in force is past its validity at a time."""
        found = self.in_force(serial, at=now).records
        return tuple(one.kind for one in found if one.valid_until and moment(one.valid_until) <= now)

    def withdraw(self, record_id: str, *, why: str, by: str, at: str) -> Withdrawal:
        """Take a record out of force for ever; it stays, and so does the first withdrawal of it.

        Raises
        ------
        CalibrationNotFound, CalibrationDamaged
            As `get`; or nothing says why, by whom and when.
        CalibrationStoreError
            It cannot be written.
        """
        full = self.get(record_id).record_id
        if (before := self._held().withdrawals.get(full)) is not None:
            return before
        made = Withdrawal(full, why.strip(), by.strip(), at)
        data = made.to_bytes()
        write_once(self.folder / f"{full}.{bytes_digest(data)}.withdrawn.json", data)
        return made

    def _held(self) -> Held:
        """Return what is in the folder, reading what is new in it."""
        with self._lock:
            names = _names(self.folder)
            kept = {name: self._fresh(name) for name in names}
            self._read = {name: one for name, one in kept.items() if one is not None}
            values = {name: value for name, (_, value) in self._read.items()}
        records = {name[:64]: one for name, one in values.items() if isinstance(one, CalibrationRecord)}
        return Held(records, _first(values.values()), tuple(_damaged(values)))

    def _fresh(self, name: str) -> tuple[tuple[int, ...], Any] | None:
        path = self.folder / name
        try:
            facts = path.lstat()
        except OSError:
            return None  # gone since the folder was listed
        seen = (facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino)
        before = self._read.get(name)
        return before if before is not None and before[0] == seen else (seen, _value(path))


def _names(folder: Path) -> list[str]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CalibrationStoreError(f"{folder} cannot be read: {error.strerror}") from error
    return [name for name in names if RECORD_NAME.fullmatch(name) or WITHDRAWAL_NAME.fullmatch(name)]


def _value(path: Path) -> CalibrationRecord | Withdrawal | DamagedFile:
    try:
        data = read_bounded(path)
        if (match := WITHDRAWAL_NAME.fullmatch(path.name)) is None:
            return record_of(data, path.name[:64])
        if bytes_digest(data) != match[2] or (read := Withdrawal.from_bytes(data)).record_id != match[1]:
            raise CalibrationDamaged(OTHER_BYTES)
        return read
    except CalibrationDamaged as error:
        return DamagedFile(path, str(error))


def _first(values: Iterable[object]) -> dict[str, Withdrawal]:
    """Return the earliest withdrawal of each record."""
    found = [one for one in values if isinstance(one, Withdrawal)]
    found.sort(key=lambda one: (moment(one.at), one.by, one.why), reverse=True)
    return {one.record_id: one for one in found}


def _damaged(values: dict[str, Any]) -> list[DamagedFile]:
    return [one for one in values.values() if isinstance(one, DamagedFile)]
