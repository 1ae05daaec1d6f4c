"""The tables of the server. What they say is what `migrations` builds; a test compares them.

One module for each area; a new table is imported here, so that everybody finds it in one place.
"""

from .base import Base, table_of
from .proof import LegalHold
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
    SignIn,
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
    "LegalHold",
    "Parcel",
    "Result",
    "ResultPerson",
    "ResultUse",
    "ScanFile",
    "Screening",
    "SignIn",
    "Token",
    "Verification",
    "table_of",
]
