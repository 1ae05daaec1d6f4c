"""What a result was made from: the recorded answer, the scans and the calibration records that it names.

Apart from `again`, because the server gathers these and never looks again itself: it needs no numerics.
"""

from dataclasses import dataclass
from typing import Any

from calibration.in_force import InForce
from calibration.record import CalibrationRecord, Kind
from spectra.values import Scan

from ..errors import EvidenceMissing

Answer = dict[str, Any]

#: Records an answer names, by the field of ``provenance.calibration``.
CITED = {"id": Kind.AXIS, "intensity": Kind.INTENSITY, "resolution": Kind.RESOLUTION}


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What a result was made from, but its method."""

    identification: Answer
    """The answer as it was recorded."""
    scan: Scan
    """The raw scan."""
    blank: Scan | None
    """The raw scan of the empty container; None for none."""
    records: InForce
    """Calibration records that the answer names."""


def cited_records(said: Answer) -> dict[Kind, str]:
    """Return the identifiers of the calibration records that an answer names, by kind."""
    cited = said["provenance"]["calibration"]
    return {kind: cited[name] for name, kind in CITED.items() if cited.get(name)}


def records_of(said: Answer, held: dict[str, CalibrationRecord]) -> InForce:
    """Return the calibration records that an answer names, out of those that are held by identifier.

    Raises
    ------
    EvidenceMissing
        One of them is not held, or is of another kind.
    """
    found: dict[str, CalibrationRecord] = {}
    for kind, name in cited_records(said).items():
        record = held.get(name)
        if record is None or record.kind is not kind:
            raise EvidenceMissing(f"the calibration record {name[:12]} ({kind}) that the result names")
        found[str(kind)] = record
    return InForce(**found)
