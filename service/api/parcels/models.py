"""Parcels as they go over the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from ..dispositions.models import DispositionView
from ..paging import PageQuery
from ..s10 import ItemIdType, Label, read_label
from ..screenings.models import FindingView
from .advance import ADVANCE_EXAMPLE, Advance, Site

#: Parcels one request may register (chosen: they keep the one writer busy for about a second).
MOST_AT_ONCE = 500

ItemId = Annotated[
    str,
    Field(
        max_length=64,
        # PostgreSQL keeps no NUL in a text.
        pattern=r"^[^\x00]*$",
        description="As scanned; spaces and lower case are tolerated.",
        examples=["RB473124829US"],
    ),
]
Status = Literal["not_screened", "open", "queued_offline", "complete", "merged"]

STATUS_WORDS: dict[Status, str] = {
    "not_screened": "Nothing has arrived here of any screening. A bench that is cut off may have one.",
    "open": "A screening began and is not completed; its bench is in reach.",
    "queued_offline": "A screening began, and its bench says that it has not sent everything yet, or is out "
    "of reach: results are still to come.",
    "complete": "Every screening that stands is completed, and the finding is whole.",
    "merged": "A provisional parcel that turned out to be another one: `merged_into` says which.",
}


class LabelBody(BaseModel):
    """An item identifier and whose it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    item_id: ItemId
    item_id_type: Annotated[ItemIdType, Field(strict=False)] = ItemIdType.S10

    def label(self) -> Label:
        """Return the identifier, read."""
        return read_label(self.item_id, self.item_id_type)


_PARCEL: dict[str, Any] = {"item_id": "RB473124829US", "item_id_type": "s10", "advance": ADVANCE_EXAMPLE}


class ParcelBody(LabelBody):
    """A parcel to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PARCEL]})

    advance: Advance | None = Field(
        None, description="A parcel that is known already takes it only where it has none yet."
    )


class ParcelPatch(BaseModel):
    """What changes of a parcel's advance data: fields that are not named stay, null takes a value away.

    Values that are objects or lists are replaced whole.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"advance": {"risk": {"score": 0.35, "source": "targeting-2"}, "weight_g": 305}}]
        },
    )

    advance: Advance


#: Anything, so that one parcel that does not fit is refused alone.
_Item = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [{"$ref": "#/components/schemas/ParcelBody"}, {}],
            "description": "A ParcelBody. What is none is refused by itself, with a problem.",
        }
    ),
]


class BulkBody(BaseModel):
    """Parcels to register in one go."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        _PARCEL,
                        {"item_id": "1Z 999 AA1 01 2345 6784", "item_id_type": "carrier"},
                        {"item_id": "RB473124820US"},
                    ]
                }
            ]
        },
    )

    items: Annotated[list[_Item], Field(min_length=1, max_length=MOST_AT_ONCE)]


class ParcelView(BaseModel):
    """A parcel. What was found in it is presumptive, and nothing found is never "safe"."""

    parcel_id: str
    item_id: str
    item_id_type: ItemIdType
    provisional: bool = Field(description="The label is bad or missing; a person has to look at it.")
    label_problem: str | None
    sandbox: bool = Field(description="Made to try things out; simulated, and counted nowhere.")
    status: Status = Field(description=" ".join(f"`{name}`: {words}" for name, words in STATUS_WORDS.items()))
    merged_into: str | None = Field(description="The parcel this provisional one turned out to be.")
    training: bool = Field(description="A training method had a part in the finding.")
    finding: FindingView | None = Field(description="The gravest of all screenings that stand.")
    disposition: DispositionView | None = Field(
        description="What the parcel system says became of it; the one that stands."
    )
    advance: Advance | None = Field(
        description="Shown to people, to benches without the sender, and to the parcel system that sent it; "
        "null for others, and where nothing was sent."
    )
    created_at: str
    under_review: bool = Field(
        description="Somebody has to look at one of its results again; the finding stands meanwhile."
    )


class ParcelPage(BaseModel):
    """A page of parcels."""

    items: list[ParcelView]
    next_cursor: str | None


class Refusal(BaseModel):
    """Why one parcel of many was not registered."""

    code: str = Field(examples=["invalid"])
    detail: str = Field(examples=["item_id: Field required"])


class BulkOutcome(BaseModel):
    """What became of one parcel of many."""

    index: int = Field(description="Its place in the request, from 0.")
    outcome: Literal["created", "known", "provisional", "refused"] = Field(
        description="`provisional` was created too, but a person has to look at its label."
    )
    parcel: ParcelView | None = Field(description="Null where it was refused.")
    problem: Refusal | None


class BulkView(BaseModel):
    """What became of many parcels, in the order of the request."""

    items: list[BulkOutcome]


class ParcelQuery(PageQuery):
    """Which parcels."""

    item_id: str = Field(
        "", max_length=64, pattern=r"^[^\x00]*$", description="Only those with this label; it may be reused."
    )


class QueueQuery(PageQuery):
    """Which parcels that wait."""

    site: Site | None = Field(
        None, description="Only those due there, and those of which nobody said where they are due."
    )


Why = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        pattern=r"^[^\x00]*\S[^\x00]*$",
        description="In words, for whoever asks later; kept outside the chain of events.",
    ),
]


class MergeBody(BaseModel):
    """Which parcel a provisional one turned out to be."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "into": "0b3e8c9e-6a50-4d1d-a0f3-8a6f3f1f2d11",
                    "why": "the torn label was found under the wrapping",
                }
            ]
        },
    )

    into: Annotated[UUID, Field(strict=False)]
    why: Why
