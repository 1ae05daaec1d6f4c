"""Simulated screenings, played through the repositories of real ones."""

import secrets
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...archive.journal import ArchivedScan
from ..change import Change
from ..parcels.repository import register
from ..parcels.status import SANDBOX_OFFLINE
from ..problems import Problem
from ..results.models import DeviceRecord, ResultBody
from ..results.repository import add_result, find_place
from ..s10 import ItemIdType, Label
from ..scans.repository import note_scan
from ..screenings.bodies import ScreeningBody
from ..screenings.models import State
from ..screenings.repository import (
    amend_screening,
    complete_screening,
    find_screening,
    open_for,
)
from ..screenings.simulated import SIMULATED
from ..tables import Parcel, Screening
from .models import Outcome
from .simulation import DEVICE, identification

BENCH = "sandbox"


def make_parcel(change: Change) -> Parcel:
    """Register a simulated parcel under a label that no real one can have by accident."""
    name = f"SANDBOX-{secrets.token_hex(6).upper()}"
    return register(change, Label(name, name, ItemIdType.CARRIER, ""), sandbox=True)


def check_sandbox(parcel: Parcel) -> None:
    """Refuse to simulate with a real parcel."""
    if not parcel.sandbox:
        raise Problem("sandbox_only", "the parcel is real: make one with POST /api/v1/sandbox/parcels")


def screening_to_play(session: Session, parcel: Parcel, outcome: Outcome) -> tuple[str, int]:
    """Return the id of the screening an outcome is for, and the number of the attempt.

    Raises
    ------
    Problem
        A late result needs a completed screening, and there is none.
    """
    visits = select(Screening).where(Screening.parcel_id == parcel.parcel_id).order_by(Screening.row.desc())
    latest = session.scalars(visits.limit(1)).first()
    if outcome is Outcome.LATE_ALARM:
        if latest is None or latest.state == State.OPEN:
            raise Problem("nothing_screened", "complete a screening first: play no_alarm, for example")
        return latest.screening_id, 2
    if latest is not None and latest.state == State.OPEN:
        return latest.screening_id, 1
    return str(uuid.uuid4()), 1


def open_simulated(change: Change, parcel: Parcel, screening_id: str, *, offline: bool) -> Screening:
    """Open a simulated screening, or return it where it is open; its bench may be one that is cut off."""
    bench = SANDBOX_OFFLINE if offline else BENCH
    found = find_screening(change.session, screening_id)
    if found is not None:
        return found
    body = ScreeningBody(item_id=parcel.item_id, item_id_type=ItemIdType(parcel.item_id_type), bench=bench)
    return open_for(change, screening_id, parcel, body, SIMULATED)


def play(change: Change, screening: Screening, kept: ArchivedScan, size: int, outcome: Outcome) -> None:
    """Note a simulated scan, accept its result, and complete the screening or amend it."""
    note_scan(change, kept.scan_id, size, kept.scan)
    # Another play may have completed it since this one looked.
    late = screening.state != State.OPEN
    played = Outcome.ALARM_NAMED if outcome is Outcome.LATE_ALARM else outcome
    said = identification(kept.scan_id, played, change.now)
    device = DeviceRecord(
        model=DEVICE.model, serial=DEVICE.serial, firmware=DEVICE.firmware, url="", emulated=True
    )
    body = ResultBody.model_validate(
        {
            "screening_id": screening.screening_id,
            "scan_id": kept.scan_id,
            "identification": said,
            "device": device.model_dump(),
        }
    )
    change.session.flush()
    result_id = str(uuid.uuid4())
    add_result(change, result_id, body, find_place(change.session, result_id, body), late=late)
    if late:
        amend_screening(change, screening)
    else:
        complete_screening(change, screening)
