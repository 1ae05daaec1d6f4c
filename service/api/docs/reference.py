"""Every operation, for a reader: from the OpenAPI document and the table of permissions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..permissions import PERMISSIONS
from .document import Json, operations


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A parameter, or a member of a body."""

    name: str
    """As it is written."""
    where: str
    """path, query, header or body."""
    kind: str
    """Type, in a few words."""
    needed: bool
    """Whether it must be there."""
    text: str
    """What it means."""


@dataclass(frozen=True, slots=True)
class OperationLine:
    """An operation."""

    name: str
    """Its name in the table of permissions."""
    method: str
    """In capitals."""
    path: str
    """Path, with names in braces."""
    summary: str
    """In a few words."""
    text: tuple[str, ...]
    """Paragraphs."""
    roles: str
    """Who may."""
    fields: tuple[FieldLine, ...]
    """What it takes."""
    asked: str
    """Example of a body, JSON; empty for none."""
    answers: tuple[tuple[str, str], ...]
    """Status and what it means."""
    answered: str
    """Example of an answer, JSON; empty for none."""


@dataclass(frozen=True, slots=True)
class Group:
    """Operations about one thing."""

    name: str
    """Tag."""
    text: str
    """What it is about."""
    operations: tuple[OperationLine, ...]
    """In the order of the routes."""


def reference(document: Json) -> tuple[Group, ...]:
    """Return all operations, group by group."""
    schemas = document["components"]["schemas"]
    lines: dict[str, list[OperationLine]] = {}
    for method, path, operation in operations(document):
        lines.setdefault(operation["tags"][0], []).append(_line(method, path, operation, schemas))
    return tuple(
        Group(tag["name"], tag["description"], tuple(lines[tag["name"]])) for tag in document["tags"]
    )


def _line(method: str, path: str, operation: Json, schemas: Json) -> OperationLine:
    name = operation["operationId"]
    roles = PERMISSIONS.get(name)
    body = operation.get("requestBody", {}).get("content", {})
    good = [one for status, one in operation["responses"].items() if status.startswith("2")]
    return OperationLine(
        name=name,
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        text=tuple(" ".join(one.split()) for one in operation.get("description", "").split("\n\n")),
        roles="everybody, without a token" if roles is None else ", ".join(sorted(roles)),
        fields=(*_parameters(operation), *_members(body, schemas)),
        asked=_example(body),
        answers=tuple((status, one["description"]) for status, one in operation["responses"].items()),
        answered=next((shown for one in good if (shown := _example(one.get("content", {})))), ""),
    )


def _parameters(operation: Json) -> Iterator[FieldLine]:
    for one in operation.get("parameters", ()):
        schema = one.get("schema", {})
        text = one.get("description") or schema.get("description", "")
        yield FieldLine(one["name"], one["in"], _kind(schema), one.get("required", False), text)


def _members(content: Json, schemas: Json) -> Iterator[FieldLine]:
    for media, told in content.items():
        schema = _resolved(told.get("schema", {}), schemas)
        if "properties" not in schema:
            yield FieldLine(media, "body", _kind(schema), True, schema.get("description", ""))
        for name, member in schema.get("properties", {}).items():
            text = member.get("description") or _resolved(member, schemas).get("description", "")
            needed = name in schema.get("required", ())
            yield FieldLine(name, "body", _kind(member), needed, " ".join(text.split()))


def _resolved(schema: Json, schemas: Json) -> Json:
    """Return a schema, or the one it refers to; of those that may be, the first that is one."""
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            found: Json = schemas[one["$ref"].rpartition("/")[2]]
            return found
    return schema


def _kind(schema: Json) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    form = schema.get("format") or schema.get("pattern", "")
    return " ".join(filter(None, (str(schema.get("type", "anything")), form)))


def _example(content: Json) -> str:
    media: dict[str, Any] = content.get("application/json", {})
    if "example" in media:
        return _shown(media["example"])
    return next((_shown(one["value"]) for one in media.get("examples", {}).values()), "")


def _shown(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
