"""Routes of results."""

from typing import Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Query, Response

from ..answers import page_of
from ..posts import ThePost
from ..problems import Problem
from ..requests import TheCaller, TheStore
from . import repository
from .accepting import accept, put_answer
from .models import ResultBody, ResultPage, ResultQuery, ResultView
from .putting import ResultRoute
from .views import result_texts

router = APIRouter(prefix="/results", tags=["results"], route_class=ResultRoute)


@router.put(
    "/{result_id}",
    summary="Put a result into a screening",
    response_model=ResultView,
    responses={201: {"model": ResultView, "description": "The result was accepted."}},
)
def put_result(result_id: UUID, body: ResultBody, store: TheStore, caller: TheCaller) -> Response:
    """Put an identification into a screening, under an id that the bench made.

    Its scan must be in the archive (409 `scan_missing`). The same again is answered with 200,
    anything else under the same id with 409. A result for a completed screening is accepted as
    late: it can make the finding graver, never less grave.
    """
    with store.database.write(caller.actor) as change:
        return put_answer(change, str(result_id), body, caller)


@router.post(
    "",
    summary="Post a result into a screening",
    response_model=ResultView,
    status_code=201,
    responses={200: {"model": ResultView, "description": "The result was accepted before."}},
    openapi_extra={"x-required-headers": ["Idempotency-Key"]},
)
def post_result(body: ResultBody, caller: TheCaller, post: ThePost) -> Response:
    """Put an identification into a screening; the `Idempotency-Key` stands for the result's id."""
    if post.key is None:
        raise Problem("bad_key", "send an Idempotency-Key, or PUT the result under an id of your own")
    result_id = str(uuid5(UUID(caller.token_id), post.key))
    request = body.model_dump(mode="json", by_alias=True)
    return post.once(request, lambda change: accept(change, result_id, body, caller))


@router.get("/{result_id}", summary="Read a result", response_model=ResultView)
def get_result(result_id: UUID, store: TheStore, caller: TheCaller) -> Response:
    """Read a result with its identification."""
    with store.database.read() as session:
        result = repository.existing_result(session, result_id)
        (text,) = result_texts(session, [result], caller.role)
    return Response(text, media_type="application/json")


@router.get("", summary="List results", response_model=ResultPage)
def list_results(query: Annotated[ResultQuery, Query()], store: TheStore, caller: TheCaller) -> Response:
    """List results, oldest first: all, of a parcel, or of a screening."""
    with store.database.read() as session:
        results, after = repository.list_results(session, query)
        texts = result_texts(session, results, caller.role)
    return page_of(texts, after)
