"""Reviews as they go over the wire."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spectra.reasons import Verdict

from ..benches.models import Moment, Name, Text
from ..paging import PageQuery
from .marks import Outcome, ReviewKind, ReviewMark

Words = Annotated[str, Field(max_length=2000)]

_LABORATORY: dict[str, Any] = {
    "outcome": "laboratory",
    "confirmed": True,
    "note": "Fentanyl, about 8 %.",
    "laboratory": {
        "substance": "fentanyl",
        "method": "GC-MS",
        "reference": "LAB-2026-0117",
        "at": "2026-11-24T09:00:00Z",
    },
}


class AskBody(BaseModel):
    """A question to a technician."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"question": "Two substances under one band?"}]},
    )

    question: Words = ""


class Laboratory(BaseModel):
    """What a laboratory found."""

    model_config = ConfigDict(extra="forbid", strict=True)

    substance: Text = Field("", description="What was found; empty where nothing alarming was.")
    method: Name = Field(examples=["GC-MS"])
    reference: Text = Field("", description="The laboratory's own number.")
    at: Moment


class AnswerBody(BaseModel):
    """What somebody says who looked. It is kept as it is; a later answer is another record."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [_LABORATORY, {"outcome": "agree", "note": "Bands fit."}]},
    )

    outcome: Outcome
    note: Words = ""
    confirmed: bool | None = Field(
        None,
        description="With a laboratory result: whether an alarming substance was found, whatever the "
        "screening said; null while the laboratory does not know yet.",
    )
    laboratory: Laboratory | None = None

    @model_validator(mode="after")
    def _fits(self) -> "AnswerBody":
        if (self.outcome == "laboratory") != (self.laboratory is not None):
            raise ValueError(
                "a laboratory's result comes with the outcome laboratory, and the other way round"
            )
        if self.laboratory is None and self.confirmed is not None:
            raise ValueError("only a laboratory confirms")
        if self.laboratory is not None and self.confirmed and not self.laboratory.substance.strip():
            raise ValueError("name the substance that the laboratory found")
        if self.outcome in {"overrule", "note"} and not self.note.strip():
            raise ValueError("say why in the note")
        return self


class AnswerView(BaseModel):
    """An answer that was given."""

    answer_id: str
    outcome: Outcome
    confirmed: bool | None
    laboratory: Laboratory | None
    note: str
    token_id: str = Field(description="Token of who answered.")
    at: str


class ReviewView(ReviewMark):
    """A call to look at a result or screening. Findings stand whatever is answered."""

    screening_id: str
    parcel_id: str
    item_id: str
    site: str
    bench: str
    verdict: Verdict | None = Field(description="Of the result, or of the screening's finding.")
    training: bool
    emulated: bool
    asked_by: str
    question: str
    chance: float | None = Field(description="With which it was drawn; null for what no draw made.")
    age_s: float = Field(description="How long it has been open, or was, s.")
    due_at: str
    overdue: bool = Field(description="Open after it was due.")
    answers: list[AnswerView]


class ReviewPage(BaseModel):
    """A page of reviews."""

    items: list[ReviewView]
    next_cursor: str | None


class ReviewQuery(PageQuery):
    """Which reviews."""

    open: bool | None = Field(None, description="Only those that wait for an answer, or only the others.")
    kind: ReviewKind | None = None
    site: Annotated[str, Field(max_length=64)] = ""
