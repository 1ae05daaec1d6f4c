"""Calibration records: immutable, named by their digest, bound to one device."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from spectra.digest import json_digest

from .errors import RecordDamaged

SCHEMA = "opioscan.calibration/1"


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """How pixels of one device become an axis."""

    device_serial: str
    """Serial number of the spectrometer it belongs to."""
    wavelength_coefficients: tuple[float, ...]
    """Wavelength of pixel p is Σ cᵢ·pⁱ, nm."""
    laser_nm: float
    """Laser line, nm."""
    made_at: str
    """When it was made, RFC 3339 in UTC."""
    valid_until: str
    """Until when it may be used, RFC 3339 in UTC; empty for no end."""
    operator: str = ""
    """Who made it."""
    standard: str = ""
    """Lamp or shift standard, with its certificate."""

    @property
    def record_id(self) -> str:
        """SHA-256 of the record; results cite it."""
        return json_digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        fields = asdict(self)
        fields["wavelength_coefficients"] = list(self.wavelength_coefficients)
        return {"schema": SCHEMA, **fields}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read a record.

        Raises
        ------
        RecordDamaged
            A field is missing, unknown or of another kind.
        """
        fields = dict(value)
        if fields.pop("schema", None) != SCHEMA:
            raise RecordDamaged(f"this is no record of {SCHEMA}")
        try:
            fields["wavelength_coefficients"] = tuple(float(c) for c in fields["wavelength_coefficients"])
            return cls(**fields)
        except (KeyError, TypeError, ValueError) as error:
            raise RecordDamaged(f"a calibration record is damaged: {error}") from error
