"""Accepting a result in a transaction, and what its bench is answered."""

from fastapi import Response

from ..change import Change
from ..problems import Problem
from ..requests import Caller
from ..screenings.models import State
from ..screenings.repository import amend_screening, find_screening
from ..screenings.simulated import is_simulated
from ..tables import Result
from . import repository
from .models import ResultBody, ResultView
from .views import view_accepted, view_results


def put_answer(change: Change, result_id: str, body: ResultBody, caller: Caller) -> Response:
    """Accept a result and return the answer, which is to be given once the transaction is committed."""
    status, view = accept(change, result_id, body, caller)
    return Response(view.model_dump_json(by_alias=True), status, media_type="application/json")


def accept(change: Change, result_id: str, body: ResultBody, caller: Caller) -> tuple[int, ResultView]:
    """Accept a result, or find that it was accepted before: status and view.

    Raises
    ------
    Problem
        Its screening or scan is not there or of something else, or the id has another content.
    """
    place = repository.find_place(change.session, result_id, body)
    if place.known is not None:
        change.insert_now()
        known = repository.known_result(change.session, result_id, body)
        assert known is not None, "it was there in this transaction"
        return 200, view_results(change.session, [known], caller.role)[0]
    result = _add(change, result_id, body, place)
    if result.late or place.named:
        change.insert_now()
        return 201, view_results(change.session, [result], caller.role)[0]
    return 201, view_accepted(result, body)


def _add(change: Change, result_id: str, body: ResultBody, place: repository.Place) -> Result:
    if is_simulated(place.opening):
        raise Problem("sandbox_only", "the screening is one of the sandbox: no bench puts results into it")
    late = place.state != State.OPEN
    result = repository.add_result(change, result_id, body, place, late=late)
    if late:
        screening = find_screening(change.session, str(body.screening_id))
        assert screening is not None, "it was there in this transaction"
        amend_screening(change, screening)
    return result
