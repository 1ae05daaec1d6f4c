"""How an instrument stands: calibration records in force, and how far it and the method can be trusted."""

import logging
from typing import TYPE_CHECKING

from calibration.in_force import InForce
from spectra.answer import InstrumentState
from spectra.values import Scan

from ..calibrated import Calibrated, calibrated, in_force_at, with_calibration
from ..calibration_files import moment
from ..released import with_age
from .notes import instrument_key, utc_now
from .trust import Trust, temperatures_of, trust_of

if TYPE_CHECKING:
    from .agent import Bench

_log = logging.getLogger(__name__)


def state_at(bench: "Bench", scan: Scan) -> InstrumentState:
    """Return how far the instrument that made a scan, and the method in force, can be trusted."""
    used = _calibrated(bench, scan)
    identity = instrument_key(scan.device.model, scan.device.serial)
    state = _state(trust_of(bench, identity, temperatures_of(scan.settings)), used)
    return with_age(with_calibration(state, used, moment(scan.taken_at)), bench.settings, bench.method())


def state_of(bench: "Bench", identity: str) -> InstrumentState:
    """Return how far the axis of an instrument, ``model/serial``, can be trusted now."""
    now = utc_now()
    used = in_force_at(bench.calibrations, identity.partition("/")[2], now)
    return with_calibration(_state(trust_of(bench, identity), used), used, now)


def in_force(bench: "Bench", serial: str) -> InForce:
    """Return the calibration records in force now for the instrument of a serial number."""
    return in_force_at(bench.calibrations, serial, utc_now()).records


def calibration_of(bench: "Bench", scan: Scan) -> InForce:
    """Return the calibration records a scan is made into a spectrum with: see `service.calibrated`."""
    return _calibrated(bench, scan).records


def _calibrated(bench: "Bench", scan: Scan) -> Calibrated:
    """Return the records for a scan; which one had to be left out is said once, and shown in the status."""
    used = calibrated(bench.calibrations, scan)
    serial, words = scan.device.serial, "; ".join(used.left_out)
    if words and bench.misfits.get(serial) != words:
        _log.warning("scan of %s: %s", serial, words)
    bench.misfits[serial] = words
    return used


def _state(trust: Trust, used: Calibrated) -> InstrumentState:
    """Return what an answer is told of verifications; one of another axis says nothing of this one."""
    note = trust.note
    if note is None:
        return InstrumentState(axis=trust.axis)
    other = trust.axis == "verified" and note.axis_id != used.axis_id
    verified_at = note.taken_at if note.passed else ""
    return InstrumentState("overdue" if other else trust.axis, "", verified_at, verification_id=note.scan_id)
