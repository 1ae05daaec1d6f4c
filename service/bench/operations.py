"""What the server is told of a screening, as operations of the outbox.

Every operation has a name that never changes, so that a bench that was killed anywhere may
tell everything again: what the server knows already changes nothing.
"""

import uuid
from typing import TYPE_CHECKING, Any

from ..archive.journal import ArchivedScan
from .item import label_type
from .outbox import OutboxOp

if TYPE_CHECKING:
    from .verifications import Flag, VerificationNote

#: Results are named after their scans (RFC 9562, version 5): identifying one twice makes no second result.
RESULT_NAMESPACE = uuid.UUID("7a1f2d0e-6a53-5c8e-9a51-0d2b8f5c4e11")


def result_id(scan_id: str) -> str:
    """Return the id of the one result a scan can have."""
    return str(uuid.uuid5(RESULT_NAMESPACE, scan_id))


def opening(screening_id: str, item: str, bench: str) -> OutboxOp:
    """Open a screening of an item at this bench."""
    body = {"item_id": item, "item_id_type": label_type(item), "bench": bench}
    return OutboxOp(f"screening:{screening_id}", "PUT", f"/screenings/{screening_id}", json=body)


def raw(scan_id: str) -> OutboxOp:
    """Bring a scan to the server under its content address."""
    return OutboxOp(f"scan:{scan_id}", "PUT", f"/scans/{scan_id}", scan_id=scan_id)


def result(archived: ArchivedScan, identification: dict[str, Any]) -> OutboxOp:
    """Post what a scan says."""
    scan, name = archived.scan, result_id(archived.scan_id)
    device = {field: getattr(scan.device, field) for field in ("model", "serial", "firmware", "emulated")}
    body = {
        "screening_id": scan.screening_id,
        "scan_id": archived.scan_id,
        "identification": identification,
        "device": device,
    }
    return OutboxOp(f"result:{name}", "PUT", f"/results/{name}", json=body)


def completing(screening_id: str) -> OutboxOp:
    """Complete a screening."""
    return OutboxOp(f"complete:{screening_id}", "POST", f"/screenings/{screening_id}/complete", json={})


def telling(
    archived: ArchivedScan, identification: dict[str, Any], bench: str, *, complete: bool
) -> list[OutboxOp]:
    """Return all the server needs for one result, in the order it needs it."""
    scan = archived.scan
    ops = [opening(scan.screening_id, scan.item, bench)]
    ops += [raw(scan.blank_id)] if scan.blank_id else []
    ops += [raw(archived.scan_id), result(archived, identification)]
    return ops + ([completing(scan.screening_id)] if complete else [])


def verification(note: "VerificationNote", bench: str) -> OutboxOp:
    """Tell of a verification of an instrument."""
    body = {
        "device": note.device,
        "standard": note.standard,
        "passed": note.passed,
        "at": note.at,
        "outcome": dict(note.outcome),
        "bench": bench,
    }
    return OutboxOp(f"verification:{note.scan_id}", "PUT", f"/verifications/{note.scan_id}", json=body)


def flag(flagged: "Flag") -> OutboxOp:
    """Flag results for review, because a verification of their instrument failed."""
    body = {
        "flag_id": flagged.flag_id,
        "reason": "verification_failed",
        "device": flagged.device,
        "verification": flagged.verification,
        "since": flagged.since,
        "until": flagged.until,
        "result_ids": list(flagged.result_ids),
    }
    return OutboxOp(f"flag:{flagged.flag_id}", "PUT", f"/flags/{flagged.flag_id}", json=body)
