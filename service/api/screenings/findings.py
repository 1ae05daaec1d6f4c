"""Findings: what the results of a screening say together, and what outsiders are told."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from spectra.finding import combine

from ..events.chain import canonical
from ..tables import Result, ScanFile, Screening
from .models import FindingView, State

#: How grave an outward word is; a later result never makes a completed screening less grave.
_GRAVITY = {"hold": 3, "refer": 2, "no_hold_requested": 1, None: 0}

_ROWS = (
    select(
        *(Result.screening_id, Result.identification, Result.training, Result.emulated),
        *(ScanFile.spot, ScanFile.attempt),
    )
    .join(ScanFile, ScanFile.scan_id == Result.scan_id)
    .where(Result.screening_id.in_(bindparam("screenings", expanding=True)))
    .order_by(Result.row)
)


class _Part(NamedTuple):
    """A result's part in a finding."""

    screening_id: str
    identification: str
    training: bool
    emulated: bool
    spot: int
    attempt: int


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
    parts = _parts(session, [screening.screening_id]).get(screening.screening_id, [])
    return _combined(parts, is_open=screening.state == State.OPEN)


def provisional(session: Session, screening_ids: Sequence[str]) -> dict[str, FindingView]:
    """Return the findings of open screenings that have results, all by one question."""
    found = _parts(session, screening_ids)
    views = {name: _combined(parts, is_open=True) for name, parts in found.items()}
    return {name: view for name, view in views.items() if view is not None}


def _parts(session: Session, screening_ids: Sequence[str]) -> dict[str, list[_Part]]:
    found: dict[str, list[_Part]] = {}
    if screening_ids:
        for part in map(_Part._make, session.execute(_ROWS, {"screenings": screening_ids})):
            found.setdefault(part.screening_id, []).append(part)
    return found


def _combined(parts: Sequence[_Part], *, is_open: bool) -> FindingView | None:
    found = [{**json.loads(one.identification), "spot": one.spot, "attempt": one.attempt} for one in parts]
    if not found:
        return None
    finding = combine(found)
    told = finding.outward if finding.outward == "hold" or not is_open else None
    return FindingView.model_validate(
        {
            **finding.to_json(),
            "outward": told,
            "provisional": is_open,
            "training": any(one.training for one in parts),
            "emulated": any(one.emulated for one in parts),
        }
    )


def keep_finding(screening: Screening, finding: FindingView) -> None:
    """Write a finding into a screening, in the form in which its event carries it."""
    screening.finding = canonical(finding.model_dump(mode="json"))
