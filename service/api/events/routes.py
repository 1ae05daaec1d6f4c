"""Routes of events."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from ..problems import Problem
from ..requests import TheCaller, TheStore
from . import chain
from .models import EventPage, EventQuery, StreamQuery
from .outward import dumped, event_text, own_parcels, sees_everything, visible_kinds
from .promise import CatalogueView, catalogue_for
from .reading import events_after
from .stream import Streams, Wanted

router = APIRouter(prefix="/events", tags=["events"])


@router.get("", summary="Follow the events", response_model=EventPage)
def list_events(query: Annotated[EventQuery, Query()], store: TheStore, caller: TheCaller) -> Response:
    """Return what happened after an event, in order. Without filters the numbers have no gaps.

    Parcel systems get what concerns parcels, without references and risk scores of others; the other events
    are links of the chain without content, of the type `internal`, and are left out where kinds or a subject
    are asked for.
    """
    filtered = bool(query.type or query.subject)
    everything = not filtered or (sees_everything(caller.role) and not query.type)
    kinds = None if everything else visible_kinds(caller.role, query.type)
    with store.database.read() as session:
        found = events_after(session, query.after, query.limit, kinds=kinds, subject=query.subject)
        own = own_parcels(session, found, caller.role, caller.token_id)
        events = [event_text(one, caller.role, own) for one in found]
        seq, last_hash = chain.head(session)
    last = found[-1].seq if found else query.after
    end = dumped({"next_after": last, "head_seq": seq, "head_hash": last_hash})
    return Response(f'{{"items":[{",".join(events)}],{end[1:]}', media_type="application/json")


@router.get("/catalogue", summary="Read what events there are")
def event_catalogue(caller: TheCaller) -> CatalogueView:
    """Return every kind of event with the JSON Schema of its data, and what is promised about them."""
    return catalogue_for(caller.role)


_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `id` is the number, `event` the kind, `data` the event as JSON.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get("/stream", summary="Follow the events as a stream", response_class=Response, responses=_STREAM)
def stream_events(
    request: Request,
    query: Annotated[StreamQuery, Query()],
    store: TheStore,
    caller: TheCaller,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,15}$", description="Counts before `after`."),
    ] = None,
) -> Response:
    """Send events as they happen, from after `Last-Event-ID` or `after`, without either from now on.

    Parcel systems get the events that concern parcels. A reader that is too slow is cut off, and the stream
    ends when the token counts no more or the server ends: come back with the last id you had.
    """
    streams: Streams = request.app.state.streams
    with store.database.read() as session:
        head, _ = chain.head(session)
    after = head if query.after is None else query.after
    if last_event_id is not None:
        after = int(last_event_id)
    if after > head:
        raise Problem("bad_cursor", f"the last event is {head}; begin again without Last-Event-ID")
    return streams.response(store, Wanted(caller.token_id, caller.role, after, tuple(query.type)))
