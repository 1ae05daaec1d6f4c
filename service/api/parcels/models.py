"""Parcels as they go over the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..paging import PageQuery
from ..s10 import ItemIdType, Label, read_label
from ..screenings.models import FindingView

ItemId = Annotated[
    str,
    Field(
        max_length=64,
        description="As scanned; spaces and lower case are tolerated.",
        examples=["RB473124829US"],
    ),
]


class LabelBody(BaseModel):
    """An item identifier and whose it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    item_id: ItemId
    item_id_type: Annotated[ItemIdType, Field(strict=False)] = ItemIdType.S10

    def label(self) -> Label:
        """Return the identifier, read."""
        return read_label(self.item_id, self.item_id_type)


class ParcelBody(LabelBody):
    """A parcel to register."""


class ParcelView(BaseModel):
    """A parcel. What was found in it is presumptive, and nothing found is never "safe"."""

    parcel_id: str
    item_id: str
    item_id_type: ItemIdType
    provisional: bool = Field(description="The label is bad or missing; a person has to look at it.")
    label_problem: str | None
    status: Literal["not_screened", "open", "complete"]
    training: bool = Field(description="A training method had a part in the finding.")
    finding: FindingView | None = Field(description="The gravest of all screenings that stand.")
    created_at: str
    under_review: bool = Field(
        description="Somebody has to look at one of its results again; the finding stands meanwhile."
    )


class ParcelPage(BaseModel):
    """A page of parcels."""

    items: list[ParcelView]
    next_cursor: str | None


class ParcelQuery(PageQuery):
    """Which parcels."""

    item_id: str = Field("", max_length=64, description="Only those with this label; it may be reused.")
