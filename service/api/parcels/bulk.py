"""Many parcels in one request, each judged by itself."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from spectra.digest import bytes_digest

from ..change import Change
from ..requests import Caller
from ..tables import Parcel
from .advancing import first_advance
from .models import BulkOutcome, BulkView, ParcelBody, Refusal
from .reader import Reader
from .repository import find_or_register
from .views import view_parcels


def bulk_digest(items: Sequence[Any]) -> str:
    """Return what a bulk request is told by; its items may have no form in RFC 8785."""
    return bytes_digest(json.dumps(items, sort_keys=True).encode())


def register_all(change: Change, caller: Caller, items: Sequence[Any], reader: Reader) -> BulkView:
    """Register what fits; say of each item what became of it."""
    done = [_registered(change, caller, one) for one in items]
    parcels = {one[1].parcel_id: one[1] for one in done if isinstance(one, tuple)}
    views = {one.parcel_id: one for one in view_parcels(change.session, list(parcels.values()), reader)}
    outcomes = []
    for index, one in enumerate(done):
        if isinstance(one, Refusal):
            outcomes.append(BulkOutcome(index=index, outcome="refused", parcel=None, problem=one))
            continue
        created, parcel = one
        made = "provisional" if parcel.label_problem else "created"
        outcomes.append(
            BulkOutcome(
                index=index,
                outcome=made if created else "known",
                parcel=views[parcel.parcel_id],
                problem=None,
            )
        )
    return BulkView(items=outcomes)


def _registered(change: Change, caller: Caller, item: Any) -> tuple[bool, Parcel] | Refusal:
    try:
        body = ParcelBody.model_validate(item)
    except ValidationError as error:
        return Refusal(code="invalid", detail=_words(error))
    parcel, created = find_or_register(change, body.label())
    first_advance(change, caller, parcel, body.advance)
    return created, parcel


def _words(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = "/".join(str(step)[:80] for step in first["loc"])
    return f"{where}: {first['msg']}"[:300] if where else str(first["msg"])[:300]
