"""Routes of reviews."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from ..change import Change
from ..posts import ThePost
from ..problems import Problem
from ..requests import TheCaller, TheStore
from ..results.repository import existing_result
from ..screenings.repository import existing_screening
from ..tables import Review
from . import repository
from .models import AnswerBody, AskBody, ReviewPage, ReviewQuery, ReviewView
from .views import view_reviews

router = APIRouter(tags=["reviews"])


@router.post(
    "/results/{result_id}/reviews",
    summary="Send a result to a technician",
    response_model=ReviewView,
    status_code=201,
)
def ask_review(
    result_id: UUID,
    post: ThePost,
    body: AskBody | None = None,
) -> Response:
    """Ask a technician to look at a result. Its verdict stands meanwhile, and afterwards."""
    question = "" if body is None else body.question.strip()

    def work(change: Change) -> tuple[int, ReviewView]:
        result = existing_result(change.session, result_id)
        screening = existing_screening(change.session, result.screening_id)
        review = repository.ask(
            change,
            "referral",
            screening,
            result=result,
            training=result.training,
            emulated=result.emulated,
            question=question,
        )
        return 201, view_reviews(change.session, [review])[0]

    return post.once([str(result_id), question], work)


@router.get("/reviews", summary="List reviews")
def list_reviews(query: Annotated[ReviewQuery, Query()], store: TheStore, caller: TheCaller) -> ReviewPage:
    """List reviews, oldest first: all, those that are open, of a kind, or of a site."""
    with store.database.read() as session:
        reviews, after = repository.list_reviews(session, query)
        return ReviewPage(items=view_reviews(session, reviews), next_cursor=after)


@router.get("/reviews/{review_id}", summary="Read a review")
def get_review(review_id: UUID, store: TheStore, caller: TheCaller) -> ReviewView:
    """Read a review with everything that was answered."""
    with store.database.read() as session:
        return view_reviews(session, [known_review(session, review_id)])[0]


@router.post(
    "/reviews/{review_id}/answers", summary="Answer a review", response_model=ReviewView, status_code=201
)
def answer_review(review_id: UUID, body: AnswerBody, caller: TheCaller, post: ThePost) -> Response:
    """Say what you saw: agree, overrule, a note, or a laboratory's result.

    Each answer is a record of its own. A review closes by `agree`, `overrule` or a laboratory that knows;
    answers to a closed review are taken too. No finding becomes less grave by any of them. Alarms may be
    acknowledged by a supervisor (role admin), everything else is a technician's to answer.
    """

    def work(change: Change) -> tuple[int, ReviewView]:
        review = known_review(change.session, review_id)
        repository.answer(change, caller, review, body)
        return 201, view_reviews(change.session, [review])[0]

    return post.once([str(review_id), body.model_dump(mode="json")], work)


def known_review(session: Session, review_id: UUID) -> Review:
    """Return a review by its id.

    Raises
    ------
    Problem
        There is none.
    """
    review = repository.find_review(session, str(review_id))
    if review is None:
        raise Problem("not_found", f"no review {review_id}")
    return review
