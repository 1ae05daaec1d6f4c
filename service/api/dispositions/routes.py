"""Routes of dispositions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ..change import Change
from ..paging import PageQuery
from ..parcels.reader import reader_of
from ..parcels.repository import known_parcel
from ..posts import ThePost
from ..requests import TheCaller, TheStore
from . import repository
from .models import DispositionBody, DispositionPage, DispositionView
from .views import view_disposition

router = APIRouter(prefix="/parcels/{parcel_id}/dispositions", tags=["dispositions"])


@router.post("", summary="Say what became of a parcel", response_model=DispositionView, status_code=201)
def record_disposition(
    parcel_id: UUID,
    body: DispositionBody,
    store: TheStore,
    caller: TheCaller,
    post: ThePost,
) -> Response:
    """Post back what was decided about a parcel, by whoever has the right to decide.

    It stands in place of the one before, which stays readable. A correction names the one it
    corrects in `supersedes`, so that nobody corrects what he has not seen.
    """

    def work(change: Change) -> tuple[int, DispositionView]:
        parcel = known_parcel(change.session, parcel_id)
        row = repository.record_disposition(change, caller, parcel, body)
        return 201, view_disposition(row, reader_of(store, caller), stands=True)

    return post.once([str(parcel_id), body.model_dump(mode="json")], work)


@router.get("", summary="List the dispositions of a parcel")
def list_dispositions(
    parcel_id: UUID, query: Annotated[PageQuery, Query()], store: TheStore, caller: TheCaller
) -> DispositionPage:
    """List what was said to have become of a parcel, oldest first; the newest stands."""
    with store.database.read() as session:
        parcel = known_parcel(session, parcel_id)
        rows, after = repository.list_dispositions(session, parcel, query)
        stands = repository.standing_disposition(session, parcel.parcel_id)
        reader = reader_of(store, caller)
        views = [view_disposition(one, reader, stands=one is stands) for one in rows]
        return DispositionPage(items=views, next_cursor=after)
