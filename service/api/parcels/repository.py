"""Parcels in the database."""

import secrets
import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..change import Change
from ..clock import utc_in
from ..paging import take_page
from ..s10 import ItemIdType, Label, read_label
from ..tables import Parcel
from .models import ParcelQuery

#: An S10 identifier may be given to another item after twelve months (UPU S10).
REUSE_DAYS = 365.0


def find_parcel(session: Session, parcel_id: str) -> Parcel | None:
    """Return a parcel by its id; None where there is none."""
    return session.scalar(select(Parcel).where(Parcel.parcel_id == parcel_id))


def find_or_register(change: Change, label: Label) -> tuple[Parcel, bool]:
    """Return the parcel that carries a label at present, and whether it had to be registered."""
    found = _current(change.session, label)
    if found is not None:
        return found, False
    parcel = Parcel(
        parcel_id=str(uuid.uuid4()),
        item_id=label.item_id,
        item_key=label.key,
        item_id_type=label.kind.value,
        label_problem=label.problem,
        salt=secrets.token_bytes(16),
        created_at=change.now,
    )
    change.session.add(parcel)
    data = {
        "parcel_id": parcel.parcel_id,
        "item_id_type": parcel.item_id_type,
        "item_digest": bytes_digest(parcel.salt + label.key.encode()),
        "provisional": label.provisional,
    }
    change.record("parcel.registered", f"parcels/{parcel.parcel_id}", data)
    return parcel, True


def list_parcels(session: Session, query: ParcelQuery) -> tuple[Sequence[Parcel], str | None]:
    """Return a page of parcels and the next cursor."""
    wanted = select(Parcel)
    if query.item_id:
        wanted = wanted.where(Parcel.item_key == read_label(query.item_id, ItemIdType.CARRIER).key)
    return take_page(session, Parcel, wanted, query)


def _current(session: Session, label: Label) -> Parcel | None:
    if not label.key:
        return None
    recent = select(Parcel).where(Parcel.item_key == label.key, Parcel.created_at > utc_in(-REUSE_DAYS))
    return session.scalar(recent.order_by(Parcel.row.desc()).limit(1))
