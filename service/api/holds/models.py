"""Legal holds as they go over the wire."""

from pydantic import BaseModel, ConfigDict, Field


class LegalHoldBody(BaseModel):
    """Why personal data of a parcel are kept."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"why": "Case 26-118"}]})

    why: str = Field(
        min_length=1,
        max_length=1000,
        pattern=r"^[^\x00]*\S[^\x00]*$",
        description="A case number, a request.",
    )


class LegalHoldView(BaseModel):
    """A legal hold. It has nothing to do with a finding: no word of it goes to parcel systems."""

    hold_id: str
    parcel_id: str
    why: str
    placed_at: str
    placed_by: str
    lifted_at: str | None
    lifted_by: str | None
