"""Reading what a server answers: bounded, and only JSON objects count as its word.

Networks have captive portals that answer every request with a page and status 200.
"""

import json
import time
from typing import Any

import httpx

#: Longest time an answer may take from its first byte to its last, s (chosen: the longest has megabytes).
LONGEST_S = 120.0


def read_bounded(response: httpx.Response, most: int, *, within_s: float = LONGEST_S) -> bytes | None:
    """Return the body of an answer that is being streamed, None where it has more bytes than ``most``.

    Raises
    ------
    httpx.ReadTimeout
        It has not ended after so many seconds: the time-outs of a request count for each of its parts alone.
    """
    body, deadline = b"", time.monotonic() + within_s
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > most:
            return None
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout(f"the answer did not end within {within_s:g} s", request=response.request)
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
