"""Dispositions, as their reader may see them."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..parcels.reader import Reader
from ..permissions import Role
from ..tables import Disposition
from .models import Decision, DispositionView


def standing_dispositions(session: Session, parcel_ids: Sequence[str]) -> dict[str, Disposition]:
    """Return the disposition that counts of each parcel that has one: the newest."""
    newest = select(func.max(Disposition.row)).where(Disposition.parcel_id.in_(parcel_ids))
    wanted = select(Disposition).where(Disposition.row.in_(newest.group_by(Disposition.parcel_id)))
    return {one.parcel_id: one for one in session.scalars(wanted)}


def view_disposition(row: Disposition, reader: Reader, *, stands: bool) -> DispositionView:
    """Return a disposition as it goes over the wire."""
    return DispositionView(
        disposition_id=row.disposition_id,
        parcel_id=row.parcel_id,
        decision=cast("Decision", row.decision),
        compliant=row.compliant,
        decided_at=row.decided_at,
        reference=""
        if reader.role is Role.PARCEL_SYSTEM and reader.token_id != row.token_id
        else row.reference,
        note=row.note if reader.may_see(row.token_id) else None,
        stands=stands,
        supersedes=row.supersedes,
        recorded_at=row.recorded_at,
    )
