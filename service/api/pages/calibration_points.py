"""Verifications at the server as points of control charts; `verification_history` reads those of a bench."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from calibration.chart_series import VerificationPoint
from calibration.errors import RecordDamaged
from calibration.record import CalibrationRecord

from ...calibration_states import force_of
from ..tables import Calibration, Verification

#: Newest verifications of an instrument that its charts show: two a day for half a year (chosen).
CHARTED = 400

#: Newest calibration records of an instrument that are read (chosen: some ten are made in a year).
RECORDS = 100


def records_of(session: Session, serial: str) -> dict[str, CalibrationRecord]:
    """Return the newest calibration records of an instrument, by identifier."""
    wanted = select(Calibration).where(Calibration.serial == serial).order_by(Calibration.row.desc())
    found = {}
    for row in session.scalars(wanted.limit(RECORDS)):
        try:
            found[row.record_id] = CalibrationRecord.from_json(json.loads(row.record))
        except RecordDamaged:
            # Kept by a version of before that took it; lists show it, charts go without.
            continue
    return found


def points_of(session: Session, device: str) -> dict[str, list[VerificationPoint]]:
    """Return the newest verifications of an instrument by standard, oldest first.

    What axis and response they were made with is not told to the server: the records known here say what
    was in force then.
    """
    wanted = select(Verification).where(Verification.device == device).order_by(Verification.row.desc())
    records = records_of(session, device.rpartition("/")[2])
    found: dict[str, list[VerificationPoint]] = {}
    for row in reversed(session.scalars(wanted.limit(CHARTED)).all()):
        point = _point(json.loads(row.body), row.scan_id, records)
        if point is not None:
            found.setdefault(point.standard, []).append(point)
    return found


def _point(
    body: Mapping[str, Any], scan_id: str, records: Mapping[str, CalibrationRecord]
) -> VerificationPoint | None:
    """Return a verification with a standard; None for a negative control, which measured nothing."""
    outcome = body["outcome"]
    if outcome.get("control", "positive") != "positive" or not body["standard"]:
        return None
    force = force_of(records, {}, body["device"].rpartition("/")[2], datetime.fromisoformat(body["at"]))
    return VerificationPoint(
        at=body["at"],
        device=body["device"],
        standard=body["standard"],
        passed=body["passed"],
        deviations=_deviations(outcome.get("lines")),
        width=number(outcome.get("resolution_cm1")),
        intensity=number(outcome.get("intensity")),
        snr=number(outcome.get("snr")),
        calibration_id=force.axis.record_id if force.axis is not None else "",
        intensity_id=force.intensity.record_id if force.intensity is not None else "",
        scan_id=scan_id,
    )


def _deviations(lines: Any) -> tuple[tuple[float, float], ...]:
    found = []
    for line in lines if isinstance(lines, Sequence) else ():
        if isinstance(line, Mapping):
            expected, there = number(line.get("expected_cm1")), number(line.get("found_cm1"))
            if expected is not None and there is not None:
                found.append((expected, there - expected))
    return tuple(found)


def number(value: Any) -> float | None:
    """Return a number that an outcome tells; None for anything else."""
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable else None
