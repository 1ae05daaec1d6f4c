"""Links, as their reader may see them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..parcels.reader import PEOPLE, Reader
from ..permissions import Role
from ..tables import Link, ParcelDeclaration
from .models import LinkView
from .repository import standing_links


def view_links(session: Session, links: Sequence[Link], reader: Reader) -> list[LinkView]:
    """Return links as they go over the wire."""
    standing = standing_links(session, [one.screening_id for one in links])
    hidden = _hidden(session, links, reader)
    return [_view(one, reader, hidden, stands=one.link_id in standing) for one in links]


def _hidden(session: Session, links: Sequence[Link], reader: Reader) -> frozenset[str]:
    """Return the parcels whose references are not the reader's to see: a parcel system sees its own."""
    if reader.role is not Role.PARCEL_SYSTEM:
        return frozenset()
    names = {one.parcel_id for one in links}
    mine = select(ParcelDeclaration.parcel_id).where(ParcelDeclaration.parcel_id.in_(names))
    return frozenset(names - set(session.scalars(mine.where(ParcelDeclaration.token_id == reader.token_id))))


def _view(link: Link, reader: Reader, hidden: frozenset[str], *, stands: bool) -> LinkView:
    return LinkView(
        link_id=link.link_id,
        screening_id=link.screening_id,
        parcel_id=link.parcel_id,
        reference=None if link.parcel_id in hidden else link.reference or None,
        stands=stands,
        supersedes=link.supersedes,
        why=(link.why or None) if reader.role in PEOPLE else None,
        made_by=link.made_by,
        made_at=link.made_at,
    )
