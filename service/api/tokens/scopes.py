"""Scopes: what a token may do of what its role may do.

A scope is ``NOUN:read`` or ``NOUN:write``; the nouns are the tags of the API. A token without scopes may do
all that its role may; one with scopes, only what they cover, and it shows no pages.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request

_FORM = re.compile(r"^[a-z]{1,32}:(read|write)$")

#: Methods that change nothing (RFC 9110, section 9.2.1).
_SAFE = frozenset({"GET", "HEAD"})

#: More scopes than there are, a token cannot have.
MOST = 100


def checked(scopes: Sequence[str]) -> str | None:
    """Return scopes in the form in which they are kept; None for no limit.

    Raises
    ------
    ValueError
        One is no scope.
    """
    for one in scopes:
        if not _FORM.fullmatch(one):
            raise ValueError(f"{one[:64]!r} is no scope: they read like parcels:read or webhooks:write")
    if len(scopes) > MOST:
        raise ValueError(f"a token has at most {MOST} scopes")
    return " ".join(sorted(set(scopes))) or None


def needed(request: Request) -> str | None:
    """Return the scope that a request needs; None for pages, which no scope covers."""
    tags = _tags(request.scope.get("route"))
    if not tags:
        return None
    return f"{tags[0]}:{'read' if request.method in _SAFE else 'write'}"


def covers(kept: str | None, request: Request) -> bool:
    """Return whether the scopes of a token cover a request."""
    return kept is None or needed(request) in kept.split()


def known(document: Mapping[str, Any]) -> set[str]:
    """Return every scope that an OpenAPI document knows."""
    return {
        f"{tag}:{'read' if method.upper() in _SAFE else 'write'}"
        for operations in document["paths"].values()
        for method, operation in operations.items()
        for tag in operation.get("tags", [])[:1]
    }


def _tags(route: object) -> list[str]:
    return [str(one) for one in getattr(route, "tags", None) or ()]
