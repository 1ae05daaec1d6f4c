"""What a role sees of an event: everything, a part, or that there was one.

Parcel systems get what concerns parcels. The other events stand in their list as links of the chain without
content, so that numbers have no gaps and the chain still holds together; whoever may read everything can
check the hashes of those too.

Of what a parcel system told of its parcels others see that it did: references and risk scores are its own.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..permissions import Role
from ..tables import Event, ParcelDeclaration

#: What stands for a kind that does not concern the role that asks.
INTERNAL = "internal"

#: Kind of event → members of its data that parcel systems see; None for all. They see that results are under
#: review, not why.
OUTWARD: Mapping[str, tuple[str, ...] | None] = {
    "parcel.registered": None,
    "parcel.updated": None,
    "parcel.merged": None,
    "link.made": None,
    "disposition.recorded": None,
    "screening.opened": None,
    "screening.completed": None,
    "screening.amended": None,
    "screening.superseded": None,
    "result.accepted": None,
    "result.flagged": ("flag_id", "result_ids"),
    "flag.reviewed": ("flag_id",),
    "review.requested": ("review_id", "kind", "screening_id", "result_id", "parcel_id"),
    "review.answered": ("review_id", "screening_id", "parcel_id", "outcome", "confirmed", "closed"),
}


#: Kind of event → member of its data that only the parcel system sees which sent the parcel's data.
PRIVATE: Mapping[str, str] = {"parcel.updated": "risk_score", "link.made": "reference"}


def sees_everything(role: Role) -> bool:
    """Whether a role reads every event whole."""
    return role is not Role.PARCEL_SYSTEM


def may_see(role: Role, kind: str) -> bool:
    """Whether a role sees anything of a kind of event but that there was one."""
    return sees_everything(role) or kind in OUTWARD


def visible_kinds(role: Role, wanted: list[str]) -> list[str] | None:
    """Return the kinds to look for; None for all there are.

    Parameters
    ----------
    role
        Who looks.
    wanted
        Kinds that were asked for; empty for all.
    """
    if not wanted:
        return None if sees_everything(role) else list(OUTWARD)
    return [kind for kind in dict.fromkeys(wanted) if may_see(role, kind)]


def own_parcels(session: Session, events: Iterable[Event], role: Role, token_id: str) -> frozenset[str]:
    """Return the parcels that events tell of and whose data a token sent; asked for parcel systems alone."""
    if sees_everything(role):
        return frozenset()
    names = {json.loads(one.data).get("parcel_id") for one in events if one.type in PRIVATE}
    if not names:
        return frozenset()
    wanted = select(ParcelDeclaration.parcel_id).where(ParcelDeclaration.parcel_id.in_(names))
    return frozenset(session.scalars(wanted.where(ParcelDeclaration.token_id == token_id)))


def event_text(event: Event, role: Role, own: frozenset[str]) -> str:
    """Return an event as JSON text, as a role sees it.

    The data are kept as JSON text and put in as they are: to read and write them again would take most of the
    time of a page.

    Parameters
    ----------
    event, role
        What is seen, and by whom.
    own
        The reader's parcels among those of the events, see `own_parcels`.
    """
    if not may_see(role, event.type):
        link = {"seq": event.seq, "type": INTERNAL, "at": event.at}
        return dumped({**link, "prev_hash": event.prev_hash, "hash": event.hash, "redacted": True})
    names = ("seq", "type", "at", "actor", "subject", "prev_hash", "hash")
    told = {name: getattr(event, name) for name in names}
    fields = None if sees_everything(role) else OUTWARD[event.type]
    if not sees_everything(role) and event.type in PRIVATE:
        known, private = json.loads(event.data), PRIVATE[event.type]
        # A link without a reference keeps nothing from anybody; advance data always do.
        if known.get("parcel_id") not in own and (known.get(private) is not None or "fields" in known):
            # Digests of the rows go as well: what has few values can be guessed from one.
            known.pop("rows", None)
            return dumped({**told, "data": {**known, private: None}, "redacted": True})
    if fields is None:
        return f'{dumped(told)[:-1]},"data":{event.data}}}'
    data: dict[str, Any] = json.loads(event.data)
    shown = {name: data[name] for name in fields if name in data}
    return dumped({**told, "data": shown, "redacted": True})


def dumped(value: Mapping[str, Any]) -> str:
    """Return a JSON object as short text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
