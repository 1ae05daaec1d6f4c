"""Scans as they go over the wire."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

ScanId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the scan file, 64 lower-case digits.")
]


class ScanView(BaseModel):
    """A scan that is safely in the archive."""

    scan_id: str
    size: int = Field(description="Bytes of the file.")
    role: str = Field(description="sample, blank, verification, reference or calibration.")
    emulated: bool
    taken_at: str = Field(description="By the bench's clock.")
    received_at: str
