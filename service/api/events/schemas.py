"""What the data of every kind of event hold, as models from which JSON Schemas are made.

Members that are not named may be there as well (`rows`, the digests of the records that changed, is);
readers ignore them. A field that was added after a kind was first recorded has a default, because older
events stay as they are.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spectra.reasons import Verdict

from ..permissions import Role
from ..s10 import ItemIdType
from ..screenings.models import FindingView, State

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Id = Annotated[str, Field(min_length=1, max_length=128)]
Moment = Annotated[str, Field(description="RFC 3339 in UTC.")]
Salted = Annotated[
    Sha256 | None, Field(description="Salted digest of personal words, which stand elsewhere; null for none.")
]
Sandbox = Annotated[bool, Field(description="Of a sandbox parcel: simulated, nothing was screened.")]


class EventData(BaseModel):
    """Data of an event; more members may be there."""

    model_config = ConfigDict(extra="allow")


class ParcelRegistered(EventData):
    """A parcel is known."""

    parcel_id: Id
    item_id_type: ItemIdType
    item_digest: Sha256
    provisional: bool
    sandbox: Sandbox = False


class ParcelUpdated(EventData):
    """Advance data, risk or known shipper changed."""

    parcel_id: Id
    fields: list[str]
    risk_score: float | None
    sender_digest: Salted = None
    sandbox: Sandbox = False


class ParcelMerged(EventData):
    """A provisional parcel turned out to be another."""

    parcel_id: Id
    into: Id
    screenings: int = Field(0, description="How many moved with it.")
    why_digest: Salted = None


class LinkMade(EventData):
    """A screening belongs to a parcel."""

    link_id: Id
    screening_id: Id
    parcel_id: Id
    supersedes: Id | None
    reference: str | None = Field(description="The parcel system's own; null for none.")
    why_digest: Salted = None


class DispositionRecorded(EventData):
    """What the parcel system did."""

    disposition_id: Id
    parcel_id: Id
    decision: Literal["released", "held", "seized", "returned", "destroyed", "sent_to_laboratory"]
    compliant: bool | None
    decided_at: Moment | None = None
    supersedes: Id | None = Field(None, description="The disposition in whose place this one stands.")
    correction: bool = Field(False, description="The parcel system said so, rather than decided anew.")
    note_digest: Salted = None
    sandbox: Sandbox = False


class ScreeningOpened(EventData):
    """A visit to a bench began."""

    screening_id: Id
    parcel_id: Id
    bench: str
    sandbox: Sandbox = False


class ScreeningFound(EventData):
    """What a visit found; presumptive, never "safe"."""

    screening_id: Id
    parcel_id: Id
    state: State
    finding: FindingView
    sandbox: Sandbox = False


class ScreeningSuperseded(EventData):
    """A later complete screening of the parcel stands in its place."""

    screening_id: Id
    by: Id
    sandbox: Sandbox = False


class ScanStored(EventData):
    """Raw data are in the archive."""

    scan_id: Sha256
    size: int
    role: str
    emulated: bool


class ResultAccepted(EventData):
    """An identification was accepted."""

    result_id: Id
    screening_id: Id
    parcel_id: Id
    scan_id: Sha256
    verdict: Verdict
    training: bool
    emulated: bool
    late: bool = Field(description="It came after its screening was completed.")
    record_digest: Sha256
    operator_digest: Salted
    sandbox: Sandbox = False


class ResultFlagged(EventData):
    """Results are to be looked at again."""

    flag_id: Id
    result_ids: list[Id]
    reason: str
    device: str
    verification: Sha256
    since: str
    until: str
    body_digest: Sha256


class FlagReviewed(EventData):
    """Somebody looked."""

    flag_id: Id
    token_id: Id
    note_digest: Salted


class ReviewRequested(EventData):
    """Somebody is to look."""

    review_id: Id
    kind: Literal["referral", "alarm", "negative_check"]
    screening_id: Id
    result_id: Id | None
    asked_by: str
    parcel_id: Id | None = None


class ReviewAnswered(EventData):
    """Somebody looked. No finding becomes less grave by it."""

    review_id: Id
    screening_id: Id
    outcome: Literal["agree", "overrule", "note", "laboratory"]
    confirmed: bool | None
    note_digest: Salted
    parcel_id: Id | None = None
    closed: bool | None = Field(None, description="Whether nothing more is to be answered; null for unknown.")


class CalibrationStored(EventData):
    """A calibration record was kept."""

    record_id: Sha256
    kind: str
    device: str
    emulated: bool


class VerificationRecorded(EventData):
    """An instrument was checked."""

    scan_id: Sha256
    device: str
    standard: str
    passed: bool
    at: Moment
    bench: str
    body_digest: Sha256


class BenchChanged(EventData):
    """A bench works with something else now."""

    bench: str
    token_id: Id
    facts: dict[str, Any]


class TokenCreated(EventData):
    """A token was made."""

    token_id: Id
    role: Role
    expires_at: Moment | None


class TokenRevoked(EventData):
    """A token was revoked."""

    token_id: Id


class WebhookCreated(EventData):
    """A receiver was named."""

    webhook_id: Id
    host: str
    types: list[str]


class WebhookChanged(EventData):
    """A receiver was changed, stopped or started."""

    webhook_id: Id
    state: Literal["active", "paused", "disabled", "revoked"]
    host: str
    types: list[str]
    why: Literal["asked", "secret", "gone", "failing"]


class OperationPlanned(EventData):
    """An operation was planned or changed."""

    operation_id: Id
    name: str
    sites: list[str]
    starts_at: Moment
    ends_at: Moment | None


class RecordsSealed(EventData):
    """Digests of records that were there before records were sealed one by one."""

    rows: dict[str, Sha256 | None]


class PersonalPurged(EventData):
    """Personal data were erased."""

    what: dict[str, int] = Field(description="Kind of data → how many.")
    before: Moment
    holds_kept: int = Field(0, description="Legal holds that were in force.")


class HoldPlaced(EventData):
    """Personal data of a parcel are kept in spite of retention."""

    hold_id: Id
    parcel_id: Id
    why_digest: Salted


class HoldLifted(EventData):
    """Retention counts again."""

    hold_id: Id
    parcel_id: Id


class MethodStored(EventData):
    """A method's file is kept as evidence."""

    file_id: Sha256
    name: str
    version: int
    method_digest: Sha256
    library_digest: Sha256 | None


