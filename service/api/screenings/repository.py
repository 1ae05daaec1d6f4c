"""Screenings in the database."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import json_digest

from ..change import Change
from ..links.repository import link_opened
from ..operations.repository import running_operation
from ..parcels.repository import find_or_register
from ..problems import Problem
from ..tables import Parcel, Screening
from .bodies import ScreeningBody
from .findings import combined, finding_of, gravity, keep_finding
from .models import FindingView, State
from .simulated import is_simulated


def find_screening(session: Session, screening_id: str) -> Screening | None:
    """Return a screening by its id; None where there is none."""
    return session.scalar(select(Screening).where(Screening.screening_id == screening_id))


def existing_screening(session: Session, screening_id: object) -> Screening:
    """Return a screening by its id.

    Raises
    ------
    Problem
        There is none.
    """
    found = find_screening(session, str(screening_id))
    if found is None:
        raise Problem("not_found", f"no screening {screening_id}")
    return found


def screenings_of(session: Session, parcel_id: str) -> Sequence[Screening]:
    """Return the screenings of a parcel, oldest first."""
    return session.scalars(
        select(Screening).where(Screening.parcel_id == parcel_id).order_by(Screening.row)
    ).all()


def open_screening(change: Change, screening_id: str, body: ScreeningBody) -> tuple[Screening, bool]:
    """Open a screening of the parcel with a label, and say whether that was new.

    Raises
    ------
    Problem
        The id is taken by a screening of something else.
    """
    label = body.label()
    digest = json_digest([label.key, label.kind.value, body.bench, *([body.site] if body.site else [])])
    found = find_screening(change.session, screening_id)
    if found is not None:
        if found.body_digest != digest:
            raise Problem("conflict", f"screening {screening_id} is one of another item or bench")
        return found, False
    parcel, _ = find_or_register(change, label)
    return open_for(change, screening_id, parcel, body, digest), True


def open_for(
    change: Change, screening_id: str, parcel: Parcel, body: ScreeningBody, digest: str
) -> Screening:
    """Open a screening of a parcel, link it, and take the parcel out of the queue."""
    screening = Screening(
        screening_id=screening_id,
        parcel_id=parcel.parcel_id,
        bench=body.bench,
        body_digest=digest,
        state=State.OPEN.value,
        opened_at=change.now,
        completed_at=None,
        finding=None,
        site=body.site,
        operation_id=running_operation(change.session, body.site, change.now),
    )
    change.session.add(screening)
    names = ("screening_id", "parcel_id", "bench", "site", "operation_id")
    data = {**{name: getattr(screening, name) for name in names}, "sandbox": parcel.sandbox}
    change.record("screening.opened", f"screenings/{screening_id}", data)
    link_opened(change, screening, parcel)
    return screening


def complete_screening(change: Change, screening: Screening) -> None:
    """Complete a screening; one that is complete stays as it is.

    An earlier complete screening of the parcel is superseded, unless it alarmed: no later
    negative outvotes an alarm. Nor does practice, with a training method or an emulated
    instrument, take a real one out.

    Raises
    ------
    Problem
        The screening has no result.
    """
    if screening.state != State.OPEN:
        return
    screening.state = State.COMPLETE.value
    finding = combined(change.session, screening)
    if finding is None:
        raise Problem("nothing_screened", "put at least one result into the screening first")
    screening.completed_at = change.now
    keep_finding(screening, finding)
    _tell(change, "screening.completed", screening, finding)
    for earlier in screenings_of(change.session, screening.parcel_id):
        if earlier is screening or earlier.state != State.COMPLETE:
            continue
        if not _outlasts(finding_of(change.session, earlier), finding):
            earlier.state = State.SUPERSEDED.value
            data = {
                "screening_id": earlier.screening_id,
                "by": screening.screening_id,
                "sandbox": is_simulated(screening.body_digest),
            }
            change.record("screening.superseded", f"screenings/{earlier.screening_id}", data)


def amend_screening(change: Change, screening: Screening) -> None:
    """Take a late result into a completed screening; its finding never becomes less grave.

    A superseded screening that alarms by it stands again.
    """
    before, after = finding_of(change.session, screening), combined(change.session, screening)
    if before is None or after is None or gravity(after) < gravity(before) or after == before:
        return
    keep_finding(screening, after)
    if after.outward == "hold":
        screening.state = State.COMPLETE.value
    _tell(change, "screening.amended", screening, after)


def _outlasts(earlier: FindingView | None, later: FindingView) -> bool:
    if earlier is None:
        return False
    practice = (later.training and not earlier.training) or (later.emulated and not earlier.emulated)
    return earlier.outward == "hold" or practice


def _tell(change: Change, kind: str, screening: Screening, finding: FindingView) -> None:
    data = {
        "screening_id": screening.screening_id,
        "parcel_id": screening.parcel_id,
        "state": screening.state,
        "finding": finding.model_dump(mode="json"),
        "sandbox": is_simulated(screening.body_digest),
    }
    change.record(kind, f"screenings/{screening.screening_id}", data)
