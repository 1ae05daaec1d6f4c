"""What a report tells, gathered before it is drawn."""

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """A result and where it stands, as JSON values."""

    result_id: str
    """The result."""
    record_digest: str
    """SHA-256 of its record."""
    event_seq: int
    """Number of the event of the audit chain that tells of it; 0 where it stands in none."""
    event_hash: str
    """Hash of that event."""
    item_id: str
    """Identifier on the parcel; empty for no label."""
    screening_id: str
    """The visit to the bench."""
    bench: str
    """The bench."""
    site: str
    """Where it stands; empty for unknown."""
    spot: int
    """Number of the spot on the item."""
    attempt: int
    """Number of the try there."""
    taken_at: str
    """When the scan was made, RFC 3339 in UTC."""
    received_at: str
    """When the result was accepted."""
    identification: dict[str, Any]
    """The answer."""
    device: dict[str, Any]
    """The instrument."""
    curves: dict[str, Any]
    """`service.api.evidence.models.ResultCurves` as JSON."""
    operator: str
    """Who made it; empty where that is not to be told, or not known."""
    training: bool
    """Made with a training method."""
    emulated: bool
    """Made on an emulated instrument."""
    sandbox: bool
    """Made for a parcel that an integrator tries things out with."""
    late: bool
    """Came after its screening was completed."""
    under_review: bool
    """Somebody has to look again."""

    def to_json(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return facts of their JSON values."""
        return cls(**value)
