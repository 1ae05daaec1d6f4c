"""Routes of measures."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from ..answers import answer
from ..requests import TheCaller, TheStore
from .models import Measures, MeasuresQuery
from .table import csv_of
from .views import view_measures

router = APIRouter(tags=["measures"])

_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The rows."}
}


@router.get("/measures", summary="Read what screening achieved", response_model=Measures)
def get_measures(query: Annotated[MeasuresQuery, Query()], store: TheStore, caller: TheCaller) -> Response:
    """Read counts, rates with exact intervals and times, as a whole or by day, month, site and so on.

    A screening counts under the day on which it was opened. Training and emulated instruments are left out
    unless they are included, and then told apart.
    """
    with store.database.read() as session:
        measures = view_measures(session, query)
    return answer(measures)


@router.get("/measures.csv", summary="Read the same as CSV", response_class=Response, responses=_CSV)
def get_measures_csv(
    query: Annotated[MeasuresQuery, Query()], store: TheStore, caller: TheCaller
) -> Response:
    """Read the rows (without `by` the totals) as a table with a head, RFC 4180."""
    with store.database.read() as session:
        text = csv_of(view_measures(session, query))
    headers = {"Content-Disposition": 'attachment; filename="measures.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
