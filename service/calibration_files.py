"""Files of calibration records and their withdrawals: named by what is in them, written once, never changed.

A record is ``<record_id>.json``, its canonical JSON (RFC 8785), so that its name is the SHA-256 of its
bytes. A withdrawal is ``<record_id>.<digest>.withdrawn.json``, named by the SHA-256 of its own bytes.
"""

import json
import os
import re
import stat
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import rfc8785

from calibration.errors import CalibrationError
from calibration.record import CalibrationRecord
from spectra.digest import bytes_digest

from .archive.whole import write_whole
from .errors import CalibrationDamaged, CalibrationStoreError

#: Longest file of a record, bytes: a response of ten thousand points has half a megabyte.
MAX_BYTES = 4 * 1024 * 1024

#: Longest reason and name in a withdrawal, characters.
MAX_WORDS = 1000

WITHDRAWAL_SCHEMA = "opioscan.calibration-withdrawal/1"

#: What is said of a file whose digest is another than its name.
OTHER_BYTES = "its bytes are not those its name stands for: damaged, edited or swapped"

RECORD_NAME = re.compile(r"([0-9a-f]{64})\.json")
WITHDRAWAL_NAME = re.compile(r"([0-9a-f]{64})\.([0-9a-f]{64})\.withdrawn\.json")


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Somebody's word that a record is not to be used any more."""

    record_id: str
    """The record."""
    why: str
    """Why, in words."""
    by: str
    """Who says so."""
    at: str
    """Since when, RFC 3339 in UTC."""

    def __post_init__(self) -> None:
        if any(not isinstance(getattr(self, one.name), str) for one in fields(self)):
            raise CalibrationDamaged("a withdrawal holds something that is no text")
        if not RECORD_NAME.fullmatch(f"{self.record_id}.json"):
            raise CalibrationDamaged(f"{self.record_id[:80]!r} is no identifier of a calibration record")
        if not self.why.strip() or not self.by.strip() or max(len(self.why), len(self.by)) > MAX_WORDS:
            raise CalibrationDamaged(
                f"a withdrawal says why and by whom, in up to {MAX_WORDS} characters each"
            )
        moment(self.at)

    def to_bytes(self) -> bytes:
        """Return the withdrawal as canonical JSON."""
        return rfc8785.dumps({"schema": WITHDRAWAL_SCHEMA, **asdict(self)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a withdrawal; raises `CalibrationDamaged`."""
        value = _json(data)
        if not isinstance(value, dict) or value.pop("schema", None) != WITHDRAWAL_SCHEMA:
            raise CalibrationDamaged("this is no withdrawal of a calibration record")
        if set(value) != {one.name for one in fields(cls)}:
            raise CalibrationDamaged("a withdrawal lacks a field, or has one too many")
        return cls(**value)


def moment(text: str) -> datetime:
    """Return a time given in a record; raises `CalibrationDamaged` for what is no time with a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CalibrationDamaged(f"{text[:40]!r} is no time (RFC 3339)") from error
    if found.tzinfo is None:
        raise CalibrationDamaged(f"the time {text!r} names no zone; end it with Z")
    return found


def record_bytes(record: CalibrationRecord) -> bytes:
    """Return a record as it is kept: canonical JSON.

    Raises
    ------
    CalibrationDamaged
        It is too long, or its times are none.
    """
    _check_times(record)
    data = rfc8785.dumps(record.to_json())
    if len(data) > MAX_BYTES:
        raise CalibrationDamaged(f"a calibration record of {len(data)} bytes is longer than {MAX_BYTES}")
    return data


def record_of(data: bytes, record_id: str = "") -> CalibrationRecord:
    """Read a record, and hold its bytes against its name.

    Parameters
    ----------
    data
        The file's bytes.
    record_id
        Its identifier; empty to take any record in any layout, as another system may have written it.

    Raises
    ------
    CalibrationDamaged
        It cannot be read, or is not the one its name says.
    """
    if record_id and bytes_digest(data) != record_id:
        raise CalibrationDamaged(OTHER_BYTES)
    try:
        record = CalibrationRecord.from_json(_json(data))
    except CalibrationError as error:
        raise CalibrationDamaged(str(error)) from error
    _check_times(record)
    if record_id and record.record_id != record_id:
        raise CalibrationDamaged("it is not in the canonical form of RFC 8785")
    return record


def read_bounded(path: Path) -> bytes:
    """Return the bytes of a file; raises `CalibrationDamaged` for one too long, or for no plain file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CalibrationDamaged("it is no plain file")
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        if isinstance(error, CalibrationDamaged):
            raise
        raise CalibrationDamaged(f"it cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise CalibrationDamaged(f"it is longer than {MAX_BYTES} bytes")
    return data


def write_once(path: Path, data: bytes) -> None:
    """Write a file whose name stands for its bytes, unless it is there already and whole.

    Raises
    ------
    CalibrationStoreError
        It cannot be written.
    """
    try:
        if _holds(path, data):
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise CalibrationStoreError(f"{path} could not be written: {error.strerror or error}") from error


def _holds(path: Path, data: bytes) -> bool:
    """Whether a file is there and whole; what is there and damaged is written anew."""
    try:
        return read_bounded(path) == data
    except CalibrationDamaged:
        return False


def _check_times(record: CalibrationRecord) -> None:
    made = moment(record.made_at)
    if record.valid_until and moment(record.valid_until) <= made:
        raise CalibrationDamaged("a calibration record is valid until before it was made")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CalibrationDamaged(f"it is no JSON: {error}") from error
