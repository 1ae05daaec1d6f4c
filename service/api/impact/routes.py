"""Routes of impact."""

import json
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from spectra.reasons import Verdict

from ...uses import device_key
from ..flags.marks import is_open, marks_of
from ..requests import TheCaller, TheStore
from . import index
from .models import CandidateList, CandidateQuery, ImpactLine, ImpactPage, ImpactQuery

router = APIRouter(prefix="/impact", tags=["impact"])


@router.get("", summary="List what depends on a thing")
def list_impact(query: Annotated[ImpactQuery, Query()], store: TheStore, caller: TheCaller) -> ImpactPage:
    """List the results that depend on a calibration, device, reference, method or blank, by time.

    A reference counts where it is a component or in the ranking. A beginning that more than one digest has
    is refused with 409 `ambiguous`.
    """
    with store.database.read() as session:
        value = index.whole_name(session, query.kind, query.value)
        rows, total, after = index.depending(session, query, value)
        return ImpactPage(
            kind=query.kind,
            value=value,
            total=total,
            not_indexed=index.not_indexed(session, query.kind),
            items=_lines(session, rows),
            next_cursor=after,
        )


@router.get("/candidates", summary="Find what a name can stand for")
def list_impact_candidates(
    query: Annotated[CandidateQuery, Query()], store: TheStore, caller: TheCaller
) -> CandidateList:
    """List the things a name can stand for, of all kinds or one, with how many results depend on each."""
    with store.database.read() as session:
        return CandidateList(items=index.candidates(session, query.value, query.kind))


def _lines(session: Session, rows: list[index.Row]) -> list[ImpactLine]:
    marks = marks_of(session, [result.result_id for _, result, _ in rows])
    return [
        ImpactLine(
            result_id=result.result_id,
            scan_id=result.scan_id,
            screening_id=result.screening_id,
            parcel_id=result.parcel_id,
            item_id=item,
            verdict=Verdict(result.verdict),
            device=device_key(json.loads(result.device)) or json.loads(result.device)["model"],
            at=use.at,
            why=use.part,
            training=result.training,
            emulated=result.emulated,
            under_review=is_open(marks.get(result.result_id, ())),
        )
        for use, result, item in rows
    ]
