"""Links, as their reader may see them."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from ..parcels.reader import PEOPLE, Reader
from ..tables import Link
from .models import LinkView
from .repository import standing_links


def view_links(session: Session, links: Sequence[Link], reader: Reader) -> list[LinkView]:
    """Return links as they go over the wire."""
    standing = standing_links(session, [one.screening_id for one in links])
    return [_view(one, reader, stands=one.link_id in standing) for one in links]


def _view(link: Link, reader: Reader, *, stands: bool) -> LinkView:
    return LinkView(
        link_id=link.link_id,
        screening_id=link.screening_id,
        parcel_id=link.parcel_id,
        reference=link.reference or None,
        stands=stands,
        supersedes=link.supersedes,
        why=(link.why or None) if reader.role in PEOPLE else None,
        made_by=link.made_by,
        made_at=link.made_at,
    )
