"""The tables of the server. What they say is what `migrations` builds; a test compares them.

One module for each area; a new table is imported here, so that everybody finds it in one place.
"""

from .base import Base
from .methods import MethodFile
from .records import (
    Bench,
    BenchContact,
    Calibration,
    ChainHead,
    Event,
    Flag,
    FlaggedResult,
    IdempotencyKey,
    Parcel,
    Result,
    ResultPerson,
    ResultUse,
    ScanFile,
    Screening,
    Token,
    Verification,
)

__all__ = [
    "Base",
    "Bench",
    "BenchContact",
    "Calibration",
    "ChainHead",
    "Event",
    "Flag",
    "FlaggedResult",
    "IdempotencyKey",
    "MethodFile",
    "Parcel",
    "Result",
    "ResultPerson",
    "ResultUse",
    "ScanFile",
    "Screening",
    "Token",
    "Verification",
]
