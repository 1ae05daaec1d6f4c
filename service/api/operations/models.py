"""Operations as they go over the wire."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from ..benches.models import Moment, Name
from ..paging import PageQuery

#: Sites of one operation at most (chosen).
MAX_SITES = 64

SITE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

SiteName = Annotated[str, Field(pattern=SITE, max_length=64, examples=["ISC-JFK"])]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Amount = Annotated[float, Field(gt=0.0, le=1e9)]

_EXAMPLE: dict[str, Any] = {
    "name": "Autumn mail",
    "sites": ["ISC-JFK"],
    "starts_at": "2026-11-01T00:00:00Z",
    "ends_at": "2026-12-01T00:00:00Z",
    "description": "Flat envelopes of two lanes.",
    "baseline": {"non_compliance_rate": 0.02, "screened_per_day": 40, "source": "lane report of October"},
    "targets": {"non_compliance_rate": 0.05, "screened_per_day": 120},
}


class Figures(BaseModel):
    """Figures an operation is held against; what is not known is left out."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    non_compliance_rate: Share | None = Field(None, description="Of parcels with a disposition that says so.")
    screened_per_day: Amount | None = Field(None, description="Parcels a day.")
    inconclusive_rate: Share | None = Field(None, description="Of the parcels screened.")
    median_time_to_result_s: Amount | None = Field(None, description="From opening to the first result, s.")


class Baseline(Figures):
    """What was before."""

    source: Annotated[str, Field(max_length=500, description="Where these figures come from.")] = ""

    @model_validator(mode="after")
    def _has_source(self) -> "Baseline":
        if self.model_dump(exclude={"source"}, exclude_none=True) and not self.source.strip():
            raise ValueError("a baseline names the source of its figures")
        return self


class OperationBody(BaseModel):
    """An operation to plan."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    sites: Annotated[list[SiteName], Field(min_length=1, max_length=MAX_SITES)]
    starts_at: Moment
    ends_at: Moment | None = Field(None, description="Null for no end yet; at this moment it is over.")
    description: Annotated[str, Field(max_length=2000)] = ""
    baseline: Baseline = Baseline()
    targets: Figures = Figures()
    takes_over: StrictBool = Field(
        False,
        description="Plan it although another operation runs at one of its sites at the same time: "
        "screenings count in the newer one then. Without this such a plan is refused.",
    )


class OperationChange(BaseModel):
    """What is to be changed of an operation; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ends_at": "2026-12-15T00:00:00Z"}]}
    )

    name: Name | None = None
    sites: Annotated[list[SiteName], Field(min_length=1, max_length=MAX_SITES)] | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = Field(None, description="Null given outright takes the end away.")
    description: Annotated[str, Field(max_length=2000)] | None = None
    baseline: Baseline | None = None
    targets: Figures | None = None
    takes_over: StrictBool | None = None


class OperationView(BaseModel):
    """An operation. Screenings stay in the operation they were opened in, whatever is changed later."""

    operation_id: str
    name: str
    sites: list[str]
    starts_at: str
    ends_at: str | None
    description: str
    baseline: Baseline
    targets: Figures
    takes_over: bool
    running: bool = Field(description="It has begun and is not over.")
    overlaps: list[str] = Field(
        description="Other operations at one of its sites at the same time; the newest counts there."
    )
    version: int
    created_at: str
    changed_at: str

    def plan(self) -> "OperationView":
        """Return what changes by a change alone, and neither by the clock nor by other operations."""
        return self.model_copy(update={"running": False, "overlaps": []})


class OperationPage(BaseModel):
    """A page of operations."""

    items: list[OperationView]
    next_cursor: str | None


class OperationQuery(PageQuery):
    """Which operations."""

    site: Annotated[str, Field(max_length=64, description="Only those at this site.")] = ""
    running: bool | None = Field(None, description="Only those that run now, or only the others.")
