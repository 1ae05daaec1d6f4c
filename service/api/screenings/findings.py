"""Findings: what the results of a screening say together, and what outsiders are told."""

import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.finding import combine

from ..events.chain import canonical
from ..tables import Result, ScanFile, Screening
from .models import FindingView, State

#: How grave an outward word is; a later result never makes a completed screening less grave.
_GRAVITY = {"hold": 3, "refer": 2, "no_hold_requested": 1, None: 0}


def gravity(finding: FindingView) -> int:
    """Return how grave a finding is; more is graver."""
    return _GRAVITY[finding.outward]


def gravest(findings: Sequence[FindingView | None]) -> FindingView | None:
    """Return the gravest of some findings, the latest among equals; None where there is none."""
    best: FindingView | None = None
    for finding in findings:
        if finding is not None and (best is None or gravity(finding) >= gravity(best)):
            best = finding
    return best


def finding_of(session: Session, screening: Screening) -> FindingView | None:
    """Return a screening's finding as recorded, or provisional while it is open."""
    if screening.finding is not None:
        return FindingView.model_validate_json(screening.finding)
    return combined(session, screening) if screening.state == State.OPEN else None


def combined(session: Session, screening: Screening) -> FindingView | None:
    """Combine the results of a screening as they are now; None without a result.

    While a screening is open only an alarm is told outside: its completion alone may say that
    nothing holds the parcel.
    """
    rows = (
        select(Result, ScanFile.spot, ScanFile.attempt)
        .join(ScanFile, ScanFile.scan_id == Result.scan_id)
        .where(Result.screening_id == screening.screening_id)
        .order_by(Result.row)
    )
    found = [(result, {"spot": spot, "attempt": attempt}) for result, spot, attempt in session.execute(rows)]
    if not found:
        return None
    finding = combine([{**json.loads(result.identification), **place} for result, place in found])
    is_open = screening.state == State.OPEN
    told = finding.outward if finding.outward == "hold" or not is_open else None
    return FindingView.model_validate(
        {
            **finding.to_json(),
            "outward": told,
            "provisional": is_open,
            "training": any(result.training for result, _ in found),
            "emulated": any(result.emulated for result, _ in found),
        }
    )


def keep_finding(screening: Screening, finding: FindingView) -> None:
    """Write a finding into a screening, in the form in which its event carries it."""
    screening.finding = canonical(finding.model_dump(mode="json"))
