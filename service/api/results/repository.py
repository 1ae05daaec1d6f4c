"""Results in the database."""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest
from spectra.values import Role

from ..change import Change
from ..events.chain import canonical
from ..flags.repository import flag_arrived
from ..impact.index import note_uses
from ..paging import take_page
from ..problems import Problem
from ..scans.repository import find_scan
from ..screenings.simulated import is_simulated
from ..tables import Result, ResultPerson, ScanFile, Screening
from .models import ResultBody, ResultQuery
from .record import record_digest


def find_result(session: Session, result_id: str) -> Result | None:
    """Return a result by its id; None where there is none."""
    return session.scalar(select(Result).where(Result.result_id == result_id))


def results_of(session: Session, screening_id: str) -> Sequence[Result]:
    """Return the results of a screening, oldest first."""
    return session.scalars(
        select(Result).where(Result.screening_id == screening_id).order_by(Result.row)
    ).all()


def list_results(session: Session, query: ResultQuery) -> tuple[Sequence[Result], str | None]:
    """Return a page of results and the next cursor."""
    wanted = select(Result)
    if query.parcel_id is not None:
        # By the screening, because a link may say that it belongs to another parcel now.
        visits = select(Screening.screening_id).where(Screening.parcel_id == str(query.parcel_id))
        wanted = wanted.where(Result.screening_id.in_(session.scalars(visits).all()))
    if query.screening_id is not None:
        wanted = wanted.where(Result.screening_id == str(query.screening_id))
    return take_page(session, Result, wanted, query)


def known_result(session: Session, result_id: str, body: ResultBody) -> Result | None:
    """Return a result that was accepted before; None for a new one.

    Raises
    ------
    Problem
        The id is taken by a result with another content.
    """
    found = find_result(session, result_id)
    if found is None:
        return None
    person = session.get(ResultPerson, result_id)
    same_person = person is None or person.operator == (body.operator or "")
    again = _row(result_id, body, parcel_id=found.parcel_id)
    if record_digest(again) != found.record_digest or not same_person:
        raise Problem("conflict", f"result {result_id} was accepted with another content")
    return found


def add_result(
    change: Change, result_id: str, body: ResultBody, screening: Screening, *, late: bool
) -> Result:
    """Accept a new result into a screening.

    Raises
    ------
    Problem
        The scan is not in the archive, or is of something else.
    """
    scan = _scan_for(change.session, body)
    result = _row(result_id, body, parcel_id=screening.parcel_id)
    result.emulated = scan.emulated or body.device.emulated
    result.late = late
    result.received_at = change.now
    result.record_digest = record_digest(result)
    change.session.add(result)
    # Without a relationship between the classes, the order of inserts is ours to keep.
    change.session.flush()
    person = ResultPerson(result_id=result_id, operator=body.operator or "", salt=secrets.token_bytes(16))
    change.session.add(person)
    note_uses(change.session, result, scan, _as_sent(body), body.device.model_dump(mode="json"))
    change.record("result.accepted", f"results/{result_id}", _told(result, person, screening))
    flag_arrived(change, result)
    return result


def _scan_for(session: Session, body: ResultBody) -> ScanFile:
    if body.identification.scan_id != body.scan_id:
        raise Problem("scan_mismatch", "the identification names another scan than the result")
    scan = find_scan(session, body.scan_id)
    if scan is None:
        raise Problem("scan_missing", f"send PUT /api/v1/scans/{body.scan_id} first")
    if scan.role != Role.SAMPLE:
        raise Problem("scan_mismatch", f"the scan is a {scan.role}, no scan of an item")
    if scan.screening_id not in {"", str(body.screening_id)}:
        raise Problem("scan_mismatch", f"the scan was made in screening {scan.screening_id[:64]}")
    return scan


def _row(result_id: str, body: ResultBody, *, parcel_id: str) -> Result:
    return Result(
        result_id=result_id,
        screening_id=str(body.screening_id),
        parcel_id=parcel_id,
        scan_id=body.scan_id,
        verdict=body.identification.verdict.value,
        training=body.identification.training,
        identification=canonical(_as_sent(body)),
        device=canonical(body.device.model_dump(mode="json")),
    )


def _as_sent(body: ResultBody) -> dict[str, Any]:
    """Return the identification without what the contract has learnt since the bench was installed.

    A result that comes again after an update of the server must still be the same result.
    """
    return body.identification.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _told(result: Result, person: ResultPerson, screening: Screening) -> dict[str, object]:
    names = (
        "result_id",
        "screening_id",
        "parcel_id",
        "scan_id",
        "verdict",
        "training",
        "emulated",
        "late",
        "record_digest",
    )
    told: dict[str, object] = {name: getattr(result, name) for name in names}
    told["sandbox"] = is_simulated(screening)
    told["operator_digest"] = (
        bytes_digest(person.salt + person.operator.encode()) if person.operator else None
    )
    return told
