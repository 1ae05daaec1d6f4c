"""Routes of legal holds."""

from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from ..parcels.repository import find_parcel
from ..problems import Problem
from ..requests import TheCaller, TheStore
from ..tables import Parcel
from . import repository
from .models import LegalHoldBody, LegalHoldView
from .views import view_hold

router = APIRouter(prefix="/parcels", tags=["legal holds"])


@router.put(
    "/{parcel_id}/hold",
    summary="Put a parcel under a legal hold",
    responses={201: {"model": LegalHoldView, "description": "The hold was placed."}},
)
def place_legal_hold(
    parcel_id: UUID, body: LegalHoldBody, store: TheStore, caller: TheCaller, response: Response
) -> LegalHoldView:
    """Keep personal data of a parcel in spite of retention.

    The same again is answered with 200, another reason with 409.
    """
    with store.database.write(caller.actor) as change:
        parcel = _parcel(change.session, parcel_id)
        hold, created = repository.place_hold(change, parcel, body.why)
        response.status_code = 201 if created else 200
        return view_hold(hold)


@router.get("/{parcel_id}/hold", summary="Read the legal hold of a parcel")
def get_legal_hold(parcel_id: UUID, store: TheStore, caller: TheCaller) -> LegalHoldView:
    """Read the legal hold a parcel is under; 404 for none."""
    with store.database.read() as session:
        hold = repository.find_hold(session, _parcel(session, parcel_id).parcel_id)
        if hold is None:
            raise Problem("not_found", f"parcel {parcel_id} is under no legal hold")
        return view_hold(hold)


@router.delete("/{parcel_id}/hold", summary="Lift the legal hold of a parcel")
def lift_legal_hold(parcel_id: UUID, store: TheStore, caller: TheCaller) -> LegalHoldView:
    """Let retention count again; 404 for a parcel under no legal hold."""
    with store.database.write(caller.actor) as change:
        return view_hold(repository.lift_hold(change, _parcel(change.session, parcel_id)))


def _parcel(session: Session, parcel_id: UUID) -> Parcel:
    parcel = find_parcel(session, str(parcel_id))
    if parcel is None:
        raise Problem("not_found", f"no parcel {parcel_id}")
    return parcel
