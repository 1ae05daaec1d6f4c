"""A parcel, seen with its screenings."""

from typing import Literal

from sqlalchemy.orm import Session

from ..flags.marks import under_review
from ..s10 import ItemIdType
from ..screenings.findings import finding_of, gravest
from ..screenings.models import State
from ..screenings.repository import screenings_of
from ..tables import Parcel, Result
from .models import ParcelView

Status = Literal["not_screened", "open", "complete"]


def view_parcel(session: Session, parcel: Parcel) -> ParcelView:
    """Return a parcel as it goes over the wire."""
    screenings = screenings_of(session, parcel.parcel_id)
    standing = [one for one in screenings if one.state != State.SUPERSEDED]
    status: Status = "not_screened" if not standing else "complete"
    if any(one.state == State.OPEN for one in standing):
        status = "open"
    finding = gravest([finding_of(session, one) for one in standing])
    return ParcelView(
        parcel_id=parcel.parcel_id,
        item_id=parcel.item_id,
        item_id_type=ItemIdType(parcel.item_id_type),
        provisional=bool(parcel.label_problem),
        label_problem=parcel.label_problem or None,
        status=status,
        training=finding is not None and finding.training,
        finding=finding,
        created_at=parcel.created_at,
        under_review=under_review(session, Result.parcel_id == parcel.parcel_id),
    )
