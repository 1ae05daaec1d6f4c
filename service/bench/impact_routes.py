"""What a program may ask a bench of its results: the server's questions, answered from its own index."""

import base64
import binascii
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from ..errors import UsageError
from ..uses import KINDS, MAX_VALUE, is_prefix, moment_text
from .guard import check_token
from .uses_index import UsesIndex

#: For programs.
routes = APIRouter(prefix="/bench/v1/impact")

Answer = dict[str, Any]
Kind = Annotated[str, Field(pattern=f"^({'|'.join(KINDS)})?$")]
Value = Annotated[str, Field(min_length=1, max_length=MAX_VALUE)]
Moment = Annotated[str, Field(max_length=40)]


class CandidateQuery(BaseModel):
    """A name, and its kind where that is known."""

    model_config = ConfigDict(extra="forbid")

    value: Value
    kind: Kind = ""


class ImpactQuery(CandidateQuery):
    """What is asked for."""

    since: Moment = ""
    until: Moment = ""
    cursor: Annotated[str, Field(max_length=256)] = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


def _index(request: Request) -> UsesIndex:
    check_token(request, request.app.state.token)
    index = request.app.state.bench.uses
    assert isinstance(index, UsesIndex)
    return index


TheIndex = Annotated[UsesIndex, Depends(_index)]


@routes.get("")
def impact(query: Annotated[ImpactQuery, Query()], index: TheIndex) -> Answer:
    """Return a page of the results that depend on a thing."""
    if not query.kind:
        raise UsageError(f"kind: one of {', '.join(KINDS)}")
    left = index.catch_up()
    value = _whole(index, query.kind, query.value)
    found = index.depending(
        query.kind,
        value,
        since=_moment(query.since),
        until=_moment(query.until),
        after=_place(query.cursor),
        limit=query.limit,
    )
    cursor = None if found["after"] is None else _cursor(found["after"])
    return {
        "kind": query.kind,
        "value": value,
        "total": found["total"],
        "not_indexed": left + found["not_indexed"],
        "items": found["items"],
        "next_cursor": cursor,
    }


@routes.get("/candidates")
def impact_candidates(query: Annotated[CandidateQuery, Query()], index: TheIndex) -> Answer:
    """Return what a name can stand for, and how many older results are still to be taken up."""
    left = index.catch_up()
    return {"items": index.candidates(query.value, query.kind), "left": left}


def _whole(index: UsesIndex, kind: str, value: str) -> str:
    found = index.candidates(value, kind) if is_prefix(value) else []
    if len(found) > 1:
        names = ", ".join(one["value"][:16] for one in found[:5])
        raise UsageError(f"{value} begins {names}: give more digits")
    return str(found[0]["value"]) if found else value


def _moment(text: str) -> str:
    try:
        return moment_text(text) if text else ""
    except ValueError as error:
        raise UsageError(f"{text!r} is no time: write it like 2026-11-22T12:00:00Z") from error


def _cursor(after: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode()


def _place(cursor: str) -> tuple[str, str]:
    if not cursor:
        return "", ""
    try:
        at, name = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise UsageError("the cursor is none of this list: begin again without one") from error
    if not (isinstance(at, str) and isinstance(name, str)):
        raise UsageError("the cursor is none of this list: begin again without one")
    return at, name
