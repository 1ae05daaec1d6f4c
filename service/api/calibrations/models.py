"""Calibration records as they go over the wire."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, Field

from calibration.record import SCHEMA, Kind

from ..paging import PageQuery

RecordId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the record's RFC 8785 JSON form.")
]

#: A record as the document shows it.
EXAMPLE: dict[str, Any] = {
    "schema": SCHEMA,
    "kind": "resolution",
    "device_serial": "STS00123",
    "device_model": "STS",
    "outcome": {
        "standard": "calcite",
        "band_cm1": 1085.9,
        "shape": "voigt",
        "width_cm1": 12.1,
        "sigma_cm1": 0.1,
        "instrument_cm1": 11.6,
        "channel_cm1": 2.4,
    },
    "standards": [{"name": "calcite", "certificate": "", "expires_on": ""}],
    "scans": ["a" * 64],
    "made_at": "2026-11-22T08:00:00Z",
    "valid_until": "",
    "operator": "",
    "temperature_c": 21.5,
    "supersedes": "",
    "emulated": False,
    "note": "",
}


class CalibrationReceipt(BaseModel):
    """A record that is safely kept."""

    record_id: str
    received_at: str


class CalibrationView(BaseModel):
    """A record in short; read it whole under its id."""

    record_id: str
    kind: Kind
    device_serial: str
    device_model: str
    made_at: str
    valid_until: str = Field(description="Empty for no end.")
    supersedes: str = Field(description="Record it takes the place of; empty for none.")
    standards: list[str]
    emulated: bool
    received_at: str


class CalibrationPage(BaseModel):
    """A page of records."""

    items: list[CalibrationView]
    next_cursor: str | None


class CalibrationQuery(PageQuery):
    """Which records."""

    serial: str = Field("", max_length=256, description="Only those of the device with this serial number.")
    kind: Kind | None = None
