"""Screenings and findings as they go over the wire."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from spectra.agreement import Agreement
from spectra.reasons import Verdict

from ..reviews.marks import ReviewMark
from ..s10 import ItemIdType


class State(StrEnum):
    """State of a screening."""

    OPEN = "open"
    COMPLETE = "complete"
    SUPERSEDED = "superseded"


class AttemptView(BaseModel):
    """An attempt at a spot of the item, and what it said by itself."""

    spot: int
    attempt: int
    technique: str
    scan_id: str
    verdict: Verdict
    reasons: list[str]


class TechniqueView(BaseModel):
    """What all scans with one technique say together."""

    technique: str
    verdict: Verdict
    substances: list[str] = Field(description="Alarming substances it names.")
    classes: list[str] = Field(description="Classes it alarms on.")
    spots: list[int]
    scan_ids: list[str]


class FindingView(BaseModel):
    """What all scans of one visit say together."""

    verdict: Verdict
    outward: Literal["hold", "refer", "no_hold_requested"] | None = Field(
        description="What the parcel system is asked; null while the screening is open and nothing alarmed."
    )
    reasons: list[str]
    techniques: list[str]
    substances: list[str] = Field(description="Alarming substances by name.")
    presumptive: Literal[True] = Field(True, description="Laboratory confirmation is always due.")
    provisional: bool = Field(description="The screening is still open.")
    training: bool = Field(description="A training method had a part in this: not for real parcels.")
    emulated: bool = Field(description="An emulated instrument had a part in this.")
    by_technique: list[TechniqueView] = Field([], description="What each technique says by itself.")
    agreement: Agreement | None = Field(
        None, description="How the techniques stand to each other; null in findings made before this field."
    )
    agreement_text: str = Field(
        "", description="The same in a sentence: Raman and infrared are both vibrational techniques."
    )
    carried_by: list[AttemptView] = Field([], description="Attempts the verdict rests on.")
    superseded: list[AttemptView] = Field(
        [], description="Inconclusive attempts at spots where another attempt has an answer."
    )
    unanswered: list[AttemptView] = Field(
        [], description="Inconclusive attempts at spots without any answer, also beside an alarm."
    )


class ResultSummary(BaseModel):
    """A result in short."""

    result_id: str
    scan_id: str
    verdict: Verdict
    reasons: list[str]
    technique: str
    training: bool
    emulated: bool
    received_at: str
    under_review: bool


class ScreeningView(BaseModel):
    """One visit of a parcel to the benches."""

    screening_id: str
    parcel_id: str
    item_id: str
    item_id_type: ItemIdType
    bench: str
    site: str
    operation_id: str | None = Field(description="Operation it counts in, by site and time of its opening.")
    state: State
    sandbox: bool = Field(description="Of a sandbox parcel: simulated, and counted nowhere.")
    training: bool
    finding: FindingView | None
    results: list[ResultSummary]
    opened_at: str
    completed_at: str | None
    under_review: bool = Field(
        description="Somebody has to look at one of its results again; the finding stands meanwhile."
    )
    reviews: list[ReviewMark] = Field(description="Calls to look at it, and what came of them.")


Bench = Annotated[str, Field(min_length=1, max_length=128, examples=["bench-3"])]
Site = Annotated[
    str,
    Field(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$",
        max_length=64,
        description="Site of the bench; empty for not told.",
        examples=["ISC-JFK"],
    ),
]
