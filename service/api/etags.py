"""Entity tags: reading only what changed, and writing only over what was read (RFC 9110, 13.1)."""

import re
from typing import Annotated

from fastapi import Header
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from spectra.digest import bytes_digest

from .events.chain import canonical
from .problems import Problem

#: Digits of a tag: 128 bits, so that no two states of a thing share one.
_DIGITS = 32
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_LIST = re.compile(rf"\s*(?:{_TAG.pattern})(?:\s*,\s*(?:{_TAG.pattern}))*\s*")

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1024,
        description="The `ETag` of the state that is to be changed, or `*`.",
        examples=['"0f9c1b7f2a4e4f7d8d0f6f5c0a1b2c3d"'],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match", max_length=1024, description="The `ETag` you have: 304 where nothing changed."
    ),
]


def etag_of(view: BaseModel) -> str:
    """Return the entity tag of a thing as its reader sees it."""
    return f'"{bytes_digest(canonical(view.model_dump(mode="json", by_alias=True)).encode())[:_DIGITS]}"'


def tagged(view: BaseModel, status: int = 200) -> Response:
    """Return a thing with its entity tag."""
    return JSONResponse(view.model_dump(mode="json", by_alias=True), status, {"ETag": etag_of(view)})


def if_changed(view: BaseModel, if_none_match: str | None) -> Response:
    """Return a thing, or 304 where its reader has it."""
    tag = etag_of(view)
    # Weak comparison is what If-None-Match asks for (RFC 9110, 13.1.2).
    if if_none_match is not None and (
        if_none_match.strip() == "*" or tag in [one.removeprefix("W/") for one in _tags(if_none_match)]
    ):
        return Response(status_code=304, headers={"ETag": tag})
    return tagged(view)


def require_match(view: BaseModel, if_match: str | None) -> None:
    """Refuse a change of something that is not as its changer thinks.

    Raises
    ------
    Problem
        428 without ``If-Match``, 412 for another state.
    """
    if if_match is None:
        raise Problem("precondition_required", "send If-Match with the ETag of what you read")
    require_tag(etag_of(view), if_match)


def require_tag(tag: str, if_match: str) -> None:
    """Refuse a change of something whose tag is none of those its changer knows.

    Raises
    ------
    Problem
        412.
    """
    if if_match.strip() != "*" and tag not in _tags(if_match):
        raise Problem("precondition_failed", "it has changed since you read it: read and decide again")


def _tags(header: str) -> list[str]:
    return _TAG.findall(header) if _LIST.fullmatch(header) else []
