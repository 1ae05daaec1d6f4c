"""Whole numbers in bodies: JSON has one kind of number, and 310.0 is a whole one."""

from typing import Any

from pydantic import BeforeValidator


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: For integers of strict models (JSON Schema 2020-12, Core, 4.2.2: 1.0 and 1 are the same value).
WHOLE = BeforeValidator(_whole)
