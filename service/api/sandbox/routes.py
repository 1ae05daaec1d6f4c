"""Routes of the sandbox."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from ..change import Change
from ..clock import utc_now
from ..parcels.advancing import first_advance
from ..parcels.models import ParcelView
from ..parcels.reader import reader_of
from ..parcels.repository import known_parcel
from ..parcels.views import view_parcel
from ..posts import ThePost
from ..requests import Caller, Store, TheCaller, TheStore
from . import repository
from .limits import Pace
from .models import Outcome, PlayBody, SandboxBody
from .simulation import simulated_scan

router = APIRouter(prefix="/sandbox/parcels", tags=["sandbox"])

_UNTIMELY = frozenset({Outcome.OPEN, Outcome.QUEUED_OFFLINE})


@router.post("", summary="Make a sandbox parcel", response_model=ParcelView, status_code=201)
def make_sandbox_parcel(
    body: SandboxBody, request: Request, store: TheStore, caller: TheCaller, post: ThePost
) -> Response:
    """Make a simulated parcel to try things out with. It is labelled `sandbox` wherever it is shown.

    It is in no queue, no measure and no draw for review, and no bench can find it by its label.
    """
    _pace(request).spend(caller.token_id)

    def work(change: Change) -> tuple[int, ParcelView]:
        parcel = repository.make_parcel(change)
        first_advance(change, caller, parcel, body.advance, fresh=True)
        return 201, view_parcel(change.session, parcel, reader_of(store, caller))

    return post.once(body.model_dump(mode="json"), work)


@router.post("/{parcel_id}/screen", summary="Simulate a screening", response_model=ParcelView)
def screen_sandbox_parcel(
    parcel_id: UUID, body: PlayBody, request: Request, store: TheStore, caller: TheCaller
) -> ParcelView:
    """Play a screening of a sandbox parcel: opened, scanned, identified, completed, with every event.

    The events, results and findings look like those of real parcels, with `sandbox`, `training`
    and `emulated` set. Nothing is identified: the verdict is the one you ask for.
    """
    _pace(request).spend(caller.token_id)
    outcome = body.outcome
    with store.database.read() as session:
        parcel = known_parcel(session, parcel_id)
        repository.check_sandbox(parcel)
        screening_id, attempt = repository.screening_to_play(session, parcel, outcome)
        item = parcel.item_id
    if outcome in _UNTIMELY:
        return _opened(store, caller, parcel_id, screening_id, offline=outcome is Outcome.QUEUED_OFFLINE)
    # The file goes first, as from a real bench: a scan without a record harms nobody.
    kept = store.archive.put(simulated_scan(screening_id, item, utc_now(), attempt=attempt))
    with store.database.write(caller.actor) as change:
        parcel = known_parcel(change.session, parcel_id)
        screening = repository.open_simulated(change, parcel, screening_id, offline=False)
        repository.play(change, screening, kept, kept.path.stat().st_size, outcome)
        return view_parcel(change.session, parcel, reader_of(store, caller))


def _opened(store: Store, caller: Caller, parcel_id: UUID, screening_id: str, *, offline: bool) -> ParcelView:
    with store.database.write(caller.actor) as change:
        parcel = known_parcel(change.session, parcel_id)
        repository.open_simulated(change, parcel, screening_id, offline=offline)
        return view_parcel(change.session, parcel, reader_of(store, caller))


def _pace(request: Request) -> Pace:
    """Return the pace of this application; made with the first simulation."""
    state = request.app.state
    if not hasattr(state, "sandbox_pace"):
        state.sandbox_pace = Pace()
    pace: Pace = state.sandbox_pace
    return pace
