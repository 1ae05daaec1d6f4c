"""Webhooks as they go over the wire."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..events.catalogue import KINDS
from ..paging import PageQuery
from ..wholes import WHOLE

#: Longest address of a receiver, characters (chosen).
MAX_URL = 2048


class WebhookState(StrEnum):
    """Whether a webhook is sent to."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    REVOKED = "revoked"


class DeliveryState(StrEnum):
    """Where an event stands that was not taken at the first try."""

    RETRYING = "retrying"
    SET_ASIDE = "set_aside"
    DEAD = "dead"
    DELIVERED = "delivered"


Url = Annotated[
    str, Field(min_length=1, max_length=MAX_URL, examples=["https://parcels.example.org/hooks/opioscan"])
]
Types = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Field(
        max_length=100,
        description="Kinds of events, see `GET /events/catalogue`; empty for all that your role may see.",
        examples=[["screening.completed", "screening.amended"]],
    ),
]
Description = Annotated[str, Field(max_length=200, description="For people; no personal data.")]
EventNumber = Annotated[int, WHOLE, Field(ge=0, le=2**53)]


def _known(types: list[str] | None) -> list[str] | None:
    for one in types or ():
        if one not in KINDS:
            raise ValueError(f"{one!r} is no kind of event; see GET /api/v1/events/catalogue")
    return None if types is None else sorted(set(types))


class WebhookBody(BaseModel):
    """A receiver to send events to."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Url
    types: Types = []
    description: Description = ""

    _types = field_validator("types")(_known)


class WebhookPatch(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Url | None = None
    types: Types | None = None
    description: Description | None = None
    state: Literal["active", "paused"] | None = None

    _types = field_validator("types")(_known)


class ReplayBody(BaseModel):
    """What is to be sent again: a stretch of events, or one delivery."""

    model_config = ConfigDict(extra="forbid", strict=True)

    after: EventNumber | None = Field(None, description="Send everything after this event again.")
    until: EventNumber | None = Field(None, description="Up to this one; null for the last one sent.")
    delivery_id: Annotated[UUID, Field(strict=False)] | None = None

    @model_validator(mode="after")
    def _either(self) -> "ReplayBody":
        if (self.after is None) == (self.delivery_id is None):
            raise ValueError("give either after or delivery_id")
        if self.until is not None and (self.after is None or self.until <= self.after):
            raise ValueError("until goes with a smaller after")
        return self


class LineView(BaseModel):
    """How far a webhook is."""

    last_seq: int = Field(description="The last event that was sent, set aside, or not of its types.")
    behind: int = Field(description="Events recorded since, of whatever kind.")
    attempts: int = Field(description="Tries made of the next event.")
    next_at: str | None = Field(description="No try before this moment.")
    failing_since: str | None
    last_error: str = Field(description="Why the last try failed; empty when it did not.")
    delivered: int = Field(description="Messages that were taken.")
    delivered_at: str | None
    dead: int = Field(description="Events that were given up; see the deliveries.")


class WebhookView(BaseModel):
    """A receiver and how it is doing."""

    webhook_id: str
    url: str
    types: list[str]
    description: str
    state: WebhookState
    why: str = Field(description="Why it is in that state: asked, gone, failing.")
    token_valid: bool = Field(description="Nothing is sent when the token that made it counts no more.")
    created_at: str
    changed_at: str
    line: LineView


class SecretView(BaseModel):
    """A signing secret; it is shown once."""

    webhook_id: str
    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    old_until: str | None = Field(None, description="Until then the old secret signs too.")


class CreatedWebhook(WebhookView):
    """A new receiver with its signing secret, which is shown this once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class WebhookPage(BaseModel):
    """A page of webhooks."""

    items: list[WebhookView]
    next_cursor: str | None


class WebhookQuery(PageQuery):
    """Which webhooks."""

    state: WebhookState | None = None


class DeliveryView(BaseModel):
    """An event that a receiver did not take at the first try."""

    delivery_id: str
    seq: int
    message_id: str = Field(description="`webhook-id` of the message: the same at every try.")
    state: DeliveryState
    attempts: int
    first_at: str
    last_at: str
    next_at: str | None
    status: int | None = Field(description="HTTP status of the last try; null for no answer.")
    error: str


class DeliveryPage(BaseModel):
    """A page of deliveries."""

    items: list[DeliveryView]
    next_cursor: str | None


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    state: DeliveryState | None = None


class TestView(BaseModel):
    """What a receiver said to a `webhook.ping`."""

    delivered: bool
    message_id: str
    status: int | None
    error: str


class ReplayView(BaseModel):
    """What is sent again."""

    webhook_id: str
    after: int | None
    until: int | None
    delivery_id: str | None
