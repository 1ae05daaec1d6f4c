"""Reports of benches, and the fleet, as they go over the wire.

A report names methods and devices. It has no room for parcels, people or secrets, and nothing in an
answer tells a bench what to do: methods reach a bench signed, by another way.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from library.release_record import MAX_RELEASE

from ...settings_file import BENCH_NAME
from ..audit.models import HeadView
from ..paging import PageQuery

#: More devices than any bench has.
MAX_DEVICES = 64
_MOST = 2**31 - 1


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control and invisible characters are not taken")
    return text


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() != UTC.utcoffset(None):
        raise ValueError("a time is given in UTC")
    return text


Text = Annotated[str, Field(max_length=128), AfterValidator(_plain)]
Name = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_plain)]
Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$",
        max_length=32,
        description="RFC 3339, UTC.",
        examples=["2026-11-22T12:00:00Z"],
    ),
    AfterValidator(_moment),
]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["a" * 64])]
Count = Annotated[int, Field(ge=0, le=_MOST)]
BenchName = Annotated[str, Field(pattern=BENCH_NAME.pattern, max_length=64, examples=["bench-3"])]

_EXAMPLE: dict[str, Any] = {
    "sent_at": "2026-11-22T12:00:00Z",
    "software": "0.1.0",
    "clock": "synchronised",
    "method": {
        "name": "ours",
        "version": 2,
        "digest": "a" * 64,
        "training": False,
        "library": {"name": "ours", "digest": "b" * 64},
    },
    "release": {"number": 4, "stale": False, "expires_at": "2026-12-20T12:00:00Z", "held_back": 0},
    "devices": [
        {
            "name": "bench1",
            "model": "STS",
            "serial": "STS00123",
            "emulated": False,
            "verification": {
                "state": "verified",
                "verified_at": "2026-11-22T07:55:00Z",
                "due_at": "2026-11-22T19:55:00Z",
            },
        }
    ],
    "outbox": {"pending": 2, "refused": 0, "oldest_s": 4.5},
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class LibraryReport(_Strict):
    """The library a method was fitted from."""

    name: Name
    digest: Digest


class MethodReport(_Strict):
    """The method a bench answers with."""

    name: Name
    version: Annotated[int, Field(ge=1, le=_MOST)]
    digest: Digest
    training: bool = Field(description="A method of harmless targets: not for real parcels.")
    library: LibraryReport


class ReleaseReport(_Strict):
    """The release that method came with."""

    number: Annotated[int, Field(ge=1, le=MAX_RELEASE)] | None = Field(
        description="Null where the bench's record of releases is damaged."
    )
    stale: bool = Field(description="Past its expiry: the bench gives no negatives until it is updated.")
    expires_at: Moment | None
    held_back: Annotated[int, Field(ge=0, le=MAX_RELEASE)] = Field(
        description="Releases up to this were rolled back from; 0 for none."
    )


class VerificationReport(_Strict):
    """The last check of an instrument's axis."""

    state: Literal["verified", "overdue", "failed", "missing"]
    verified_at: Moment | None
    due_at: Moment | None


class DeviceReport(_Strict):
    """An instrument of a bench. Model and serial are empty until it was opened once."""

    name: Text
    model: Text
    serial: Text
    emulated: bool
    verification: VerificationReport


class OutboxReport(_Strict):
    """What waits at a bench for this server."""

    pending: Count
    refused: Count = Field(description="What this server said no to; it is kept at the bench.")
    oldest_s: Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)] | None = Field(
        description="Age of the oldest that waits, s; null where nothing does."
    )


class BenchReport(_Strict):
    """What a bench says of itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    sent_at: Moment = Field(description="The bench's clock when it said so.")
    software: Name = Field(description="Version of opioscan.", examples=["0.1.0"])
    clock: Literal["synchronised", "unsynchronised", "unknown"] = Field(
        description="Whether anything keeps the bench's clock right."
    )
    method: MethodReport | None = Field(description="Null while it is being loaded.")
    release: ReleaseReport | None = Field(description="Null for a method that was not released.")
    devices: Annotated[list[DeviceReport], Field(max_length=MAX_DEVICES)]
    outbox: OutboxReport

    def facts(self) -> dict[str, Any]:
        """Return what the bench works with, as JSON values: everything but clock, queue and expiry."""
        return self.model_dump(
            mode="json",
            exclude={"sent_at": True, "clock": True, "outbox": True, "release": {"expires_at": True}},
        )


class ReportReceipt(BaseModel):
    """A report was taken. Nothing in the answer changes anything at the bench."""

    bench: str
    received_at: str
    head: HeadView | None = Field(
        None, description="The newest signed head of the chain; the bench keeps it as a witness."
    )


class BenchState(StrEnum):
    """How a bench stands."""

    SILENT = "silent"
    UNVERIFIED = "unverified"
    BEHIND = "behind"
    QUEUE_WAITING = "queue_waiting"
    CURRENT = "current"


class NewestRelease(BaseModel):
    """The newest released method that is known."""

    number: int
    name: str
    version: int
    digest: str
    source: Literal["installed_here", "reported"] = Field(
        description="`installed_here`: signed, and checked by this server's own installation; "
        "`reported`: the highest that a bench names."
    )
    bench: str | None = Field(description="The bench that reported it first; null if it is installed here.")


class BenchView(BaseModel):
    """A bench, as it last reported and as it stands now."""

    bench: str
    state: BenchState = Field(description="The gravest of `states`.")
    states: list[BenchState] = Field(description="All that apply, the gravest first.")
    reasons: list[str] = Field(description="Why, in sentences for people; may change.")
    training: bool = Field(description="Its method is one of harmless targets: not for real parcels.")
    emulated: bool = Field(description="A device of it is emulated.")
    received_at: str = Field(description="When the last report came, by this server's clock.")
    silent_for_s: float = Field(description="How long ago that was, s.")
    clock_skew_s: float = Field(description="How far its clock was ahead of this server's then, s.")
    first_at: str = Field(description="When it reported first.")
    changed_at: str = Field(description="Since when it works with what it reports.")
    report: BenchReport


class BenchPage(BaseModel):
    """A page of benches."""

    items: list[BenchView]
    next_cursor: str | None
    newest_release: NewestRelease | None = Field(description="Null where no released method is known.")


class BenchQuery(PageQuery):
    """Which benches: all whose token is not revoked."""
