"""The queue of reviews, with a form to answer each."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.orm import Session

from spectra.reasons import Verdict

from ...fleet_words import minute
from ...words import WORDS
from ..clock import utc_now
from ..permissions import Role, allowed
from ..problems import Problem
from ..requests import Caller, ThePerson, TheStore
from ..reviews.models import AnswerBody, AnswerView, ReviewQuery, ReviewView
from ..reviews.repository import answer, list_reviews
from ..reviews.routes import known_review
from ..reviews.views import view_reviews
from .render import FROM_OUR_PAGES, render

router = APIRouter(include_in_schema=False)

#: Reviews on one page.
SHOWN = 25

#: Kind of review → what it asks for, in words.
KINDS = {
    "alarm": "Acknowledge an alarm",
    "referral": "Look at a result",
    "negative_check": "Have a negative checked by a laboratory",
}

_CONFIRMED = {"yes": True, "no": False, "": None}


class PageFilters(BaseModel):
    """What is shown of the queue."""

    model_config = ConfigDict(extra="forbid")

    all: bool = False
    kind: Annotated[str, Field(pattern=r"^(referral|alarm|negative_check)?$")] = ""
    site: Annotated[str, Field(max_length=64)] = ""
    cursor: Annotated[str, Field(max_length=128)] = ""

    def query(self) -> ReviewQuery:
        """Return the same as the API asks it."""
        chosen = {"kind": self.kind or None, "site": self.site, "cursor": self.cursor}
        return ReviewQuery.model_validate({**chosen, "open": None if self.all else True, "limit": SHOWN})

    def link(self, cursor: str) -> str:
        """Return the address of the page after this one."""
        every = "all=1&" if self.all else ""
        return f"/reviews?{every}kind={self.kind}&site={self.site}&cursor={cursor}"


class AnswerForm(BaseModel):
    """What the form of a review says."""

    model_config = ConfigDict(extra="forbid")

    outcome: Annotated[str, Field(max_length=16)]
    note: Annotated[str, Field(max_length=2000)] = ""
    confirmed: Annotated[str, Field(pattern=r"^(yes|no)?$")] = ""
    substance: Annotated[str, Field(max_length=128)] = ""
    method: Annotated[str, Field(max_length=128)] = ""
    reference: Annotated[str, Field(max_length=128)] = ""

    def body(self) -> AnswerBody:
        """Return the same as the API takes it.

        Raises
        ------
        Problem
            The fields do not fit together; what a laboratory found is never left out.
        """
        if self.outcome != "laboratory" and any(
            (self.confirmed, self.substance, self.method, self.reference)
        ):
            raise Problem("invalid", "answer: choose the result of a laboratory, or leave its fields empty")
        said: dict[str, object] = {"outcome": self.outcome, "note": self.note}
        if self.outcome == "laboratory":
            found = {"substance": self.substance, "method": self.method, "reference": self.reference}
            said |= {"confirmed": _CONFIRMED[self.confirmed], "laboratory": {**found, "at": utc_now()}}
        try:
            return AnswerBody.model_validate(said)
        except ValidationError as error:
            first = error.errors()[0]
            where = "/".join(str(step) for step in first["loc"]) or "answer"
            raise Problem("invalid", f"{where}: {first['msg']}") from error


@dataclass(frozen=True, slots=True)
class Line:
    """A review in words."""

    review: ReviewView
    asks: str
    asked_at: str
    age: str
    due_at: str
    kind: str
    symbol: str
    words: str
    answers: tuple[tuple[AnswerView, str], ...]
    may_answer: bool


@router.get("/reviews")
def reviews_page(person: ThePerson, store: TheStore, filters: Annotated[PageFilters, Query()]) -> Response:
    """Show what waits for somebody to look, the longest first."""
    with store.database.read() as session:
        lines, after = _lines(session, filters, person)
    older = filters.link(after) if after else ""
    return render(
        "reviews.html", lines=lines, filters=filters, kinds=KINDS, older=older, role=person.role.value
    )


@router.post("/reviews/{review_id}", dependencies=[FROM_OUR_PAGES])
def answer_form(
    person: ThePerson, store: TheStore, review_id: UUID, form: Annotated[AnswerForm, Form()]
) -> Response:
    """Answer a review from the page."""
    body = form.body()
    with store.database.write(person.actor) as change:
        answer(change, person, known_review(change.session, review_id), body)
    return RedirectResponse("/reviews", 303)


def _lines(session: Session, filters: PageFilters, person: Caller) -> tuple[list[Line], str | None]:
    reviews, after = list_reviews(session, filters.query())
    return [_line(one, person) for one in view_reviews(session, reviews)], after


def _line(review: ReviewView, person: Caller) -> Line:
    told = None if review.verdict is None else WORDS[Verdict(review.verdict)]
    may = allowed("answer_form", person.role)
    return Line(
        review=review,
        asks=KINDS[review.kind],
        asked_at=minute(review.asked_at),
        age=age_words(review.age_s),
        due_at=minute(review.due_at),
        kind="none" if review.verdict is None else review.verdict.value,
        symbol="…" if told is None else told.symbol,
        words="NO FINDING" if told is None else told.word,
        answers=tuple((one, minute(one.at)) for one in review.answers),
        may_answer=may and (person.role is not Role.ADMIN or review.kind == "alarm"),
    )


def age_words(seconds: float | None) -> str:
    """Return a duration in words, coarse enough to be read at a glance."""
    if seconds is None:
        return "none"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min" if seconds >= 60 else f"{seconds:.0f} s"
    hours, days = minutes // 60, minutes // 1440
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{days} days"