#: Kind of event → what its data hold.
SCHEMAS: dict[str, type[EventData]] = {
    "parcel.registered": ParcelRegistered,
    "parcel.updated": ParcelUpdated,
    "parcel.merged": ParcelMerged,
    "link.made": LinkMade,
    "disposition.recorded": DispositionRecorded,
    "screening.opened": ScreeningOpened,
    "screening.completed": ScreeningFound,
    "screening.amended": ScreeningFound,
    "screening.superseded": ScreeningSuperseded,
    "scan.stored": ScanStored,
    "result.accepted": ResultAccepted,
    "result.flagged": ResultFlagged,
    "flag.reviewed": FlagReviewed,
    "review.requested": ReviewRequested,
    "review.answered": ReviewAnswered,
    "calibration.stored": CalibrationStored,
    "verification.recorded": VerificationRecorded,
    "bench.changed": BenchChanged,
    "token.created": TokenCreated,
    "token.revoked": TokenRevoked,
    "webhook.created": WebhookCreated,
    "webhook.changed": WebhookChanged,
    "operation.created": OperationPlanned,
    "operation.changed": OperationPlanned,
    "records.sealed": RecordsSealed,
    "personal.purged": PersonalPurged,
    "hold.placed": HoldPlaced,
    "hold.lifted": HoldLifted,
    "method.stored": MethodStored,
}


def outward_schema(kind: str, fields: tuple[str, ...] | None) -> dict[str, Any]:
    """Return the JSON Schema of what a role sees of a kind's data.

    Parameters
    ----------
    kind
        The kind of event.
    fields
        Members that are shown; None for all.
    """
    schema = SCHEMAS[kind].model_json_schema(mode="serialization")
    if fields is not None:
        schema["properties"] = {name: schema["properties"][name] for name in fields}
        schema["required"] = [name for name in schema.get("required", ()) if name in fields]
    return schema
