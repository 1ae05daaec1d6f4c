"""The catalogue of events as it is served: every kind with its schema, and what is promised."""

from typing import Any

from pydantic import BaseModel, Field

from ..permissions import Role
from .catalogue import KINDS
from .outward import OUTWARD, sees_everything
from .schemas import outward_schema

#: What readers may rely on as long as there is a `/api/v1`: one promise a paragraph.
_WORDS = """
Kinds of events and the fields named here are kept, with their meaning and type; required fields stay
required. They are removed in /api/v2 only.

New kinds, fields and words in open lists may be added at any time: ignore what you do not know. Older
events stay as they were recorded, without fields that came later.

Numbers grow by one and are never reused. Events are never changed; corrections are new events.

Outward words are hold, refer and no_hold_requested, and null while a screening is open and nothing
alarmed. Each is presumptive: laboratory confirmation is always due, and nothing found is never safe.

Only screening.completed may lift a hold request. result.accepted is provisional; screening.amended never
makes a finding less grave, and no review does.

A parcel without screening.opened was not screened. From screening.opened to screening.completed it is
open, or queued_offline when its bench has not sent everything yet: a bench without a network keeps its
results and sends them later, in order, so that their events come late. `at` is the server's time. Silence
means nothing: GET /parcels/{parcel_id} tells these states apart.

Events about sandbox parcels say sandbox: true; a finding says whether a training method or an emulated
instrument had a part in it. None of these speaks of a real parcel.

Pulled, streamed and pushed events are the same. Webhooks deliver at least once: tell repeats by webhook-
id. An event that the receiver refused may come after later ones: order them by seq.

No names, addresses, notes or item identifiers stand in events; digests of them are salted.
"""

PROMISE = tuple(" ".join(part.split()) for part in _WORDS.split("\n\n"))


class KindView(BaseModel):
    """A kind of event."""

    type: str = Field(examples=["screening.completed"])
    description: str
    subject: str = Field(description="What its `subject` begins with.", examples=["screenings/"])
    outward: bool = Field(description="Whether parcel systems get it; for them others are of type internal.")
    redacted: bool = Field(description="Whether some of its fields are left out for you.")
    data_schema: dict[str, Any] = Field(description="JSON Schema of `data` as you see it.")


class CatalogueView(BaseModel):
    """All kinds of events, and what is promised about them."""

    api: str = "/api/v1"
    promise: list[str]
    messages: dict[str, str] = Field(description="Messages of webhooks that are no events.")
    kinds: list[KindView]


_SUBJECTS = {
    "disposition.recorded": "parcels/",
    "hold.lifted": "parcels/",
    "hold.placed": "parcels/",
    "personal.purged": "personal",
    "records.sealed": "records",
    "result.flagged": "flags/",
    "bench.changed": "benches/",
}


def catalogue_for(role: Role) -> CatalogueView:
    """Return the catalogue as a role sees the events."""
    return CatalogueView(
        promise=list(PROMISE),
        messages={
            "webhook.ping": "Sent by POST /webhooks/{webhook_id}/test: webhook_id.",
            "internal": "Stands in GET /events for an event that does not concern parcel systems.",
        },
        kinds=[_kind(kind, text, role) for kind, text in KINDS.items()],
    )


def _kind(kind: str, text: str, role: Role) -> KindView:
    fields = None if sees_everything(role) else OUTWARD.get(kind)
    return KindView(
        type=kind,
        description=text,
        subject=_SUBJECTS.get(kind, f"{kind.partition('.')[0]}s/"),
        outward=kind in OUTWARD,
        redacted=fields is not None,
        data_schema=outward_schema(kind, fields),
    )
