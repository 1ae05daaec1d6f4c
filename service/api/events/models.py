"""Events as they go over the wire."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..paging import MOST, USUAL


class EventView(BaseModel):
    """A link of the chain. Its hash is the SHA-256 of the RFC 8785 form of its other fields."""

    seq: int
    type: str = Field(examples=["screening.completed"])
    at: str
    actor: str
    subject: str = Field(examples=["screenings/6d7c7a0e-6a50-4d1d-a0f3-8a6f3f1f2d11"])
    data: dict[str, Any]
    prev_hash: str
    hash: str


class EventPage(BaseModel):
    """A page of events, and where the chain ends."""

    items: list[EventView]
    next_after: int = Field(description="Ask for events after this one next.")
    head_seq: int = Field(description="Number of the last event there is.")
    head_hash: str = Field(description="Its hash.")


class EventQuery(BaseModel):
    """Which events."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(0, ge=0, le=2**53, description="Number of the last event you have.")
    limit: int = Field(USUAL, ge=1, le=MOST)
