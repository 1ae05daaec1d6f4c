"""Routes of links."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ..change import Change
from ..parcels.reader import reader_of
from ..parcels.repository import known_parcel
from ..permissions import Role
from ..posts import ThePost
from ..problems import Problem
from ..requests import Caller, TheCaller, TheStore
from ..screenings.findings import finding_of
from ..screenings.repository import existing_screening
from ..tables import Screening
from . import repository
from .models import LinkBody, LinkPage, LinkQuery, LinkView
from .views import view_links

router = APIRouter(prefix="/links", tags=["links"])


@router.post(
    "",
    summary="Say to which parcel a screening belongs",
    response_model=LinkView,
    status_code=201,
    responses={200: {"model": LinkView, "description": "That is how it stands already."}},
)
def make_link(body: LinkBody, store: TheStore, caller: TheCaller, post: ThePost) -> Response:
    """Correct to which parcel a screening belongs; who, when and why are kept, and the old link too.

    A link lifts no hold: look at both parcels again. Moving a screening that alarmed asks for a
    technician.
    """

    def work(change: Change) -> tuple[int, LinkView]:
        screening = _screening(change, caller, body)
        parcel = known_parcel(change.session, body.parcel_id)
        link, made = repository.move_screening(
            change, screening, parcel, reference=body.reference, why=body.why
        )
        return (201 if made else 200), view_links(change.session, [link], reader_of(store, caller))[0]

    return post.once(body.model_dump(mode="json"), work)


@router.get("", summary="List links")
def list_links(query: Annotated[LinkQuery, Query()], store: TheStore, caller: TheCaller) -> LinkPage:
    """List links, oldest first: all, of a parcel, or of a screening; superseded ones too."""
    with store.database.read() as session:
        links, after = repository.list_links(session, query)
        return LinkPage(items=view_links(session, links, reader_of(store, caller)), next_cursor=after)


@router.get("/{link_id}", summary="Read a link")
def get_link(link_id: UUID, store: TheStore, caller: TheCaller) -> LinkView:
    """Read a link, whether it stands or not."""
    with store.database.read() as session:
        link = repository.find_link(session, str(link_id))
        if link is None:
            raise Problem("not_found", f"no link {link_id}")
        return view_links(session, [link], reader_of(store, caller))[0]


def _screening(change: Change, caller: Caller, body: LinkBody) -> Screening:
    screening = existing_screening(change.session, body.screening_id)
    finding = finding_of(change.session, screening)
    alarmed = finding is not None and finding.outward == "hold"
    moved = screening.parcel_id != str(body.parcel_id)
    if alarmed and moved and caller.role is not Role.TECHNICIAN:
        raise Problem("forbidden", "the screening alarmed: a technician has to move it")
    return screening
