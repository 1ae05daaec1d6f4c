"""How far an instrument can be trusted: its calibration records in force, and its last verification.

A verification speaks for the axis it was made with. One made before the device was calibrated anew, or
before a record was withdrawn, says nothing of the axis that counts now, and is overdue.
"""

from datetime import datetime

from spectra.answer import InstrumentState

from ..calibrated import Calibrated, id_of
from ..calibrations import Calibrations
from ..errors import CalibrationStoreError
from .notes import VerificationNote, expired, utc_now


def instrument_state(note: VerificationNote | None, used: Calibrated, at: datetime) -> InstrumentState:
    """Return an instrument's state at a time, by its last verification and the records used."""
    return InstrumentState(
        axis=_axis(note, used),
        calibration_id=used.axis_id,
        verified_at=note.taken_at if note is not None and note.passed else "",
        calibration_expired=used.outdated(at),
        verification_id="" if note is None else note.scan_id,
        intensity_id=id_of(used.records.intensity),
        resolution_id=id_of(used.records.resolution),
    )


def in_force_now(calibrations: Calibrations, identity: str) -> Calibrated:
    """Return the records in force for an instrument, ``model/serial``; whether they fit, a scan will tell."""
    try:
        return Calibrated(calibrations.in_force(identity.partition("/")[2], at=utc_now()))
    except CalibrationStoreError as error:
        return Calibrated(left_out=(str(error),))


def _axis(note: VerificationNote | None, used: Calibrated) -> str:
    if note is None:
        return "missing"
    if not note.passed:
        return "failed"
    return "overdue" if expired(note.expires_at) or note.axis_id != used.axis_id else "verified"
