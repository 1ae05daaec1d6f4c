"""Calibration records: immutable, named by their digest, bound to one device."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from spectra.digest import json_digest

from .errors import RecordDamaged
from .outcomes import AxisOutcome, Outcome, ResolutionOutcome, ResponseOutcome
from .strict_json import from_json, strict, to_json

SCHEMA = "opioscan.calibration/2"


class Kind(StrEnum):
    """What was calibrated; a device has at most one record of each in force."""

    AXIS = "axis"
    INTENSITY = "intensity"
    RESOLUTION = "resolution"


_OUTCOMES = {Kind.AXIS: AxisOutcome, Kind.INTENSITY: ResponseOutcome, Kind.RESOLUTION: ResolutionOutcome}


@strict
@dataclass(frozen=True, slots=True)
class StandardUsed:
    """What stood before the probe, or lit it."""

    name: str
    """Such as ``neon lamp``, ``silicon``, ``SRM 2241``."""
    certificate: str = ""
    """Number of its certificate, lot or serial; empty where it has none."""
    expires_on: str = ""
    """Until when the certificate holds, RFC 3339 date; empty where it does not end."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRecord:
    """One calibration of one device; nothing of it is ever changed."""

    kind: Kind
    """What was calibrated."""
    device_serial: str
    """Serial number of the spectrometer; never empty."""
    device_model: str = ""
    """Its model."""
    outcome: Outcome
    """What was found."""
    standards: tuple[StandardUsed, ...]
    """What it was measured with, at least one."""
    scans: tuple[str, ...]
    """The raw scans, content address each; SHA-256 of the file where it was no scan of the archive."""
    made_at: str
    """When it was made, RFC 3339 in UTC."""
    valid_until: str = ""
    """Until when it may be used, RFC 3339 in UTC; empty for no end."""
    operator: str = ""
    """Who made it."""
    temperature_c: float | None = None
    """Temperature of the spectrometer then, °C; None where unknown."""
    supersedes: str = ""
    """Record it takes the place of; empty for the first of its kind."""
    emulated: bool = False
    """True where it was measured on an emulated device."""
    note: str = ""
    """What the operator wants remembered."""

    def __post_init__(self) -> None:
        if not self.device_serial:
            raise RecordDamaged("a calibration record names the serial number of its device")
        if not isinstance(self.outcome, _OUTCOMES[self.kind]):
            raise RecordDamaged(f"a record of kind {self.kind} holds a {type(self.outcome).__name__}")
        if not self.standards or not self.scans:
            raise RecordDamaged("a calibration record names its standards and its scans")

    @property
    def record_id(self) -> str:
        """SHA-256 of the record in its JSON form (RFC 8785); results cite it."""
        return json_digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return to_json(self, SCHEMA)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a record.

        Raises
        ------
        RecordDamaged
            A field is missing, unknown or of another kind.
        """
        return from_json(cls, SCHEMA, value)
