"""A result, as its reader may see it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select
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
#: Members that the contract learnt later, as they stand in the text of an identification that has them. No
#: other member has such a name, and in a value the quotation marks would be escaped.
_LATER = ('"intensity":', '"resolution":', '"verification":')

_PEOPLE = select(ResultPerson.result_id, ResultPerson.operator).where(
    ResultPerson.result_id.in_(bindparam("results", expanding=True))
)
_SIMULATED = select(Parcel.parcel_id).where(
    Parcel.parcel_id.in_(bindparam("parcels", expanding=True)), Parcel.sandbox.is_(True)
)


def view_accepted(result: Result, body: ResultBody) -> ResultView:
    """Return a result that was just accepted, and that no flag names, as its bench is told of it."""
    plain = {name: getattr(result, name) for name in _PLAIN}
    return ResultView(
        **{**plain, "verdict": body.identification.verdict},
        identification=body.identification,
        device=body.device,
        operator=body.operator or None,
        sandbox=False,
        under_review=False,
        flags=[],
        reviews=[],
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known beside the results' own rows, for a reader."""

    people: dict[str, str]
    marks: dict[str, list[FlagMark]]
    reviews: dict[str, list[ReviewMark]]
    simulated: frozenset[str]
    flags_shown: bool

    def of(self, result: Result) -> dict[str, object]:
        """Return everything of a result but what it found, and with what."""
        flags = self.marks.get(result.result_id, [])
        return {
            **{name: getattr(result, name) for name in _PLAIN},
            "operator": self.people.get(result.result_id) or None,
            "sandbox": result.parcel_id in self.simulated,
            "under_review": is_open(flags),
            "flags": flags if self.flags_shown else [],
            "reviews": self.reviews[result.result_id],
        }


def view_results(session: Session, results: Sequence[Result], role: Role) -> list[ResultView]:
    """Return results as they go over the wire to a reader of that role."""
    known = _known(session, results, role)
    return [
        ResultView.model_validate(
            {
                **known.of(one),
                "identification": Identification.model_validate_json(one.identification),
                "device": DeviceRecord.model_validate_json(one.device),
            }
        )
        for one in results
    ]


def result_texts(session: Session, results: Sequence[Result], role: Role) -> list[str]:
    """Return the same as JSON texts.

    What was found was checked as it came, and is kept as JSON: to read and write it again would take most of
    the time of a page.
    """
    known = _known(session, results, role)
    texts = []
    for one in results:
        told = {**known.of(one), "presumptive": True}
        for name in ("flags", "reviews"):
            marks = told[name]
            assert isinstance(marks, list)
            told[name] = [mark.model_dump(mode="json") for mark in marks]
        plain = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        texts.append(f'{plain[:-1]},"identification":{_whole(one.identification)},"device":{one.device}}}')
    return texts


def _whole(identification: str) -> str:
    if all(name in identification for name in _LATER):
        return identification
    return Identification.model_validate_json(identification).model_dump_json(by_alias=True)


def _known(session: Session, results: Sequence[Result], role: Role) -> _Known:
    ids, outside = [one.result_id for one in results], role is Role.PARCEL_SYSTEM
    people: dict[str, str] = {}
    if not outside:
        rows = session.execute(_PEOPLE, {"results": ids})
        people = {one.result_id: one.operator for one in rows}
    parcels = list({one.parcel_id for one in results})
    return _Known(
        people=people,
        marks=marks_of(session, ids),
        reviews=marks_of_results(session, results),
        simulated=frozenset(session.scalars(_SIMULATED, {"parcels": parcels})),
        flags_shown=not outside,
    )
