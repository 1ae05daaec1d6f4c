"""Reviews in the database."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..change import Change
from ..events.chain import canonical
from ..paging import take_page
from ..permissions import Role
from ..problems import Problem
from ..requests import Caller
from ..tables import Parcel, Result, Review, ReviewAnswer, Screening
from .marks import ReviewKind
from .models import AnswerBody, ReviewQuery


@dataclass(frozen=True, slots=True)
class Draw:
    """A number that was drawn, and below which it counts."""

    number: int
    """0 to 999,999, even."""
    chance_ppm: int
    """Numbers below this one are checked."""


def find_review(session: Session, review_id: str) -> Review | None:
    """Return a review by its id; None where there is none."""
    return session.scalar(select(Review).where(Review.review_id == review_id))


def answers_of(session: Session, review_ids: Sequence[str]) -> dict[str, list[ReviewAnswer]]:
    """Return the answers to reviews, the oldest first."""
    wanted = select(ReviewAnswer).where(ReviewAnswer.review_id.in_(review_ids)).order_by(ReviewAnswer.row)
    found: dict[str, list[ReviewAnswer]] = {}
    for answer in session.scalars(wanted):
        found.setdefault(answer.review_id, []).append(answer)
    return found


def list_reviews(session: Session, query: ReviewQuery) -> tuple[Sequence[Review], str | None]:
    """Return a page of reviews and the next cursor."""
    wanted = select(Review)
    if query.open is not None:
        wanted = wanted.where(Review.closed_at.is_(None) if query.open else Review.closed_at.is_not(None))
    if query.kind is not None:
        wanted = wanted.where(Review.kind == query.kind)
    if query.site:
        wanted = wanted.where(Review.site == query.site)
    return take_page(session, Review, wanted, query)


def is_sandbox(session: Session, parcel_id: str) -> bool:
    """Return whether a parcel is one an integrator tries things out with."""
    return bool(session.scalar(select(Parcel.sandbox).where(Parcel.parcel_id == parcel_id)))


def ask(
    change: Change,
    kind: ReviewKind,
    screening: Screening,
    *,
    result: Result | None = None,
    training: bool,
    emulated: bool,
    question: str = "",
    draw: Draw | None = None,
) -> Review:
    """Ask somebody to look at a result, or at a whole screening.

    Raises
    ------
    Problem
        The parcel is of a sandbox.
    """
    if is_sandbox(change.session, screening.parcel_id):
        raise Problem("not_reviewed", "this parcel is of the sandbox: nobody looks at it")
    review = Review(
        review_id=str(uuid.uuid4()),
        kind=kind,
        screening_id=screening.screening_id,
        result_id=None if result is None else result.result_id,
        site=screening.site,
        training=training,
        emulated=emulated,
        asked_by=change.actor,
        asked_at=change.now,
        question=question,
        salt=secrets.token_bytes(16),
        chance_ppm=None if draw is None else draw.chance_ppm,
    )
    change.session.add(review)
    data = {
        name: getattr(review, name)
        for name in ("review_id", "kind", "screening_id", "result_id", "asked_by", "training", "emulated")
    }
    data["parcel_id"] = screening.parcel_id
    data["question_digest"] = bytes_digest(review.salt + question.encode()) if question else None
    if draw is not None:
        data |= {"draw": draw.number, "chance_ppm": draw.chance_ppm}
    change.record("review.requested", f"reviews/{review.review_id}", data)
    return review


def answer(change: Change, caller: Caller, review: Review, body: AnswerBody) -> ReviewAnswer:
    """Keep an answer to a review; what was answered before stays as it is.

    A review closes by the first answer that settles it, and stays closed.

    Raises
    ------
    Problem
        A supervisor (role admin) answers something else than an alarm.
    """
    if caller.role is Role.ADMIN and review.kind != "alarm":
        raise Problem("forbidden", "a supervisor acknowledges alarms; the rest is a technician's to answer")
    found = None if body.laboratory is None else canonical(body.laboratory.model_dump(mode="json"))
    row = ReviewAnswer(
        answer_id=str(uuid.uuid4()),
        review_id=review.review_id,
        outcome=body.outcome,
        confirmed=body.confirmed,
        laboratory=found,
        token_id=caller.token_id,
        at=change.now,
        note=body.note.strip(),
        salt=secrets.token_bytes(16),
    )
    change.session.add(row)
    review.outcome = row.outcome
    if body.confirmed is not None:
        review.confirmed = body.confirmed
    if review.closed_at is None and _settles(body):
        review.closed_at = change.now
    screening = change.session.scalars(
        select(Screening).where(Screening.screening_id == review.screening_id)
    ).one()
    data = {
        "review_id": review.review_id,
        "answer_id": row.answer_id,
        "screening_id": review.screening_id,
        "parcel_id": screening.parcel_id,
        "outcome": row.outcome,
        "confirmed": row.confirmed,
        "closed": review.closed_at is not None,
        "laboratory_digest": None if found is None else bytes_digest(found.encode()),
        "note_digest": bytes_digest(row.salt + row.note.encode()) if row.note else None,
    }
    change.record("review.answered", f"reviews/{review.review_id}", data)
    return row


def _settles(body: AnswerBody) -> bool:
    return body.outcome in {"agree", "overrule"} or (
        body.outcome == "laboratory" and body.confirmed is not None
    )
