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
from ..problems import Problem
from ..s10 import ItemIdType, Label, read_label
from ..tables import Parcel
from .models import ParcelQuery

#: An S10 identifier may be given to another item after twelve months (UPU S10).
REUSE_DAYS = 365.0


def find_parcel(session: Session, parcel_id: str) -> Parcel | None:
    """Return a parcel by its id; None where there is none."""
    return session.scalar(select(Parcel).where(Parcel.parcel_id == parcel_id))


def known_parcel(session: Session, parcel_id: object) -> Parcel:
    """Return a parcel by its id.

    Raises
    ------
    Problem
        There is none.
    """
    found = find_parcel(session, str(parcel_id))
    if found is None:
        raise Problem("not_found", f"no parcel {parcel_id}")
    return found


def find_or_register(change: Change, label: Label) -> tuple[Parcel, bool]:
    """Return the parcel that carries a label at present, and whether it had to be registered.

    Whoever does not screen it at once puts it into the queue (`queue.take_place`).
    """
    return find_or_register_all(change, [label])[0]


def find_or_register_all(change: Change, labels: Sequence[Label]) -> list[tuple[Parcel, bool]]:
    """Return the same for many labels, in their order."""
    current, done = _current(change.session, {one.key for one in labels}), []
    for label in labels:
        found = current.get(label.key)
        parcel = found or register(change, label, sandbox=False)
        if label.key:
            current[label.key] = parcel
        done.append((parcel, found is None))
    return done


def register(change: Change, label: Label, *, sandbox: bool) -> Parcel:
    """Register a new parcel under a label."""
    parcel = Parcel(
        parcel_id=str(uuid.uuid4()),
        item_id=label.item_id,
        item_key=label.key,
        item_id_type=label.kind.value,
        label_problem=label.problem,
        salt=secrets.token_bytes(16),
        created_at=change.now,
        sandbox=sandbox,
    )
    change.session.add(parcel)
    data = {
        "parcel_id": parcel.parcel_id,
        "item_id_type": parcel.item_id_type,
        "item_digest": bytes_digest(parcel.salt + label.key.encode()),
        "provisional": label.provisional,
        "sandbox": sandbox,
    }
    change.record("parcel.registered", f"parcels/{parcel.parcel_id}", data)
    return parcel


def list_parcels(session: Session, query: ParcelQuery) -> tuple[Sequence[Parcel], str | None]:
    """Return a page of parcels and the next cursor."""
    wanted = select(Parcel)
    if query.item_id:
        wanted = wanted.where(Parcel.item_key == read_label(query.item_id, ItemIdType.CARRIER).key)
    return take_page(session, Parcel, wanted, query)


def _current(session: Session, keys: set[str]) -> dict[str, Parcel]:
    """Return the real parcels with some labels; a merged one leads to what it turned out to be."""
    recent = select(Parcel).where(
        Parcel.item_key.in_(keys - {""}), Parcel.created_at > utc_in(-REUSE_DAYS), Parcel.sandbox.is_(False)
    )
    newest = {one.item_key: one for one in session.scalars(recent.order_by(Parcel.row))}
    return {key: _real(session, one) for key, one in newest.items()}


def _real(session: Session, parcel: Parcel) -> Parcel:
    while parcel.merged_into is not None:
        parcel = known_parcel(session, parcel.merged_into)
    return parcel
