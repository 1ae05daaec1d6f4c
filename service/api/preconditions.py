"""Changes that say what they change: ETags and If-Match (RFC 9110, sections 8.8.3 and 13.1.1; RFC 6585)."""

from typing import Annotated

from fastapi import Header

from .problems import Problem

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match", max_length=128, description="ETag of what you have read; nothing else is changed."
    ),
]


def etag_of(version: int) -> str:
    """Return the ETag of a version of something."""
    return f'"{version}"'


def check_match(given: str | None, version: int) -> None:
    """Refuse a change that was thought out on another version.

    Raises
    ------
    Problem
        Nothing was said (428), or another version (412).
    """
    if given is None:
        raise Problem("precondition_required", "send If-Match with the ETag of what you have read")
    if given.strip() not in {etag_of(version), "*"}:
        raise Problem("precondition_failed", "somebody changed it meanwhile: read it again")
