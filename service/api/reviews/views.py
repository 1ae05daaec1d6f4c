"""A review, seen with its screening and its answers."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..clock import utc_now, utc_text
from ..tables import Parcel, Result, Review, ReviewAnswer, Screening
from .models import AnswerView, ReviewView
from .repository import answers_of

#: When an answer is due, h (chosen: an alarm within the hour, a question within a day, a laboratory in two
#: weeks).
DUE_H = {"alarm": 1.0, "referral": 24.0, "negative_check": 14 * 24.0}


def view_reviews(session: Session, reviews: Sequence[Review]) -> list[ReviewView]:
    """Return reviews as they go over the wire."""
    answers = answers_of(session, [one.review_id for one in reviews])
    screenings = {
        screening.screening_id: (screening, item)
        for screening, item in session.execute(
            select(Screening, Parcel.item_id)
            .join(Parcel, Parcel.parcel_id == Screening.parcel_id)
            .where(Screening.screening_id.in_([one.screening_id for one in reviews]))
        )
    }
    named = [one.result_id for one in reviews if one.result_id]
    results = session.scalars(select(Result).where(Result.result_id.in_(named)))
    verdicts = {one.result_id: one.verdict for one in results}
    now = utc_now()
    return [
        _view(one, *screenings[one.screening_id], verdicts, answers.get(one.review_id, []), now)
        for one in reviews
    ]


def _view(
    review: Review,
    screening: Screening,
    item: str,
    verdicts: dict[str, str],
    answers: list[ReviewAnswer],
    now: str,
) -> ReviewView:
    asked = datetime.fromisoformat(review.asked_at)
    due_at = utc_text(asked + timedelta(hours=DUE_H[review.kind]))
    age = datetime.fromisoformat(review.closed_at or now) - asked
    names = ("review_id", "kind", "result_id", "outcome", "confirmed", "asked_at", "closed_at")
    more = ("screening_id", "site", "training", "emulated", "asked_by", "question")
    return ReviewView.model_validate(
        {
            **{name: getattr(review, name) for name in (*names, *more)},
            "open": review.closed_at is None,
            "parcel_id": screening.parcel_id,
            "item_id": item,
            "bench": screening.bench,
            "verdict": _verdict(review, screening, verdicts),
            "chance": None if review.chance_ppm is None else review.chance_ppm / 1e6,
            "age_s": max(0.0, age.total_seconds()),
            "due_at": due_at,
            "overdue": review.closed_at is None and now > due_at,
            "answers": [_answer(one) for one in answers],
        }
    )


def _verdict(review: Review, screening: Screening, verdicts: dict[str, str]) -> str | None:
    if review.result_id is not None:
        return verdicts[review.result_id]
    return None if screening.finding is None else str(json.loads(screening.finding)["verdict"])


def _answer(row: ReviewAnswer) -> AnswerView:
    names = ("answer_id", "outcome", "confirmed", "note", "token_id", "at")
    laboratory = None if row.laboratory is None else json.loads(row.laboratory)
    return AnswerView.model_validate(
        {**{name: getattr(row, name) for name in names}, "laboratory": laboratory}
    )
