"""POSTs that can be sent again: the first answer is kept and given again."""

from collections.abc import Callable
from typing import Any

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import json_digest

from .change import Change
from .clock import utc_in
from .events.chain import canonical
from .problems import Problem
from .tables import IdempotencyKey

Work = Callable[[], tuple[int, BaseModel]]

#: How long a key is known, days (chosen: longer than a bench or a parcel system is cut off over a weekend).
KEEP_DAYS = 7.0
#: Past keys deleted by each POST that has a key (chosen: more go than come, and no POST waits for many).
SWEPT = 20

_DAYS = "idempotency_days"


def keep_days(session: Session, days: float) -> None:
    """Set how long keys are known in the transaction of a session."""
    session.info[_DAYS] = days


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
    past = utc_in(-change.session.info.get(_DAYS, KEEP_DAYS))
    _sweep(change.session, past)
    digest = json_digest(request)
    kept = change.session.get(IdempotencyKey, (token_id, operation, key))
    if kept is not None and kept.created_at < past:
        change.session.delete(kept)
        change.session.flush()
        kept = None
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


def _sweep(session: Session, past: str) -> None:
    """Delete some keys of before a moment, the oldest first."""
    old = select(IdempotencyKey).where(IdempotencyKey.created_at < past)
    for kept in session.scalars(old.order_by(IdempotencyKey.created_at).limit(SWEPT)):
        session.delete(kept)
    session.flush()


def _body(answer: BaseModel) -> Any:
    return answer.model_dump(mode="json", by_alias=True)
