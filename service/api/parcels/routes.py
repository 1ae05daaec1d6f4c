"""Routes of parcels."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ..idempotency import once
from ..paging import PageQuery
from ..problems import Problem
from ..requests import IdempotencyKeyHeader, TheCaller, TheStore
from ..results.models import ResultPage, ResultQuery
from ..results.repository import list_results
from ..results.views import view_results
from .models import ParcelBody, ParcelPage, ParcelQuery, ParcelView
from .repository import find_or_register, find_parcel
from .repository import list_parcels as parcels_page
from .views import view_parcel

router = APIRouter(prefix="/parcels", tags=["parcels"])


@router.post(
    "",
    summary="Register a parcel",
    response_model=ParcelView,
    status_code=201,
    responses={200: {"model": ParcelView, "description": "The label's parcel is known already."}},
)
def register_parcel(
    body: ParcelBody, store: TheStore, caller: TheCaller, key: IdempotencyKeyHeader = None
) -> Response:
    """Register an item by its label. A bad or missing label gives a provisional parcel, never a refusal."""
    with store.database.write(caller.actor) as change:

        def work() -> tuple[int, ParcelView]:
            parcel, created = find_or_register(change, body.label())
            return (201 if created else 200), view_parcel(change.session, parcel)

        return once(
            change,
            token_id=caller.token_id,
            operation="register_parcel",
            key=key,
            request=body.model_dump(mode="json"),
            work=work,
        )


@router.get("", summary="List parcels")
def list_parcels(query: Annotated[ParcelQuery, Query()], store: TheStore, caller: TheCaller) -> ParcelPage:
    """List parcels, oldest first, all or those with one label."""
    with store.database.read() as session:
        parcels, after = parcels_page(session, query)
        return ParcelPage(items=[view_parcel(session, one) for one in parcels], next_cursor=after)


@router.get("/{parcel_id}", summary="Read a parcel")
def get_parcel(parcel_id: UUID, store: TheStore, caller: TheCaller) -> ParcelView:
    """Read a parcel with its status and the gravest finding that stands."""
    with store.database.read() as session:
        parcel = find_parcel(session, str(parcel_id))
        if parcel is None:
            raise Problem("not_found", f"no parcel {parcel_id}")
        return view_parcel(session, parcel)


@router.get("/{parcel_id}/results", summary="List the results of a parcel")
def list_parcel_results(
    parcel_id: UUID, query: Annotated[PageQuery, Query()], store: TheStore, caller: TheCaller
) -> ResultPage:
    """List the results of all screenings of a parcel, oldest first."""
    with store.database.read() as session:
        if find_parcel(session, str(parcel_id)) is None:
            raise Problem("not_found", f"no parcel {parcel_id}")
        wanted = ResultQuery(cursor=query.cursor, limit=query.limit, parcel_id=parcel_id)
        results, after = list_results(session, wanted)
        return ResultPage(items=view_results(session, results, caller.role), next_cursor=after)
