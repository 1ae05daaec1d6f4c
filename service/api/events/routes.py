"""Routes of events."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select

from ..requests import TheCaller, TheStore
from ..tables import Event
from . import chain
from .models import EventPage, EventQuery, EventView

router = APIRouter(prefix="/events", tags=["events"])


@router.get("", summary="Follow the events")
def list_events(query: Annotated[EventQuery, Query()], store: TheStore, caller: TheCaller) -> EventPage:
    """Return what happened after an event, in order. The numbers have no gaps."""
    with store.database.read() as session:
        wanted = select(Event).where(Event.seq > query.after).order_by(Event.seq).limit(query.limit)
        events = [EventView.model_validate(chain.as_json(one)) for one in session.scalars(wanted)]
        seq, last_hash = chain.head(session)
    last = events[-1].seq if events else query.after
    return EventPage(items=events, next_after=last, head_seq=seq, head_hash=last_hash)
