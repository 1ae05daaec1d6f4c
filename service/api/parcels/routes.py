"""Routes of parcels."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ..answers import answer, page_of
from ..change import Change
from ..etags import IfMatch, IfNoneMatch, if_changed, require_match, tagged
from ..paging import PageQuery
from ..posts import ThePost
from ..requests import TheCaller, TheStore
from ..results.models import ResultPage, ResultQuery
from ..results.repository import list_results
from ..results.views import result_texts
from .advancing import first_advance, patch_advance
from .bulk import bulk_digest, register_all
from .merging import merge_parcel as merge
from .models import (
    BulkBody,
    BulkView,
    MergeBody,
    ParcelBody,
    ParcelPage,
    ParcelPatch,
    ParcelQuery,
    ParcelView,
    QueueQuery,
)
from .queue import forget_old, list_queue, take_place
from .reader import reader_of
from .repository import find_or_register, known_parcel
from .repository import list_parcels as parcels_page
from .views import view_parcel, view_parcels

router = APIRouter(prefix="/parcels", tags=["parcels"])

_TAG = {
    "headers": {"ETag": {"description": "State of the parcel as you see it.", "schema": {"type": "string"}}}
}


@router.post(
    "",
    summary="Register a parcel",
    response_model=ParcelView,
    status_code=201,
    responses={200: {"model": ParcelView, "description": "The label's parcel is known already."}},
)
def register_parcel(body: ParcelBody, store: TheStore, caller: TheCaller, post: ThePost) -> Response:
    """Register an item by its label, with what was told of it in advance.

    A bad or missing label gives a provisional parcel, never a refusal. A label may be given to
    another item after twelve months: it then gets a parcel of its own.
    """

    def work(change: Change) -> tuple[int, ParcelView]:
        forget_old(change.session, store.settings.waiting_days)
        parcel, created = find_or_register(change, body.label())
        told = first_advance(change, caller, parcel, body.advance, fresh=created)
        if created or told:
            take_place(change.session, parcel)
        return (201 if created else 200), view_parcel(change.session, parcel, reader_of(store, caller))

    return post.once(body.model_dump(mode="json"), work)


@router.post("/bulk", summary="Register many parcels", response_model=BulkView)
def register_parcels(body: BulkBody, store: TheStore, caller: TheCaller, post: ThePost) -> Response:
    """Register up to 500 items in one go, each with an outcome of its own, in the order of the request.

    One that does not fit is refused alone; all the others are registered together or, when the
    answer is an error, not at all.
    """

    def work(change: Change) -> tuple[int, BulkView]:
        forget_old(change.session, store.settings.waiting_days)
        return 200, register_all(change, caller, body.items, reader_of(store, caller))

    return post.once(bulk_digest(body.items), work)


@router.get("", summary="List parcels", response_model=ParcelPage)
def list_parcels(query: Annotated[ParcelQuery, Query()], store: TheStore, caller: TheCaller) -> Response:
    """List parcels, oldest first, all or those with one label."""
    with store.database.read() as session:
        parcels, after = parcels_page(session, query)
        views = view_parcels(session, parcels, reader_of(store, caller))
    return answer(ParcelPage(items=views, next_cursor=after))


@router.get("/queue", summary="List the parcels that wait, the riskiest first", response_model=ParcelPage)
def list_waiting(query: Annotated[QueueQuery, Query()], store: TheStore, caller: TheCaller) -> Response:
    """List what was never screened, the most urgent first.

    Highest risk first. Where nobody told a risk, a parcel stands where a risk of 0.5 would;
    among equals those of known shippers come last, then the one that came first. Parcels of the
    sandbox, merged ones, and those older than thirty days (a setting of the server) are not in it.
    """
    with store.database.read() as session:
        parcels, after = list_queue(session, query, store.settings.waiting_days)
        views = view_parcels(session, parcels, reader_of(store, caller))
    return answer(ParcelPage(items=views, next_cursor=after))


@router.get(
    "/{parcel_id}",
    summary="Read a parcel",
    response_model=ParcelView,
    responses={200: _TAG, 304: {"description": "Nothing changed since the state you named."}},
)
def get_parcel(
    parcel_id: UUID, store: TheStore, caller: TheCaller, if_none_match: IfNoneMatch = None
) -> Response:
    """Read a parcel with its status and the gravest finding that stands.

    The id of a parcel that turned out to be another one stays readable: `merged_into` says which.
    """
    with store.database.read() as session:
        parcel = known_parcel(session, parcel_id)
        return if_changed(view_parcel(session, parcel, reader_of(store, caller)), if_none_match)


@router.patch(
    "/{parcel_id}",
    summary="Change what was told of a parcel",
    response_model=ParcelView,
    responses={200: _TAG},
)
def patch_parcel(
    parcel_id: UUID, body: ParcelPatch, store: TheStore, caller: TheCaller, if_match: IfMatch = None
) -> Response:
    """Change advance data: what is named is replaced, null takes it away, all else stays.

    Send the `ETag` of the parcel you read as `If-Match`: 428 without it, 412 where the parcel has
    changed since.
    """
    with store.database.write(caller.actor) as change:
        parcel, reader = known_parcel(change.session, parcel_id), reader_of(store, caller)
        require_match(view_parcel(change.session, parcel, reader), if_match)
        patch_advance(change, caller, parcel, body)
        return tagged(view_parcel(change.session, parcel, reader))


@router.post("/{parcel_id}/merge", summary="Merge a provisional parcel", response_model=ParcelView)
def merge_parcel(
    parcel_id: UUID,
    body: MergeBody,
    store: TheStore,
    caller: TheCaller,
    post: ThePost,
) -> Response:
    """Say which parcel a provisional one turned out to be; its screenings are linked to that one.

    Doing it again changes nothing. Merging a parcel whose label is sound asks for a technician.
    The answer is the merged parcel, with `merged_into`.
    """

    def work(change: Change) -> tuple[int, ParcelView]:
        parcel = known_parcel(change.session, parcel_id)
        merge(change, caller, parcel, known_parcel(change.session, body.into), body.why)
        return 200, view_parcel(change.session, parcel, reader_of(store, caller))

    return post.once([str(parcel_id), body.model_dump(mode="json")], work)


@router.get("/{parcel_id}/results", summary="List the results of a parcel", response_model=ResultPage)
def list_parcel_results(
    parcel_id: UUID, query: Annotated[PageQuery, Query()], store: TheStore, caller: TheCaller
) -> Response:
    """List the results of all screenings of a parcel, oldest first."""
    with store.database.read() as session:
        known_parcel(session, parcel_id)
        wanted = ResultQuery(cursor=query.cursor, limit=query.limit, parcel_id=parcel_id)
        results, after = list_results(session, wanted)
        texts = result_texts(session, results, caller.role)
    return page_of(texts, after)
