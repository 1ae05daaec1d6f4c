"""Dispositions as they go over the wire."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ..benches.models import Moment

Decision = Literal["released", "held", "seized", "returned", "destroyed", "sent_to_laboratory"]
Compliant = Annotated[
    bool | None,
    Field(description="Whether the parcel kept to the rules, as far as is known; null for not known yet."),
]


class DispositionBody(BaseModel):
    """What was decided about a parcel, by whoever has the right to decide."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "decision": "seized",
                    "compliant": False,
                    "decided_at": "2026-11-22T12:00:00Z",
                    "reference": "CASE-2026-0815",
                    "note": "confirmed by the laboratory",
                }
            ]
        },
    )

    decision: Decision
    compliant: Compliant = None
    decided_at: Moment
    reference: str = Field(
        "", max_length=128, pattern=r"^[^\x00]*$", description="The parcel system's own name for the case."
    )
    note: str = Field(
        "", max_length=2000, pattern=r"^[^\x00]*$", description="In words; kept outside the chain of events."
    )
    supersedes: Annotated[UUID, Field(strict=False)] | None = Field(
        None, description="For a correction: the disposition that stands and was wrong."
    )


class DispositionView(BaseModel):
    """A disposition. The newest of a parcel stands, the others stay readable."""

    disposition_id: str
    parcel_id: str
    decision: Decision
    compliant: Compliant
    decided_at: str
    reference: str
    note: str | None = Field(description="Shown to people and to the parcel system that wrote it.")
    stands: bool = Field(description="Whether it is the one that counts.")
    supersedes: str | None = Field(description="The one that stood before.")
    recorded_at: str


class DispositionPage(BaseModel):
    """A page of dispositions."""

    items: list[DispositionView]
    next_cursor: str | None
