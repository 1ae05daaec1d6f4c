"""The OpenAPI document, finished: groups described, an example with every body."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from .tags import TAGS

_EXAMPLES = Path(__file__).with_name("examples.json")
_JSON = "application/json"

Json = dict[str, Any]


@cache
def kept_examples() -> Json:
    """Return examples by name of their schema, for those whose models carry none. A real server said them."""
    found: Json = json.loads(_EXAMPLES.read_text("utf-8"))
    return found


def finish(document: Json) -> None:
    """Describe the groups that are used, and put examples beside all bodies whose schema has some."""
    used = {tag for _, _, operation in operations(document) for tag in operation.get("tags", ())}
    named = (*(name for name in TAGS if name in used), *sorted(used - TAGS.keys()))
    document["tags"] = [{"name": name, "description": TAGS.get(name, "")} for name in named]
    schemas = document["components"]["schemas"]
    for name, example in kept_examples().items():
        if name in schemas:
            schemas[name].setdefault("examples", [example])
    for _, _, operation in operations(document):
        for media in _bodies(operation):
            _exemplify(media, schemas)


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield method, path and operation of all there are."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _bodies(operation: Json) -> Iterator[Json]:
    told = [operation.get("requestBody", {}), *operation["responses"].values()]
    yield from (one["content"][_JSON] for one in told if _JSON in one.get("content", {}))


def _exemplify(media: Json, schemas: Json) -> None:
    if "example" in media or "examples" in media:
        return
    schema = media.get("schema", {})
    name = _named(schema) or "inline"
    shown = schema.get("examples") or schemas.get(name, {}).get("examples", [])
    if shown:
        media["examples"] = {f"{name}-{number}": {"value": one} for number, one in enumerate(shown, 1)}


def _named(schema: Json) -> str:
    """Return the name of the schema a body has; of those it may have, the first."""
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            return str(one["$ref"]).rpartition("/")[2]
    return ""
