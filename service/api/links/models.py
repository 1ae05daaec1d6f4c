"""Links as they go over the wire."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ..paging import PageQuery
from ..parcels.advance import Reference
from ..parcels.models import Why


class LinkBody(BaseModel):
    """To which parcel a screening really belongs."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "screening_id": "6d7c7a0e-6a50-4d1d-a0f3-8a6f3f1f2d11",
                    "parcel_id": "0b3e8c9e-6a50-4d1d-a0f3-8a6f3f1f2d11",
                    "reference": "SHIP-2026-000815",
                    "why": "two parcels were swapped on the bench; the officer's note tells which",
                }
            ]
        },
    )

    screening_id: Annotated[UUID, Field(strict=False)]
    parcel_id: Annotated[UUID, Field(strict=False)]
    reference: Reference | None = None
    why: Why


class LinkView(BaseModel):
    """A link between a screening and a parcel. The newest of a screening stands, the others stay readable."""

    link_id: str
    screening_id: str
    parcel_id: str
    reference: str | None = Field(description="The parcel system's own name for the parcel.")
    stands: bool = Field(description="Whether it is the one that counts.")
    supersedes: str | None = Field(description="The link that stood before; null for the one of the opening.")
    why: str | None = Field(description="Not shown to benches and parcel systems.")
    made_by: str = Field(description="Token, as events name it.", examples=["token:3f2b"])
    made_at: str


class LinkPage(BaseModel):
    """A page of links."""

    items: list[LinkView]
    next_cursor: str | None


class LinkQuery(PageQuery):
    """Which links."""

    parcel_id: UUID | None = None
    screening_id: UUID | None = None
