"""What results and screenings tell of their reviews, in short."""

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ..tables import Result, Review

ReviewKind = Literal["referral", "alarm", "negative_check"]
Outcome = Literal["agree", "overrule", "note", "laboratory"]

_OF_SCREENINGS = (
    select(Review)
    .where(Review.screening_id.in_(bindparam("screenings", expanding=True)))
    .order_by(Review.row)
)


class ReviewMark(BaseModel):
    """A review in short. Whatever it says, no finding becomes less grave by it."""

    review_id: str
    kind: ReviewKind
    result_id: str | None = Field(description="Null where it is about the whole screening.")
    open: bool
    outcome: Outcome | None = Field(description="Of the latest answer.")
    confirmed: bool | None = Field(
        description="Whether a laboratory found an alarming substance; null for not known."
    )
    asked_at: str
    closed_at: str | None


def marks_of_results(session: Session, results: Sequence[Result]) -> dict[str, list[ReviewMark]]:
    """Return the reviews of results, those of their whole screenings too, the oldest first."""
    screenings = list({one.screening_id for one in results})
    by_screening: dict[str, list[Review]] = {}
    for review in session.scalars(_OF_SCREENINGS, {"screenings": screenings}):
        by_screening.setdefault(review.screening_id, []).append(review)
    return {
        one.result_id: _marks(
            review
            for review in by_screening.get(one.screening_id, ())
            if review.result_id in {None, one.result_id}
        )
        for one in results
    }


def reviews_of(session: Session, result_id: str) -> list[ReviewMark]:
    """Return the reviews of one result, those of its whole screening too, the oldest first."""
    results = session.scalars(select(Result).where(Result.result_id == result_id)).all()
    return marks_of_results(session, results).get(result_id, [])


def reviews_of_screening(session: Session, screening_id: str) -> list[ReviewMark]:
    """Return the reviews of a screening and its results, the oldest first."""
    wanted = select(Review).where(Review.screening_id == screening_id).order_by(Review.row)
    return _marks(session.scalars(wanted))


def _marks(reviews: Iterable[Review]) -> list[ReviewMark]:
    names = ("review_id", "kind", "result_id", "outcome", "confirmed", "asked_at", "closed_at")
    return [
        ReviewMark.model_validate(
            {"open": one.closed_at is None, **{name: getattr(one, name) for name in names}}
        )
        for one in reviews
    ]
