"""Legal holds in the database."""

import secrets
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..change import Change
from ..problems import Problem
from ..tables import LegalHold, Parcel


def find_hold(session: Session, parcel_id: str) -> LegalHold | None:
    """Return the legal hold a parcel is under; None for none."""
    wanted = select(LegalHold).where(LegalHold.parcel_id == parcel_id, LegalHold.lifted_at.is_(None))
    return session.scalar(wanted.order_by(LegalHold.row).limit(1))


def place_hold(change: Change, parcel: Parcel, why: str) -> tuple[LegalHold, bool]:
    """Put a parcel under a legal hold, and say whether that was new.

    Raises
    ------
    Problem
        It is under one for another reason.
    """
    found = find_hold(change.session, parcel.parcel_id)
    if found is not None:
        if found.why != why:
            raise Problem("conflict", f"parcel {parcel.parcel_id} is under a legal hold for another reason")
        return found, False
    hold = LegalHold(
        hold_id=str(uuid.uuid4()),
        parcel_id=parcel.parcel_id,
        why=why,
        salt=secrets.token_bytes(16),
        placed_at=change.now,
        placed_by=change.actor,
    )
    change.session.add(hold)
    digest = bytes_digest(hold.salt + why.encode())
    data = {"hold_id": hold.hold_id, "parcel_id": parcel.parcel_id, "why_digest": digest}
    change.record("hold.placed", f"parcels/{parcel.parcel_id}", data)
    return hold, True


def lift_hold(change: Change, parcel: Parcel) -> LegalHold:
    """Lift the legal hold of a parcel.

    Raises
    ------
    Problem
        It is under none.
    """
    hold = find_hold(change.session, parcel.parcel_id)
    if hold is None:
        raise Problem("not_found", f"parcel {parcel.parcel_id} is under no legal hold")
    hold.lifted_at, hold.lifted_by = change.now, change.actor
    data = {"hold_id": hold.hold_id, "parcel_id": parcel.parcel_id}
    change.record("hold.lifted", f"parcels/{parcel.parcel_id}", data)
    return hold
