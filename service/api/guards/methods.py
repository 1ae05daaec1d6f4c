"""Which methods a path knows, told by the OpenAPI document."""

import re
from collections.abc import Mapping
from typing import Any


def allowed_methods(document: Mapping[str, Any], path: str) -> str:
    """Return the methods of a path for the header ``Allow``; empty for a path the document does not know."""
    if path in document["paths"]:
        return ", ".join(sorted(method.upper() for method in document["paths"][path]))
    found = {
        method.upper()
        for template, operations in document["paths"].items()
        if _fits(template, path)
        for method in operations
    }
    return ", ".join(sorted(found))


def _fits(template: str, path: str) -> bool:
    pattern = "[^/]+".join(re.escape(part) for part in re.split(r"{[^}]*}", template))
    return re.fullmatch(pattern, path) is not None
