"""Links in the database."""

import json
import secrets
import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..change import Change
from ..paging import take_page
from ..parcels.queue import leave, take_place
from ..problems import Problem
from ..tables import Link, Parcel, ParcelDeclaration, Screening
from .models import LinkQuery


def find_link(session: Session, link_id: str) -> Link | None:
    """Return a link by its id; None where there is none."""
    return session.scalar(select(Link).where(Link.link_id == link_id))


def standing_link(session: Session, screening_id: str) -> Link | None:
    """Return the link of a screening that counts."""
    wanted = select(Link).where(Link.screening_id == screening_id).order_by(Link.row.desc())
    return session.scalar(wanted.limit(1))


def standing_links(session: Session, screening_ids: Sequence[str]) -> frozenset[str]:
    """Return which links of some screenings count, by id."""
    newest = select(func.max(Link.row)).where(Link.screening_id.in_(screening_ids))
    wanted = select(Link.link_id).where(Link.row.in_(newest.group_by(Link.screening_id)))
    return frozenset(session.scalars(wanted))


def list_links(session: Session, query: LinkQuery) -> tuple[Sequence[Link], str | None]:
    """Return a page of links, oldest first, and the next cursor."""
    wanted = select(Link)
    if query.parcel_id is not None:
        wanted = wanted.where(Link.parcel_id == str(query.parcel_id))
    if query.screening_id is not None:
        wanted = wanted.where(Link.screening_id == str(query.screening_id))
    return take_page(session, Link, wanted, query)


def link_opened(change: Change, screening: Screening, parcel: Parcel) -> None:
    """Link a screening that was just opened to its parcel."""
    reference = _reference(change.session, parcel)
    _add(change, screening, parcel.parcel_id, reference=reference, why="", supersedes=None)
    leave(change.session, parcel)


def move_screening(
    change: Change, screening: Screening, parcel: Parcel, *, reference: str | None, why: str
) -> tuple[Link, bool]:
    """Say that a screening belongs to another parcel, and whether that is new.

    Its results stay as they are; they belong to the screening. What stood before stays readable.

    Raises
    ------
    Problem
        The parcel is known to be another one, or one of both is of the sandbox.
    """
    session = change.session
    before, was = standing_link(session, screening.screening_id), _parcel(session, screening.parcel_id)
    named = _reference(session, parcel) if reference is None else reference
    if before is not None and (before.parcel_id, before.reference) == (parcel.parcel_id, named):
        return before, False
    if parcel.merged_into is not None:
        raise Problem("merged", f"link to parcel {parcel.merged_into}, which this one turned out to be")
    if was.sandbox != parcel.sandbox:
        raise Problem("sandbox_only", "a real screening belongs to a real parcel, a simulated one to neither")
    screening.parcel_id = parcel.parcel_id
    supersedes = None if before is None else before.link_id
    link = _add(change, screening, parcel.parcel_id, reference=named, why=why, supersedes=supersedes)
    leave(session, parcel)
    take_place(session, was)
    return link, True


def _add(
    change: Change, screening: Screening, parcel_id: str, *, reference: str, why: str, supersedes: str | None
) -> Link:
    # Without a relationship between the classes, the order of inserts is ours to keep.
    change.session.flush()
    link = Link(
        link_id=str(uuid.uuid4()),
        screening_id=screening.screening_id,
        parcel_id=parcel_id,
        reference=reference,
        supersedes=supersedes,
        why=why,
        salt=secrets.token_bytes(16),
        made_by=change.actor,
        made_at=change.now,
    )
    change.session.add(link)
    names = ("link_id", "screening_id", "parcel_id", "supersedes")
    data = {
        **{name: getattr(link, name) for name in names},
        "reference": reference or None,
        "why_digest": bytes_digest(link.salt + why.encode()) if why else None,
    }
    change.record("link.made", f"links/{link.link_id}", data)
    return link


def _parcel(session: Session, parcel_id: str) -> Parcel:
    return session.scalars(select(Parcel).where(Parcel.parcel_id == parcel_id)).one()


def _reference(session: Session, parcel: Parcel) -> str:
    declared = session.get(ParcelDeclaration, parcel.parcel_id)
    return "" if declared is None else json.loads(declared.body).get("reference") or ""
