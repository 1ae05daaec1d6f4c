"""POSTs that can be sent again: the first answer is kept and given again."""

from collections.abc import Callable
from typing import Any

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from spectra.digest import json_digest

from .change import Change
from .events.chain import canonical
from .problems import Problem
from .tables import IdempotencyKey

Work = Callable[[], tuple[int, BaseModel]]


def once(
    change: Change, *, token_id: str, operation: str, key: str | None, request: Any, work: Work
) -> Response:
    """Do a piece of work and return its answer; under a key that was used before, return that answer.

    Parameters
    ----------
    change
        The transaction of the work; the answer is kept in it too.
    token_id, operation
        Keys of different tokens and operations have nothing to do with each other.
    key
        The ``Idempotency-Key``; None does the work each time.
    request
        JSON value of all that was asked for.
    work
        Returns status and answer.

    Raises
    ------
    Problem
        The key was used with another request.
    """
    if key is None:
        status, answer = work()
        return JSONResponse(_body(answer), status)
    digest = json_digest(request)
    kept = change.session.get(IdempotencyKey, (token_id, operation, key))
    if kept is not None:
        if kept.request_digest != digest:
            raise Problem("key_reused", "take a new key for a new request; the old one was answered before")
        headers = {"Idempotent-Replayed": "true"}
        return Response(kept.body, kept.status, headers, media_type="application/json")
    status, answer = work()
    body = canonical(_body(answer))
    change.session.add(
        IdempotencyKey(
            token_id=token_id,
            operation=operation,
            key=key,
            request_digest=digest,
            status=status,
            body=body,
            created_at=change.now,
        )
    )
    return Response(body, status, media_type="application/json")


def _body(answer: BaseModel) -> Any:
    return answer.model_dump(mode="json", by_alias=True)
