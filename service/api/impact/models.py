"""What depends on what, as it goes over the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from spectra.reasons import Verdict

from ...uses import MAX_VALUE, MIN_PREFIX
from ..benches.models import Moment
from ..paging import PageQuery

Kind = Literal["calibration", "device", "reference", "method", "library", "recipe", "blank"]
Value = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_VALUE,
        description="Its name: a digest, or at least "
        f"{MIN_PREFIX} digits that only one begins with; `model/serial` or a serial number; `name@version`.",
    ),
]


class ImpactQuery(PageQuery):
    """What is asked for."""

    kind: Kind
    value: Value
    since: Moment | Literal[""] = Field(
        "", description="Only scans made then or later, by the bench's clock."
    )
    until: Moment | Literal[""] = Field("", description="Only scans made before then.")


class CandidateQuery(BaseModel):
    """A name whose kind is not known."""

    model_config = ConfigDict(extra="forbid")

    value: Value
    kind: Kind | None = None


class ImpactLine(BaseModel):
    """A result that depends on it."""

    result_id: str
    scan_id: str
    screening_id: str
    parcel_id: str
    item_id: str = Field(description="Of the parcel; empty without a label.")
    verdict: Verdict
    device: str = Field(description="Model and serial number.")
    at: str = Field(description="When the scan was made, by the bench's clock.")
    why: str = Field(description="What part it had: axis, verification, component, ranking, blank, …")
    training: bool
    emulated: bool
    under_review: bool


class ImpactPage(BaseModel):
    """A page of results that depend on one thing, in the order in which they were measured."""

    kind: Kind
    value: str = Field(description="Its whole name.")
    total: int = Field(description="How many there are in all, without paging.")
    not_indexed: int = Field(
        description="Results of which it is not known, whatever their time: blanks were not noted at first."
    )
    items: list[ImpactLine]
    next_cursor: str | None


class Candidate(BaseModel):
    """A thing that a name can stand for."""

    kind: Kind
    value: str
    results: int = Field(description="How many results depend on it.")


class CandidateList(BaseModel):
    """Everything a name can stand for, at most 20 of a kind."""

    items: list[Candidate]
