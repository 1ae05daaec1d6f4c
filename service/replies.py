"""Reading what a server answers: bounded, and only JSON objects count as its word.

Networks have captive portals that answer every request with a page and status 200.
"""

import json
from typing import Any

import httpx


def read_bounded(response: httpx.Response, most: int) -> bytes | None:
    """Return the body of an answer that is being streamed, None where it has more bytes than ``most``."""
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > most:
            return None
    return body


def json_object(response: httpx.Response, body: bytes | None) -> dict[str, Any] | None:
    """Return the JSON object in a body; None for everything else, whatever it says of itself."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if body is None or kind not in {"application/json", "application/problem+json"}:
        return None
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None
