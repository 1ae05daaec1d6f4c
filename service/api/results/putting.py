"""The short way of a result from its bytes to the disk.

Benches that were cut off send results by the hundred in a second, and what a framework does around one takes
longer than keeping it. A request that is as it should be goes straight from its bytes to the thread that
writes (`turns`); every other one, and every refusal of a form, is left to the ordinary route.
"""

import uuid
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from ..requests import the_caller, the_store
from .accepting import put_answer
from .models import ResultBody

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

#: Name of the operation that has a short way.
PUT = "put_result"


class ResultRoute(APIRoute):
    """A route of results; the one that puts them takes the short way where it can."""

    def get_route_handler(self) -> Handler:
        """Return what answers a request."""
        ordinary = super().get_route_handler()
        return _shorter(ordinary) if self.name == PUT else ordinary


def _shorter(ordinary: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        result_id = _id_of(request)
        if result_id is None:
            return await ordinary(request)
        # Before the body is looked at: nobody unknown makes us read a megabyte.
        store = await the_store(request)
        caller = request.state.caller = await the_caller(request, store)
        body = await _body_of(request)
        if body is None:
            return await ordinary(request)
        put = partial(put_answer, result_id=result_id, body=body, caller=caller)
        return await store.database.turns.take(caller.actor, put)

    return handle


def _id_of(request: Request) -> str | None:
    """Return the id in the path where it is a UUID in the form in which it is kept."""
    given: str = request.path_params["result_id"]
    try:
        return given if str(uuid.UUID(given)) == given else None
    except ValueError:
        return None


async def _body_of(request: Request) -> ResultBody | None:
    """Return the body where it is a result; the request keeps its bytes for the ordinary route."""
    if request.headers.get("content-type") != "application/json":
        return None
    try:
        return ResultBody.model_validate_json(await request.body())
    except (ValidationError, ClientDisconnect):
        return None
