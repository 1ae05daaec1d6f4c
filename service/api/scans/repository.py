"""Scans in the database; their bytes are in the archive."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.values import Scan

from ..change import Change
from ..guards.texts import require_fit
from ..tables import ScanFile


def find_scan(session: Session, scan_id: str) -> ScanFile | None:
    """Return a scan's row; None where the archive does not hold it."""
    return session.scalar(select(ScanFile).where(ScanFile.scan_id == scan_id))


def note_scan(change: Change, scan_id: str, size: int, scan: Scan) -> tuple[ScanFile, bool]:
    """Note a scan that is safely on disk, and say whether that was new."""
    found = find_scan(change.session, scan_id)
    if found is not None:
        return found, False
    require_fit(scan.screening_id, scan.taken_at, scan.blank_id)
    row = ScanFile(
        scan_id=scan_id,
        size=size,
        role=scan.role.value,
        screening_id=scan.screening_id,
        spot=scan.spot,
        attempt=scan.attempt,
        emulated=scan.device.emulated,
        taken_at=scan.taken_at,
        received_at=change.now,
        blank_id=scan.blank_id,
    )
    change.session.add(row)
    data = {"scan_id": scan_id, "size": size, "role": row.role, "emulated": row.emulated}
    change.record("scan.stored", f"scans/{scan_id}", data)
    return row, True
