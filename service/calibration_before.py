"""What the lines of an axis were off by before it was calibrated: by the record before, or by the device."""

from datetime import timedelta

from calibration.comparing import residual_by, residual_by_device
from calibration.outcomes import AxisOutcome
from calibration.record import CalibrationRecord
from spectra.values import Scan

from .archive.journal import Archive
from .calibration_files import moment
from .calibrations import Calibrations
from .errors import CalibrationStoreError, ServiceError
from .settings import Settings


def residuals_before(
    settings: Settings, calibrations: Calibrations, record: CalibrationRecord
) -> tuple[float | None, ...]:
    """Return what each line was off by before, in its unit; None where nobody can tell, () without lines."""
    outcome = record.outcome
    if not isinstance(outcome, AxisOutcome):
        return ()
    older = _predecessor(calibrations, record)
    if older is not None:
        return tuple(residual_by(line, outcome, older) for line in outcome.lines)
    if outcome.form == "shifts":
        # What is corrected here is the device's own position.
        return tuple(line.found - line.reference for line in outcome.lines)
    scan = _scan(settings, record)
    if scan is None or scan.axis_unit != "nm":
        return (None,) * len(outcome.lines)
    return tuple(residual_by_device(line, outcome, scan.axis, scan.laser_nm) for line in outcome.lines)


def _predecessor(calibrations: Calibrations, record: CalibrationRecord) -> AxisOutcome | None:
    try:
        if record.supersedes:
            older = calibrations.get(record.supersedes)
        else:
            just_before = moment(record.made_at) - timedelta(microseconds=1)
            found = calibrations.in_force(record.device_serial, at=just_before).axis
            if found is None:
                return None
            older = found
    except CalibrationStoreError:
        return None
    return older.outcome if isinstance(older.outcome, AxisOutcome) else None


def _scan(settings: Settings, record: CalibrationRecord) -> Scan | None:
    """Return the first of a record's scans that is in this archive."""
    if not settings.archive_dir.is_dir():
        return None
    archive = Archive(settings.archive_dir)
    for scan_id in record.scans:
        try:
            return archive.get(scan_id)
        except ServiceError:
            continue
    return None
