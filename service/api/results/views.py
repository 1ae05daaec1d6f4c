"""A result, as its reader may see it."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...contract import Identification
from ..flags.marks import is_open, marks_of
from ..flags.models import FlagMark
from ..permissions import Role
from ..reviews.marks import ReviewMark, marks_of_results
from ..tables import Parcel, Result, ResultPerson
from .models import DeviceRecord, ResultBody, ResultView

_PLAIN = (
    "result_id",
    "screening_id",
    "parcel_id",
    "scan_id",
    "verdict",
    "training",
    "emulated",
    "late",
    "received_at",
)


def view_accepted(result: Result, body: ResultBody) -> ResultView:
    """Return a result that was just accepted, and that no flag names, as its bench is told of it."""
    plain = {name: getattr(result, name) for name in _PLAIN}
    return ResultView(
        **{**plain, "verdict": body.identification.verdict},
        identification=body.identification,
        device=body.device,
        operator=body.operator or None,
        under_review=False,
        flags=[],
        sandbox=False,
        reviews=[],
    )


def view_results(session: Session, results: Sequence[Result], role: Role) -> list[ResultView]:
    """Return results as they go over the wire to a reader of that role."""
    people: dict[str, str] = {}
    if role is not Role.PARCEL_SYSTEM:
        wanted = select(ResultPerson).where(ResultPerson.result_id.in_([one.result_id for one in results]))
        people = {person.result_id: person.operator for person in session.scalars(wanted)}
    marks = marks_of(session, [one.result_id for one in results])
    reviews = marks_of_results(session, results)
    simulated = _simulated(session, results)
    views = [
        _view(
            one,
            people.get(one.result_id) or None,
            marks.get(one.result_id, []),
            reviews[one.result_id],
            sandbox=one.parcel_id in simulated,
        )
        for one in results
    ]
    if role is Role.PARCEL_SYSTEM:
        views = [one.model_copy(update={"flags": []}) for one in views]
    return views


def _simulated(session: Session, results: Sequence[Result]) -> frozenset[str]:
    ids = {one.parcel_id for one in results}
    return frozenset(
        session.scalars(select(Parcel.parcel_id).where(Parcel.parcel_id.in_(ids), Parcel.sandbox.is_(True)))
    )


def _view(
    result: Result,
    operator: str | None,
    flags: list[FlagMark],
    reviews: list[ReviewMark],
    *,
    sandbox: bool,
) -> ResultView:
    return ResultView.model_validate(
        {
            **{name: getattr(result, name) for name in _PLAIN},
            "identification": Identification.model_validate_json(result.identification),
            "device": DeviceRecord.model_validate_json(result.device),
            "operator": operator,
            "sandbox": sandbox,
            "under_review": is_open(flags),
            "flags": flags,
            "reviews": reviews,
        }
    )
