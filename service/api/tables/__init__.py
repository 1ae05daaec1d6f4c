"""The tables of the server. What they say is what `migrations` builds; a test compares them.

One module for each area; a new table is imported here, so that everybody finds it in one place.
"""

from .base import Base, table_of
from .methods import MethodFile
from .parcel_work import Disposition, Link, ParcelAdvance, ParcelDeclaration, ParcelMerge, ParcelQueue
from .people_work import (
    MeasureCount,
    MeasuredScreening,
    MeasuredVerification,
    MeasureHour,
    MeasureKey,
    Operation,
    Review,
    ReviewAnswer,
)
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
    "Disposition",
    "Event",
    "Flag",
    "FlaggedResult",
    "IdempotencyKey",
    "LegalHold",
    "Link",
    "MeasureCount",
    "MeasureHour",
    "MeasureKey",
    "MeasuredScreening",
    "MeasuredVerification",
    "MethodFile",
    "Operation",
    "Parcel",
    "ParcelAdvance",
    "ParcelDeclaration",
    "ParcelMerge",
    "ParcelQueue",
    "Result",
    "ResultPerson",
    "ResultUse",
    "Review",
    "ReviewAnswer",
    "ScanFile",
    "Screening",
    "SignIn",
    "Token",
    "Verification",
    "table_of",
]
