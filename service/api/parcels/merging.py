"""Provisional parcels that turn out to be others."""

import secrets

from sqlalchemy import select

from spectra.digest import bytes_digest

from ..change import Change
from ..links.repository import move_screening
from ..permissions import Role
from ..problems import Problem
from ..requests import Caller
from ..tables import Parcel, ParcelMerge, Screening
from .queue import take_place


def merge_parcel(change: Change, caller: Caller, parcel: Parcel, into: Parcel, why: str) -> None:
    """Say that a parcel is another one, and link its screenings to that; doing it again changes nothing.

    Raises
    ------
    Problem
        The two cannot be one, or the caller may not say so.
    """
    if parcel.merged_into == into.parcel_id:
        return
    _check(caller, parcel, into)
    screenings = change.session.scalars(
        select(Screening).where(Screening.parcel_id == parcel.parcel_id).order_by(Screening.row)
    ).all()
    for screening in screenings:
        move_screening(change, screening, into, reference=None, why=why)
    parcel.merged_into = into.parcel_id
    merge = ParcelMerge(
        parcel_id=parcel.parcel_id,
        into=into.parcel_id,
        why=why,
        salt=secrets.token_bytes(16),
        made_by=change.actor,
        made_at=change.now,
    )
    change.session.add(merge)
    data = {
        "parcel_id": parcel.parcel_id,
        "into": into.parcel_id,
        "screenings": len(screenings),
        "why_digest": bytes_digest(merge.salt + why.encode()),
    }
    change.record("parcel.merged", f"parcels/{parcel.parcel_id}", data)
    take_place(change.session, parcel)


def _check(caller: Caller, parcel: Parcel, into: Parcel) -> None:
    if parcel is into:
        raise Problem("conflict", "a parcel is itself already")
    if parcel.merged_into is not None:
        raise Problem("merged", f"it turned out to be parcel {parcel.merged_into} before")
    # What is merged itself is no goal: without that there is no cycle.
    if into.merged_into is not None:
        raise Problem("merged", f"merge into parcel {into.merged_into}, which that one turned out to be")
    if parcel.sandbox or into.sandbox:
        raise Problem("sandbox_only", "parcels of the sandbox are merged with nothing")
    if not parcel.label_problem and caller.role is not Role.TECHNICIAN:
        raise Problem("not_provisional", "its label is sound: a technician has to say that it is another's")
