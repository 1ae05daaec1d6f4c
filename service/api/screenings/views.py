"""A screening, seen with its parcel and results."""

import json

from sqlalchemy.orm import Session

from spectra.reasons import Verdict

from ..flags.marks import is_open, marks_of
from ..flags.models import FlagMark
from ..parcels.repository import find_parcel
from ..results.repository import results_of
from ..reviews.marks import reviews_of_screening
from ..s10 import ItemIdType
from ..tables import Result, Screening
from .findings import finding_of
from .models import ResultSummary, ScreeningView, State


def view_screening(session: Session, screening: Screening) -> ScreeningView:
    """Return a screening as it goes over the wire."""
    parcel = find_parcel(session, screening.parcel_id)
    assert parcel is not None, "a foreign key ties every screening to its parcel"
    finding = finding_of(session, screening)
    results = results_of(session, screening.screening_id)
    marks = marks_of(session, [one.result_id for one in results])
    return ScreeningView(
        screening_id=screening.screening_id,
        parcel_id=screening.parcel_id,
        item_id=parcel.item_id,
        item_id_type=ItemIdType(parcel.item_id_type),
        bench=screening.bench,
        site=screening.site,
        operation_id=screening.operation_id,
        state=State(screening.state),
        sandbox=parcel.sandbox,
        training=finding is not None and finding.training,
        finding=finding,
        results=[_summary(one, marks.get(one.result_id, [])) for one in results],
        opened_at=screening.opened_at,
        completed_at=screening.completed_at,
        under_review=any(map(is_open, marks.values())),
        reviews=reviews_of_screening(session, screening.screening_id),
    )


def _summary(result: Result, flags: list[FlagMark]) -> ResultSummary:
    identification = json.loads(result.identification)
    return ResultSummary(
        result_id=result.result_id,
        scan_id=result.scan_id,
        verdict=Verdict(result.verdict),
        reasons=identification["reasons"],
        technique=identification["technique"],
        training=result.training,
        emulated=result.emulated,
        received_at=result.received_at,
        under_review=is_open(flags),
    )
