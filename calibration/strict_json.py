"""Frozen values from JSON, strictly: nothing missing, nothing unknown, nothing of another kind."""

import json
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from .errors import RecordDamaged

T = TypeVar("T")

#: Put above every dataclass that is read from JSON: no field more than it has, no number that is none.
strict = with_config(ConfigDict(extra="forbid", allow_inf_nan=False, strict=True))


def to_json(value: object, schema: str) -> dict[str, Any]:
    """Return a frozen dataclass as JSON values, its schema first."""
    return {"schema": schema, **_adapter(type(value)).dump_python(value, mode="json")}


def from_json(kind: type[T], schema: str, value: object) -> T:
    """Read a frozen dataclass from JSON values.

    Raises
    ------
    RecordDamaged
        Another schema, or a field is missing, unknown, out of range or of another kind.
    """
    if not isinstance(value, dict) or value.get("schema") != schema:
        raise RecordDamaged(f"this is no record of {schema}")
    fields = {name: part for name, part in value.items() if name != "schema"}
    try:
        # By way of a text: read so, a list is a tuple, and nothing else is let through for another.
        read: T = _adapter(kind).validate_json(json.dumps(fields, allow_nan=False))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise RecordDamaged(f"a record of {schema} is damaged: {where}: {first['msg']}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordDamaged(f"a record of {schema} is damaged: {error}") from error
    return read


_adapters: dict[str, TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return what reads and writes a kind of value; made once, because making one takes milliseconds."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    if name not in _adapters:
        _adapters[name] = TypeAdapter(kind)
    return _adapters[name]
