"""Results as they go over the wire."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from spectra.reasons import Verdict

from ...contract import Identification
from ..flags.models import FlagMark
from ..paging import PageQuery
from ..reviews.marks import ReviewMark

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DeviceRecord(BaseModel):
    """The instrument that measured."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str = Field(max_length=256)
    serial: str = Field(max_length=256)
    firmware: str = Field("", max_length=256)
    url: str = Field("", max_length=2048)
    emulated: bool = False


class ResultBody(BaseModel):
    """An identification for a screening."""

    model_config = ConfigDict(extra="forbid", strict=True)

    screening_id: Annotated[UUID, Field(strict=False)]
    scan_id: Digest
    identification: Identification
    device: DeviceRecord
    operator: Annotated[str, Field(max_length=128)] | None = None


class ResultView(BaseModel):
    """An identification that was accepted. It is never changed."""

    result_id: str
    screening_id: str
    parcel_id: str = Field(
        description="The parcel as it was linked when the result came; the screening says to which it "
        "belongs now."
    )
    scan_id: str
    sandbox: bool = Field(description="Of a sandbox parcel: simulated, and counted nowhere.")
    verdict: Verdict
    presumptive: Literal[True] = True
    training: bool = Field(description="Made with a training method: not for real parcels.")
    emulated: bool = Field(description="Made on an emulated instrument.")
    late: bool = Field(description="Came after the screening was completed.")
    identification: Identification
    device: DeviceRecord
    operator: str | None = Field(description="Not shown to parcel systems.")
    under_review: bool = Field(description="Somebody has to look again; the verdict stands meanwhile.")
    flags: list[FlagMark] = Field(description="Why, the oldest first; not shown to parcel systems.")
    reviews: list[ReviewMark] = Field(description="Calls to look at it, and what came of them.")
    received_at: str


class ResultPage(BaseModel):
    """A page of results."""

    items: list[ResultView]
    next_cursor: str | None


class ResultQuery(PageQuery):
    """Which results."""

    parcel_id: UUID | None = None
    screening_id: UUID | None = None
