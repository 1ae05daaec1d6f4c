"""Answers written once: from a view, or put together from texts that are JSON already.

FastAPI would check what our own models just checked, turn it into objects and those into text: for a page of
fifty that took longer than everything else. Tests hold answers against the OpenAPI document.
"""

import json
from collections.abc import Iterable

from fastapi import Response
from pydantic import BaseModel

_TYPE = "application/json"


def answer(view: BaseModel) -> Response:
    """Return a view as JSON."""
    return Response(view.__pydantic_serializer__.to_json(view, by_alias=True), media_type=_TYPE)


def page_of(items: Iterable[str], next_cursor: str | None) -> Response:
    """Return a page of a list whose items are JSON texts."""
    cursor = json.dumps(next_cursor)
    return Response(f'{{"items":[{",".join(items)}],"next_cursor":{cursor}}}', media_type=_TYPE)
