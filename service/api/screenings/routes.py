"""Routes of screenings."""

from uuid import UUID

from fastapi import APIRouter, Response

from ..answers import answer
from ..change import Change
from ..posts import ThePost
from ..requests import TheCaller, TheStore
from ..reviews.drawing import draw_check
from . import repository
from .bodies import CompleteBody, ScreeningBody
from .models import ScreeningView, State
from .views import view_screening

router = APIRouter(prefix="/screenings", tags=["screenings"])


@router.put(
    "/{screening_id}",
    summary="Open a screening",
    responses={201: {"model": ScreeningView, "description": "The screening was opened."}},
)
def open_screening(
    screening_id: UUID, body: ScreeningBody, store: TheStore, caller: TheCaller, response: Response
) -> ScreeningView:
    """Open a visit of an item to a bench, under an id that the bench made.

    The item's current parcel is found by its label or registered. The same again is answered
    with 200, anything else under the same id with 409.
    """
    with store.database.write(caller.actor) as change:
        screening, created = repository.open_screening(change, str(screening_id), body)
        response.status_code = 201 if created else 200
        return view_screening(change.session, screening)


@router.get("/{screening_id}", summary="Read a screening", response_model=ScreeningView)
def get_screening(screening_id: UUID, store: TheStore, caller: TheCaller) -> Response:
    """Read a screening with its results; the finding of an open one is provisional."""
    with store.database.read() as session:
        view = view_screening(session, repository.existing_screening(session, screening_id))
    return answer(view)


@router.post("/{screening_id}/complete", summary="Complete a screening", response_model=ScreeningView)
def complete_screening(
    screening_id: UUID,
    store: TheStore,
    post: ThePost,
    body: CompleteBody | None = None,
) -> Response:
    """End the visit. This alone may lift a hold request; doing it again changes nothing."""

    def work(change: Change) -> tuple[int, ScreeningView]:
        screening = repository.existing_screening(change.session, screening_id)
        was_open = screening.state == State.OPEN
        repository.complete_screening(change, screening)
        if was_open:
            draw_check(change, screening, store.settings.negative_check_share)
        return 200, view_screening(change.session, screening)

    return post.once(str(screening_id), work)
