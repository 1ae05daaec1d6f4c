"""The answer as a value: what a scan holds, in the contract ``opioscan.identification/1``."""

from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .reasons import Verdict
from .values import Technique

SCHEMA = "opioscan.identification/1"

#: What stands in place of a name the instrument may not give at the moment.
WITHHELD = "(name withheld)"


@dataclass(frozen=True, slots=True)
class InstrumentState:
    """How far the instrument's axis can be trusted at the time of a scan."""

    axis: str = "foreign"
    """``verified``, ``overdue``, ``missing``, ``failed``, or ``foreign`` for files."""
    calibration_id: str = ""
    """Calibration record of the axis; empty where the device's own axis counts."""
    verified_at: str = ""
    """When the last verification passed, RFC 3339; empty for never."""
    calibration_expired: bool = False
    """True where a calibration record is past its validity, or does not fit the scan."""
    method_stale: bool = False
    """True where the method is past its expiry."""
    verification_id: str = ""
    """Scan of the last verification, passed or not; empty for none."""
    intensity_id: str = ""
    """Calibration record of the intensity response; empty for none."""
    resolution_id: str = ""
    """Calibration record of the resolution; empty for none."""

    def to_json(self) -> dict[str, str]:
        """Return what an answer says of calibration and verification."""
        return {
            "id": self.calibration_id,
            "verified_at": self.verified_at,
            "verification": self.verification_id,
            "intensity": self.intensity_id,
            "resolution": self.resolution_id,
        }


#: A file of unknown origin: the fitted shift alone judges its axis.
FOREIGN = InstrumentState()


@dataclass(frozen=True, slots=True)
class Component:
    """A substance found in a scan."""

    substance: str
    reference_id: str
    role: str
    controlled: bool
    substance_class: str
    evidence: str
    spectral_share: float
    statistic: float
    p_value: float
    hqi: float
    shift_cm1: float
    bands_cm1: tuple[int, ...]
    alternatives: tuple[str, ...]
    watch_list: bool

    def to_json(self) -> dict[str, Any]:
        """Return the component as JSON values."""
        head = asdict(self)
        head["class"] = head.pop("substance_class")
        head["bands_cm1"] = list(self.bands_cm1)
        head["alternatives"] = list(self.alternatives)
        return head


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the scan is."""

    snr: float
    """Strongest band over the noise."""
    saturated: bool
    """Whether a channel reached the detector's limit."""
    fluorescence_ratio: float
    """Area of the background over the area of the bands."""
    coverage_cm1: tuple[float, float]
    """Range that was compared, cm⁻¹."""
    explained: float
    """Share of the query's energy beyond noise that the fit explains, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Curves:
    """What a picture of the answer shows: lists over one axis."""

    axis: tuple[float, ...]
    query: tuple[float, ...]
    fit: tuple[float, ...]
    parts: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True, slots=True)
class Identification:
    """One answer about one scan. Always presumptive."""

    source: str
    scan_id: str
    technique: Technique
    laser_nm: float | None
    training: bool
    verdict: Verdict
    reasons: tuple[str, ...]
    components: tuple[Component, ...]
    ranking: tuple[dict[str, Any], ...]
    classes: tuple[dict[str, Any], ...]
    not_excluded: tuple[dict[str, Any], ...]
    quality: Quality
    provenance: dict[str, Any]
    created_at: str
    curves: Curves | None = field(default=None, compare=False)
    """For pictures only; not part of the contract."""

    def to_json(self) -> dict[str, Any]:
        """Return the object of the contract."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "scan_id": self.scan_id,
            "technique": str(self.technique),
            "laser_nm": self.laser_nm,
            "training": self.training,
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
            "components": [component.to_json() for component in self.components],
            "ranking": [dict(one) for one in self.ranking],
            "classes": [dict(one) for one in self.classes],
            "not_excluded": [dict(one) for one in self.not_excluded],
            "quality": {**asdict(self.quality), "coverage_cm1": list(self.quality.coverage_cm1)},
            "provenance": self.provenance,
            "created_at": self.created_at,
        }


@cache
def software() -> str:
    """Return the program's name and version as records cite it."""
    try:
        return f"opioscan {version('opioscan')}"
    except PackageNotFoundError:
        return "opioscan (not installed)"
