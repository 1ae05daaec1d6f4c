"""Calibration records in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from calibration.errors import RecordDamaged
from calibration.record import CalibrationRecord

from ..change import Change
from ..events.chain import canonical
from ..paging import take_page
from ..problems import Problem
from ..requests import Caller
from ..tables import Calibration
from .models import CalibrationQuery

#: Longest serial number kept, characters; results take no longer one.
MAX_SERIAL = 256


def find_calibration(session: Session, record_id: str) -> Calibration | None:
    """Return a record by its digest; None where there is none."""
    return session.scalar(select(Calibration).where(Calibration.record_id == record_id))


def list_calibrations(session: Session, query: CalibrationQuery) -> tuple[Sequence[Calibration], str | None]:
    """Return a page of records and the next cursor."""
    wanted = select(Calibration)
    if query.serial:
        wanted = wanted.where(Calibration.serial == query.serial)
    if query.kind is not None:
        wanted = wanted.where(Calibration.kind == query.kind.value)
    return take_page(session, Calibration, wanted, query)


def read_record(record_id: str, value: dict[str, Any]) -> CalibrationRecord:
    """Read a record that came under a digest.

    Raises
    ------
    Problem
        It is damaged, or another record than the digest says.
    """
    try:
        record = CalibrationRecord.from_json(value)
        found = record.record_id
    except (RecordDamaged, ValueError) as error:
        raise Problem("invalid", " ".join(str(error).split())[:300]) from error
    if found != record_id:
        raise Problem("digest_mismatch", f"the record has the digest {found}; send it under that")
    if len(record.device_serial) > MAX_SERIAL:
        raise Problem("invalid", f"a serial number has at most {MAX_SERIAL} characters")
    return record


def keep_calibration(change: Change, caller: Caller, record: CalibrationRecord) -> tuple[Calibration, bool]:
    """Keep a record, and say whether that was new."""
    record_id = record.record_id
    found = find_calibration(change.session, record_id)
    if found is not None:
        return found, False
    row = Calibration(
        record_id=record_id,
        kind=record.kind.value,
        serial=record.device_serial,
        record=canonical(record.to_json()),
        token_id=caller.token_id,
        received_at=change.now,
    )
    change.session.add(row)
    data = {
        "record_id": record_id,
        "kind": row.kind,
        "device": f"{record.device_model}/{record.device_serial}",
        "emulated": record.emulated,
    }
    change.record("calibration.stored", f"calibrations/{record_id}", data)
    return row, True
