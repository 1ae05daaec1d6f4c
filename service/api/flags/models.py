"""Flags as they go over the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ..benches.models import Digest, Moment
from ..paging import PageQuery
from ..verifications.models import DeviceKey

#: Results one flag names at most; a bench sends several flags for more.
MAX_RESULTS = 1000

_EXAMPLE: dict[str, Any] = {
    "flag_id": "0f6d2c1e-2b1e-4a53-9f0e-6f3a5f1f2d11",
    "reason": "verification_failed",
    "device": "STS/STS00123",
    "verification": "a" * 64,
    "since": "2026-11-21T08:00:00Z",
    "until": "2026-11-22T08:00:00Z",
    "result_ids": ["6d7c7a0e-6a50-4d1d-a0f3-8a6f3f1f2d11"],
}


class FlagBody(BaseModel):
    """Results that a failed verification makes doubtful."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [_EXAMPLE]})

    flag_id: Annotated[UUID, Field(strict=False)]
    reason: Literal["verification_failed"]
    device: DeviceKey
    verification: Digest = Field(description="Scan of the verification that failed.")
    since: Moment | Literal[""] = Field(description="The last one that passed; empty for never.")
    until: Moment = Field(description="When it failed.")
    result_ids: Annotated[
        list[Annotated[UUID, Field(strict=False)]], Field(min_length=1, max_length=MAX_RESULTS)
    ]


class FlagView(BaseModel):
    """A call to look at results again. No finding changes by it: an alarm stays an alarm."""

    flag_id: str
    reason: str
    device: str
    verification: str
    since: str
    until: str
    raised_at: str
    result_ids: list[str] = Field(description="Results that are under review, or were.")
    unknown: list[str] = Field(description="Not arrived yet; they count as soon as they do.")
    foreign: list[str] = Field(description="Of another instrument or bench: the flag does not touch them.")
    reviewed_at: str | None = Field(description="Null while it is open.")
    reviewed_by: str | None = Field(description="Token of the reviewer.")
    note: str | None


class FlagMark(BaseModel):
    """A flag, as a result carries it."""

    flag_id: str
    reason: str
    verification: str
    at: str
    reviewed_at: str | None


class FlagPage(BaseModel):
    """A page of flags."""

    items: list[FlagView]
    next_cursor: str | None


class FlagQuery(PageQuery):
    """Which flags."""

    open: bool | None = Field(None, description="Only those nobody has reviewed, or only the others.")
    device: str = Field("", max_length=513, description="Only those of this instrument: model/serial.")


class ReviewBody(BaseModel):
    """What came of a review."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"note": "Both samples rescanned."}]}
    )

    note: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]
