"""Results in the database."""

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest
from spectra.values import Role

from ..change import Change
from ..events.chain import canonical
from ..flags.repository import settle_awaited, tell_arrived
from ..impact.index import note_uses
from ..paging import take_page
from ..problems import Problem
from ..screenings.simulated import is_simulated
from ..tables import FlaggedResult, Result, ResultPerson, ScanFile, Screening, table_of
from .models import ResultBody, ResultQuery
from .record import record_digest

_VISITS, _FILES, _RESULTS = table_of(Screening), table_of(ScanFile), table_of(Result)
_FLAGGED = table_of(FlaggedResult)
#: Screening, scan, a result of that id and flags that name it, each looked up by its key.
_PLACE = (
    select(
        _VISITS.c.parcel_id,
        _VISITS.c.state,
        _VISITS.c.body_digest,
        *(_FILES.c[name] for name in ("role", "screening_id", "emulated", "taken_at", "blank_id")),
        _RESULTS.c.row,
        exists().where(_FLAGGED.c.result_id == bindparam("result")),
    )
    .select_from(
        _VISITS.outerjoin(_FILES, _FILES.c.scan_id == bindparam("scan")).outerjoin(
            _RESULTS, _RESULTS.c.result_id == bindparam("result")
        )
    )
    .where(_VISITS.c.screening_id == bindparam("screening"))
)


class Place(NamedTuple):
    """Where a result belongs."""

    parcel_id: str
    """Parcel of the screening."""
    state: str
    """State of the screening."""
    opening: str
    """Digest of what opened it (`screenings.simulated`)."""
    scan_role: str | None
    """What its scan is of; None where the archive does not hold it."""
    scan_screening: str | None
    """Screening its scan was made in."""
    scan_emulated: bool | None
    """Whether its scan is an emulated instrument's."""
    taken_at: str | None
    """When its scan was made."""
    blank_id: str | None
    """Blank of its scan."""
    known: int | None
    """Row of the result with that id; None for a new one."""
    named: bool
    """Whether a flag names it, whether it came or not."""


def find_result(session: Session, result_id: str) -> Result | None:
    """Return a result by its id; None where there is none."""
    return session.scalar(select(Result).where(Result.result_id == result_id))


def existing_result(session: Session, result_id: object) -> Result:
    """Return a result by its id.

    Raises
    ------
    Problem
        There is none.
    """
    found = find_result(session, str(result_id))
    if found is None:
        raise Problem("not_found", f"no result {result_id}")
    return found


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
    device = body.device.model_dump(mode="json")
    again = _row(result_id, body, _as_sent(body), device, parcel_id=found.parcel_id)
    if record_digest(again) != found.record_digest or not same_person:
        raise Problem("conflict", f"result {result_id} was accepted with another content")
    return found


def find_place(session: Session, result_id: str, body: ResultBody) -> Place:
    """Return what is known of a result's place: its screening and its scan, by one question.

    Raises
    ------
    Problem
        There is no such screening.
    """
    asked = {"result": result_id, "screening": str(body.screening_id), "scan": body.scan_id}
    found = session.connection().execute(_PLACE, asked).one_or_none()
    if found is None:
        raise Problem("screening_missing", f"send PUT /api/v1/screenings/{body.screening_id} first")
    return Place._make(found)


def add_result(change: Change, result_id: str, body: ResultBody, place: Place, *, late: bool) -> Result:
    """Accept a new result into a screening.

    Raises
    ------
    Problem
        The scan is not in the archive, or is of something else.
    """
    _check_scan(place, body)
    said, device = _as_sent(body), body.device.model_dump(mode="json")
    result = _row(result_id, body, said, device, parcel_id=place.parcel_id)
    result.emulated = bool(place.scan_emulated) or body.device.emulated
    result.late = late
    result.received_at = change.now
    result.record_digest = record_digest(result)
    person = ResultPerson(result_id=result_id, operator=body.operator or "", salt=secrets.token_bytes(16))
    change.insert(result)
    change.insert_later(person)
    taken_at, blank_id = place.taken_at or "", place.blank_id or ""
    note_uses(change.session, result, said, device, taken_at=taken_at, blank_id=blank_id)
    # Nearly no result was named before it came.
    flags = settle_awaited(change, result) if place.named else []
    change.record(
        "result.accepted",
        f"results/{result_id}",
        _told(result, person, simulated=is_simulated(place.opening)),
    )
    tell_arrived(change, result, flags)
    return result


def _check_scan(place: Place, body: ResultBody) -> None:
    if body.identification.scan_id != body.scan_id:
        raise Problem("scan_mismatch", "the identification names another scan than the result")
    if place.scan_role is None:
        raise Problem("scan_missing", f"send PUT /api/v1/scans/{body.scan_id} first")
    if place.scan_role != Role.SAMPLE:
        raise Problem("scan_mismatch", f"the scan is a {place.scan_role}, no scan of an item")
    made_in = place.scan_screening or ""
    if made_in not in {"", str(body.screening_id)}:
        raise Problem("scan_mismatch", f"the scan was made in screening {made_in[:64]}")


def _row(
    result_id: str, body: ResultBody, said: dict[str, Any], device: dict[str, Any], *, parcel_id: str
) -> Result:
    return Result(
        result_id=result_id,
        screening_id=str(body.screening_id),
        parcel_id=parcel_id,
        scan_id=body.scan_id,
        verdict=body.identification.verdict.value,
        training=body.identification.training,
        identification=canonical(said),
        device=canonical(device),
    )


def _as_sent(body: ResultBody) -> dict[str, Any]:
    """Return the identification without what the contract has learnt since the bench was installed.

    A result that comes again after an update of the server must still be the same result.
    """
    return body.identification.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _told(result: Result, person: ResultPerson, *, simulated: bool) -> dict[str, object]:
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
    told["sandbox"] = simulated
    told["operator_digest"] = (
        bytes_digest(person.salt + person.operator.encode()) if person.operator else None
    )
    return told
