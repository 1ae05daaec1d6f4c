"""Many parcels in one request, each judged by itself."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import ValidationError

from spectra.digest import bytes_digest

from ..change import Change
from ..requests import Caller
from ..tables import Parcel
from .advancing import first_advance
from .models import BulkOutcome, BulkView, ParcelBody, Refusal
from .queue import enqueue_new, take_place
from .reader import Reader
from .repository import find_or_register_all
from .views import view_parcels

Made = Literal["created", "known", "provisional", "refused"]


def bulk_digest(items: Sequence[Any]) -> str:
    """Return what a bulk request is told by; its items may have no form in RFC 8785."""
    return bytes_digest(json.dumps(items, sort_keys=True).encode())


def register_all(change: Change, caller: Caller, items: Sequence[Any], reader: Reader) -> BulkView:
    """Register what fits; say of each item what became of it."""
    read = [_read(one) for one in items]
    bodies = [one for one in read if isinstance(one, ParcelBody)]
    found = find_or_register_all(change, [one.label() for one in bodies])
    waiting: dict[str, tuple[Parcel, str]] = {}
    for body, (parcel, created) in zip(bodies, found, strict=True):
        told = first_advance(change, caller, parcel, body.advance, fresh=created)
        if created or (told and parcel.parcel_id in waiting):
            waiting[parcel.parcel_id] = (parcel, (body.advance.site if body.advance else None) or "")
        elif told:
            take_place(change.session, parcel)
    enqueue_new(change.session, list(waiting.values()))
    views = view_parcels(change.session, [parcel for parcel, _ in found], reader)
    done = iter(zip(found, views, strict=True))
    outcomes = []
    for index, one in enumerate(read):
        if isinstance(one, Refusal):
            outcomes.append(BulkOutcome(index=index, outcome="refused", parcel=None, problem=one))
            continue
        (parcel, created), view = next(done)
        made: Made = "provisional" if parcel.label_problem else "created"
        outcome: Made = made if created else "known"
        outcomes.append(BulkOutcome(index=index, outcome=outcome, parcel=view, problem=None))
    return BulkView(items=outcomes)


def _read(item: Any) -> ParcelBody | Refusal:
    try:
        return ParcelBody.model_validate(item)
    except ValidationError as error:
        return Refusal(code="invalid", detail=_words(error))


def _words(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = "/".join(str(step)[:80] for step in first["loc"])
    return f"{where}: {first['msg']}"[:300] if where else str(first["msg"])[:300]
