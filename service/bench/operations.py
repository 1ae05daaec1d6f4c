"""What the server is told of a screening, as operations of the outbox.

Every operation has a name that never changes, so that a bench that was killed anywhere may
tell everything again: what the server knows already changes nothing.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from calibration.record import CalibrationRecord

from ..archive.journal import ArchivedScan
from .item import label_type
from .outbox import OutboxOp

if TYPE_CHECKING:
    from .verifications import VerificationNote

#: Results are named after their scans (RFC 9562, version 5): identifying one twice makes no second result.
RESULT_NAMESPACE = uuid.UUID("7a1f2d0e-6a53-5c8e-9a51-0d2b8f5c4e11")

#: Results one flag can name; more of them need a second flag (the server takes no more).
MAX_FLAGGED = 1000


def result_id(scan_id: str) -> str:
    """Return the id of the one result a scan can have."""
    return str(uuid.uuid5(RESULT_NAMESPACE, scan_id))


def opening(screening_id: str, item: str, bench: str, site: str = "") -> OutboxOp:
    """Open a screening of an item at this bench, at its site where it has one."""
    body = {"item_id": item, "item_id_type": label_type(item), "bench": bench}
    body |= {"site": site} if site else {}
    return OutboxOp(f"screening:{screening_id}", "PUT", f"/screenings/{screening_id}", json=body)


def raw(scan_id: str) -> OutboxOp:
    """Bring a scan to the server under its content address."""
    return OutboxOp(f"scan:{scan_id}", "PUT", f"/scans/{scan_id}", scan_id=scan_id)


def result(archived: ArchivedScan, identification: dict[str, Any], operator: str = "") -> OutboxOp:
    """Post what a scan says, and who made it where that is known."""
    scan, name = archived.scan, result_id(archived.scan_id)
    device = {field: getattr(scan.device, field) for field in ("model", "serial", "firmware", "emulated")}
    body = {
        "screening_id": scan.screening_id,
        "scan_id": archived.scan_id,
        "identification": identification,
        "device": device,
    }
    body |= {"operator": operator} if operator else {}
    return OutboxOp(result_key(archived.scan_id), "PUT", f"/results/{name}", json=body)


def result_key(scan_id: str) -> str:
    """Return the name of the operation that posts what a scan says."""
    return f"result:{result_id(scan_id)}"


def completing(screening_id: str) -> OutboxOp:
    """Complete a screening."""
    return OutboxOp(f"complete:{screening_id}", "POST", f"/screenings/{screening_id}/complete", json={})


def calibration(record: CalibrationRecord) -> OutboxOp:
    """Bring a calibration record to the server under its digest."""
    name = record.record_id
    return OutboxOp(f"calibration:{name}", "PUT", f"/calibrations/{name}", json=record.to_json())


def verification(note: "VerificationNote", *, standard: str, bench: str) -> OutboxOp:
    """Tell of one verification of an instrument, passed or failed; named after its scan."""
    body = {
        "device": note.device,
        "standard": standard,
        "passed": note.passed,
        "at": note.taken_at,
        "outcome": note.outcome,
        "bench": bench,
    }
    name = note.scan_id
    return OutboxOp(f"verification:{name}", "PUT", f"/verifications/{name}", json=body)


def flag(
    flag_id: str, *, device: str, verification: str, since: str, until: str, result_ids: Sequence[str]
) -> OutboxOp:
    """Ask for a review of results that a failed verification makes doubtful.

    Parameters
    ----------
    flag_id
        UUID of the flag, made once and kept: the same flag must come again under the same id.
    device
        The instrument, ``model/serial``.
    verification
        Scan of the verification that failed.
    since, until
        The last pass (or the first result ever) and the failure, RFC 3339 in UTC.
    result_ids
        The doubtful results (`result_id`), 1 to `MAX_FLAGGED`.

    Raises
    ------
    ValueError
        No result is named, or too many are.
    """
    if not 1 <= len(result_ids) <= MAX_FLAGGED:
        raise ValueError(f"a flag names 1 to {MAX_FLAGGED} results, this one {len(result_ids)}")
    body = {
        "flag_id": flag_id,
        "reason": "verification_failed",
        "device": device,
        "verification": verification,
        "since": since,
        "until": until,
        "result_ids": sorted(set(result_ids)),
    }
    return OutboxOp(f"flag:{flag_id}", "PUT", f"/flags/{flag_id}", json=body)


@dataclass(frozen=True, slots=True)
class Told:
    """What goes with a result, beside what its scan holds."""

    bench: str
    """Name of the bench."""
    site: str = ""
    """Its place; empty for none."""
    operator: str = ""
    """Who made the scan: personal data, in the result's body only; empty where nobody said."""
    method: OutboxOp | None = None
    """What brings the method to the server; None where there is no file of it."""
    records: Sequence[CalibrationRecord] = ()
    """Calibration records that the identification names."""


def telling(
    archived: ArchivedScan, identification: dict[str, Any], told: Told, *, complete: bool
) -> list[OutboxOp]:
    """Return all the server needs for one result, in the order it needs it."""
    scan = archived.scan
    ops = [opening(scan.screening_id, scan.item, told.bench, told.site)]
    ops += [told.method] if told.method is not None else []
    ops += map(calibration, told.records)
    ops += [raw(scan.blank_id)] if scan.blank_id else []
    ops += [raw(archived.scan_id), result(archived, identification, told.operator)]
    return ops + ([completing(scan.screening_id)] if complete else [])
