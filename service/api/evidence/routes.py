"""Routes of what stands behind a result."""

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.orm import Session

from ..problems import Problem
from ..requests import TheCaller, TheStore
from ..results.repository import find_result
from ..tables import Result
from .curves import curves_from, places_of
from .gather import gather
from .models import ResultCurves

router = APIRouter(prefix="/results", tags=["evidence"])


@router.get("/{result_id}/curves", summary="Read the curves behind a result")
def get_curves(result_id: UUID, store: TheStore, caller: TheCaller) -> ResultCurves:
    """Read scan, fit, components and residual, computed again from what was kept.

    Where the method's file, the blank or a calibration record was not kept, the scan alone comes, with
    `complete: false` and the reason. The first time a method is asked for takes some seconds.
    """
    with store.database.read() as session:
        found = gather(session, places_of(store), _result(session, result_id))
    return curves_from(store, found)


def _result(session: Session, result_id: UUID) -> Result:
    result = find_result(session, str(result_id))
    if result is None:
        raise Problem("not_found", f"no result {result_id}")
    return result
