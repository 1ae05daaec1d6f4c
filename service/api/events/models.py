"""Events as they go over the wire."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..paging import MOST, USUAL
from .catalogue import KINDS


class EventView(BaseModel):
    """A link of the chain. Its hash is the SHA-256 of the RFC 8785 form of its other fields.

    Where ``redacted`` stands, data were left out for the role that asks, and the hash is that of the whole.
    """

    seq: int
    type: str = Field(examples=["screening.completed"])
    at: str
    actor: str
    subject: str = Field(examples=["screenings/6d7c7a0e-6a50-4d1d-a0f3-8a6f3f1f2d11"])
    data: dict[str, Any]
    prev_hash: str
    hash: str
    redacted: Literal[True] | None = Field(None, description="Only there where data were left out.")


class RedactedEvent(BaseModel):
    """An event that does not concern the role that asks: a link of the chain without its content."""

    seq: int
    type: Literal["internal"] = "internal"
    at: str
    prev_hash: str
    hash: str
    redacted: Literal[True] = True


class EventPage(BaseModel):
    """A page of events, and where the chain ends."""

    items: list[EventView | RedactedEvent]
    next_after: int = Field(description="Ask for events after this one next.")
    head_seq: int = Field(description="Number of the last event there is.")
    head_hash: str = Field(description="Its hash.")


def known_kinds(types: list[str]) -> list[str]:
    """Return kinds of events; raises ValueError for one that is none."""
    for one in types:
        if one not in KINDS:
            raise ValueError(f"{one!r} is no kind of event; see GET /api/v1/events/catalogue")
    return types


class EventQuery(BaseModel):
    """Which events."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(0, ge=0, le=2**53, description="Number of the last event you have.")
    limit: int = Field(USUAL, ge=1, le=MOST)
    type: list[str] = Field(
        [],
        max_length=100,
        description="Only these kinds; may be given several times. Numbers then have gaps.",
    )
    subject: str = Field(
        "",
        max_length=256,
        description="Only those about this.",
        examples=["parcels/6d7c7a0e-6a50-4d1d-a0f3-8a6f3f1f2d11"],
    )

    _types = field_validator("type")(known_kinds)


class StreamQuery(BaseModel):
    """Which events a stream carries."""

    model_config = ConfigDict(extra="forbid")

    after: int | None = Field(
        None, ge=0, le=2**53, description="Number of the last event you have; without it from now on."
    )
    type: list[str] = Field([], max_length=100, description="Only these kinds; may be given several times.")

    _types = field_validator("type")(known_kinds)
