"""Routes of results."""

from typing import Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Query, Response

from ..answers import page_of
from ..change import Change
from ..flags.repository import is_named
from ..idempotency import once
from ..problems import Problem
from ..requests import Caller, IdempotencyKeyHeader, TheCaller, TheStore
from ..screenings.models import State
from ..screenings.repository import amend_screening, find_screening
from ..screenings.simulated import is_simulated
from ..tables import Result
from . import repository
from .models import ResultBody, ResultPage, ResultQuery, ResultView
from .views import result_texts, view_accepted, view_results

_JSON = "application/json"

router = APIRouter(prefix="/results", tags=["results"])


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
        result, created = _accept(change, str(result_id), body)
        view = _view(change, result, body, caller, created=created)
    return Response(view.model_dump_json(by_alias=True), 201 if created else 200, media_type=_JSON)


@router.post(
    "",
    summary="Post a result into a screening",
    response_model=ResultView,
    status_code=201,
    responses={200: {"model": ResultView, "description": "The result was accepted before."}},
    openapi_extra={"x-required-headers": ["Idempotency-Key"]},
)
def post_result(
    body: ResultBody, store: TheStore, caller: TheCaller, key: IdempotencyKeyHeader = None
) -> Response:
    """Put an identification into a screening; the `Idempotency-Key` stands for the result's id."""
    if key is None:
        raise Problem("bad_key", "send an Idempotency-Key, or PUT the result under an id of your own")
    result_id = str(uuid5(UUID(caller.token_id), key))
    with store.database.write(caller.actor) as change:
        return once(
            change,
            token_id=caller.token_id,
            operation="post_result",
            key=key,
            request=body.model_dump(mode="json", by_alias=True),
            work=lambda: _posted(change, result_id, body, caller),
        )


@router.get("/{result_id}", summary="Read a result", response_model=ResultView)
def get_result(result_id: UUID, store: TheStore, caller: TheCaller) -> Response:
    """Read a result with its identification."""
    with store.database.read() as session:
        result = repository.find_result(session, str(result_id))
        if result is None:
            raise Problem("not_found", f"no result {result_id}")
        (text,) = result_texts(session, [result], caller.role)
    return Response(text, media_type="application/json")


@router.get("", summary="List results", response_model=ResultPage)
def list_results(query: Annotated[ResultQuery, Query()], store: TheStore, caller: TheCaller) -> Response:
    """List results, oldest first: all, of a parcel, or of a screening."""
    with store.database.read() as session:
        results, after = repository.list_results(session, query)
        texts = result_texts(session, results, caller.role)
    return page_of(texts, after)


def _accept(change: Change, result_id: str, body: ResultBody) -> tuple[Result, bool]:
    place = repository.find_place(change.session, result_id, body)
    if place.known is not None:
        known = repository.known_result(change.session, result_id, body)
        assert known is not None, "it was there in this transaction"
        return known, False
    if is_simulated(place.opening):
        raise Problem("sandbox_only", "the screening is one of the sandbox: no bench puts results into it")
    late = place.state != State.OPEN
    result = repository.add_result(change, result_id, body, place, late=late)
    if late:
        screening = find_screening(change.session, str(body.screening_id))
        assert screening is not None, "it was there in this transaction"
        amend_screening(change, screening)
    return result, True


def _posted(change: Change, result_id: str, body: ResultBody, caller: Caller) -> tuple[int, ResultView]:
    result, created = _accept(change, result_id, body)
    return (201 if created else 200), _view(change, result, body, caller, created=created)


def _view(change: Change, result: Result, body: ResultBody, caller: Caller, *, created: bool) -> ResultView:
    if created and not result.late and not is_named(change.session, result.result_id):
        return view_accepted(result, body)
    return view_results(change.session, [result], caller.role)[0]
