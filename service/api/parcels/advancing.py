"""Advance data in the database: taken with a registration, changed later, shown to whom it may be shown."""

import json
import secrets
from typing import Any

from spectra.digest import bytes_digest

from ..change import Change
from ..events.chain import canonical
from ..permissions import Role
from ..problems import Problem
from ..requests import Caller
from ..tables import Parcel, ParcelAdvance, ParcelDeclaration
from .advance import Advance, Sender
from .models import ParcelPatch
from .queue import take_place


def first_advance(
    change: Change, caller: Caller, parcel: Parcel, advance: Advance | None, *, fresh: bool
) -> bool:
    """Keep what came with a registration, where nothing is known of the parcel yet, and say whether it was.

    Parameters
    ----------
    change, caller
        The transaction, and who tells.
    parcel, advance
        Of which parcel what is told.
    fresh
        Whether the parcel was registered in this transaction: then nothing can be known.
    """
    if advance is None or not (fresh or change.session.get(ParcelDeclaration, parcel.parcel_id) is None):
        return False
    _keep(change, caller, parcel, advance, sorted(advance.model_fields_set), fresh=fresh)
    return True


def patch_advance(change: Change, caller: Caller, parcel: Parcel, patch: ParcelPatch) -> None:
    """Change what is named in a patch, and nothing else.

    Raises
    ------
    Problem
        Another parcel system sent what is there, or the parcel is known to be another one.
    """
    before = change.session.get(ParcelDeclaration, parcel.parcel_id)
    if before is not None and caller.role is Role.PARCEL_SYSTEM and before.token_id != caller.token_id:
        raise Problem("forbidden", "another parcel system sent this parcel's data")
    if parcel.merged_into is not None:
        raise Problem("merged", f"change parcel {parcel.merged_into}, which this one turned out to be")
    known = _known(change, parcel, before)
    told = patch.advance.model_dump(exclude_unset=True)
    after = Advance.model_validate({**known, **told})
    was, now = Advance.model_validate(known).model_dump(), after.model_dump()
    changed = sorted(name for name in told if now[name] != was[name])
    if changed:
        _keep(change, caller, parcel, after, changed)
        take_place(change.session, parcel)


def _known(change: Change, parcel: Parcel, before: ParcelDeclaration | None) -> dict[str, Any]:
    known: dict[str, Any] = {} if before is None else json.loads(before.body)
    person = change.session.get(ParcelAdvance, parcel.parcel_id)
    if person is not None:
        known["sender"] = {"name": person.sender_name, "address": person.sender_address}
    return known


def _keep(
    change: Change,
    caller: Caller,
    parcel: Parcel,
    advance: Advance,
    fields: list[str],
    *,
    fresh: bool = False,
) -> None:
    session = change.session
    salt = _keep_person(change, caller, parcel, advance.sender, fresh=fresh) if "sender" in fields else b""
    body = canonical(advance.model_dump(mode="json", exclude_defaults=True, exclude={"sender"}))
    row = None if fresh else session.get(ParcelDeclaration, parcel.parcel_id)
    if row is None:
        row = ParcelDeclaration(parcel_id=parcel.parcel_id, token_id=caller.token_id)
        session.add(row)
    row.body, row.updated_at = body, change.now
    parcel.risk_score = None if advance.risk is None else advance.risk.score
    parcel.known_shipper = advance.known_shipper
    data = {
        "parcel_id": parcel.parcel_id,
        "fields": fields,
        "risk_score": parcel.risk_score,
        "sender_digest": _digest(salt, advance.sender) if salt else None,
        "sandbox": parcel.sandbox,
    }
    change.record("parcel.updated", f"parcels/{parcel.parcel_id}", data)


def _keep_person(
    change: Change, caller: Caller, parcel: Parcel, sender: Sender | None, *, fresh: bool
) -> bytes:
    row = None if fresh else change.session.get(ParcelAdvance, parcel.parcel_id)
    if row is None:
        row = ParcelAdvance(parcel_id=parcel.parcel_id, token_id=caller.token_id)
        change.session.add(row)
    row.salt = secrets.token_bytes(16)
    row.sender_name = "" if sender is None else sender.name
    row.sender_address = "" if sender is None else sender.address
    row.updated_at = change.now
    return row.salt


def _digest(salt: bytes, sender: Sender | None) -> str:
    return bytes_digest(salt + canonical(None if sender is None else sender.model_dump()).encode())
