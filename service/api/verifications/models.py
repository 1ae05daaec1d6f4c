"""Verifications as they go over the wire."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..benches.models import BenchName, Moment, Text
from ..events.chain import canonical
from ..paging import PageQuery

#: Deepest nesting of an outcome; verifications have three levels.
MAX_DEPTH = 12


def _bounded(value: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner = [one for part in level for one in (part.values() if isinstance(part, dict) else part)]
        level = [one for one in inner if isinstance(one, dict | list)]
        if not level:
            # Whatever has no canonical form (NaN, integers beyond 2**53) raises here.
            canonical(value)
            return value
    raise ValueError(f"an outcome has at most {MAX_DEPTH} levels")


DeviceKey = Annotated[
    str,
    Field(
        pattern=r"^[^\r\n]*/[^\r\n]+$",
        max_length=513,
        description="Model and serial number of the instrument.",
        examples=["STS/STS00123"],
    ),
]
Outcome = Annotated[dict[str, Any], AfterValidator(_bounded)]

_EXAMPLE: dict[str, Any] = {
    "device": "STS/STS00123",
    "standard": "polystyrene",
    "passed": False,
    "at": "2026-11-22T08:00:00Z",
    "outcome": {"schema": "opioscan.verification/1", "passed": False, "worst_cm1": 3.1, "limit_cm1": 2.0},
    "bench": "bench-3",
}


class VerificationBody(BaseModel):
    """What a bench found when it checked an instrument."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [_EXAMPLE]})

    device: DeviceKey
    standard: Text = Field(description="What stood before the probe; empty where nothing did.")
    passed: bool
    at: Moment = Field(description="When, by the bench's clock.")
    outcome: Outcome = Field(description="Numbers and limits, as the bench keeps them.")
    bench: BenchName


class VerificationView(BaseModel):
    """A verification that was told of."""

    scan_id: str
    device: str
    standard: str
    passed: bool
    at: str
    outcome: dict[str, Any]
    bench: str
    received_at: str


class VerificationPage(BaseModel):
    """A page of verifications."""

    items: list[VerificationView]
    next_cursor: str | None


class VerificationQuery(PageQuery):
    """Which verifications."""

    device: str = Field("", max_length=513, description="Only those of this instrument: model/serial.")
    passed: bool | None = Field(None, description="Only those that passed, or that did not.")
