"""Dispositions in the database."""

import secrets
import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..change import Change
from ..paging import PageQuery, take_page
from ..problems import Problem
from ..requests import Caller
from ..tables import Disposition, Parcel
from .models import DispositionBody
from .views import standing_dispositions


def standing_disposition(session: Session, parcel_id: str) -> Disposition | None:
    """Return the disposition of a parcel that counts; None where nothing was posted."""
    return standing_dispositions(session, [parcel_id]).get(parcel_id)


def list_dispositions(
    session: Session, parcel: Parcel, query: PageQuery
) -> tuple[Sequence[Disposition], str | None]:
    """Return a page of a parcel's dispositions, oldest first, and the next cursor."""
    wanted = select(Disposition).where(Disposition.parcel_id == parcel.parcel_id)
    return take_page(session, Disposition, wanted, query)


def record_disposition(change: Change, caller: Caller, parcel: Parcel, body: DispositionBody) -> Disposition:
    """Record what became of a parcel; it stands in place of what was recorded before.

    Raises
    ------
    Problem
        The parcel is known to be another one, or what the body corrects does not stand.
    """
    if parcel.merged_into is not None:
        raise Problem("merged", f"post it for parcel {parcel.merged_into}, which this one turned out to be")
    before = standing_disposition(change.session, parcel.parcel_id)
    stood = None if before is None else before.disposition_id
    if body.supersedes is not None and str(body.supersedes) != stood:
        raise Problem("not_standing", f"the disposition that stands is {stood or 'none'}: read it first")
    row = Disposition(
        disposition_id=str(uuid.uuid4()),
        parcel_id=parcel.parcel_id,
        supersedes=stood,
        salt=secrets.token_bytes(16),
        token_id=caller.token_id,
        recorded_at=change.now,
        **body.model_dump(exclude={"supersedes"}),
    )
    change.session.add(row)
    change.record("disposition.recorded", f"parcels/{parcel.parcel_id}", _told(row, body, parcel))
    return row


def _told(row: Disposition, body: DispositionBody, parcel: Parcel) -> dict[str, object]:
    names = ("disposition_id", "parcel_id", "decision", "compliant", "decided_at", "supersedes")
    return {
        **{name: getattr(row, name) for name in names},
        "correction": body.supersedes is not None,
        "note_digest": bytes_digest(row.salt + row.note.encode()) if row.note else None,
        "sandbox": parcel.sandbox,
    }
