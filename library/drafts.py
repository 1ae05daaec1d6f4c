"""A draft: what was measured for a reference, by whom, when and of which lot, before anybody vouches for it.

The raw scans are in the archive of the bench under their content addresses; a draft names them and holds
their spectra, so that it can be judged, continued on another day and authenticated without the bench.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from spectra.errors import ValueRangeError
from spectra.values import (
    DeviceInfo,
    FloatArray,
    Spectrum,
    Technique,
    check_ascending,
    frozen_array,
)

from .errors import DraftError
from .manifest import is_cas, is_inchikey
from .names import fold_name

#: Most replicates and sessions of a draft: a hundred at each of two spots. Chosen.
MAX_REPLICATES, MAX_SESSIONS = 200, 100
#: Two axes are one where no channel differs by more, cm⁻¹. Chosen: a tenth of a handheld's channel.
SAME_AXIS = 0.1
#: Facts that are names, of which two spellings are one; a lot 12-3 is not the lot 123.
_NAMES = frozenset({"substance", "form", "substance_class"})
#: Libraries of these names, or of names that begin with the second, are for training.
TRAINING = ("starter", "training")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was put before the probe, as the laboratory and its papers say."""

    substance: str
    """Name the entry is filed under."""
    form: str = ""
    """Salt, hydrate or physical form."""
    substance_class: str = ""
    """Class, where the substance table does not know it."""
    schedule: str = ""
    """Schedule, where the substance table does not know it."""
    cas: str = ""
    """CAS registry number, where the substance table does not know it."""
    inchikey: str = ""
    """InChIKey, where the substance table does not know it."""
    sample: str = ""
    """What the laboratory calls the sample."""
    supplier: str = ""
    """Who supplied it."""
    certificate: str = ""
    """Certificate of analysis: text, or the name of its file."""
    certificate_sha256: str = ""
    """SHA-256 of that file."""
    lot: str = ""
    """Lot."""
    expires: str = ""
    """Last day on which the lot may be used, ISO 8601."""
    licence: str = ""
    """Licence the spectrum shall have."""

    def __post_init__(self) -> None:
        if not self.substance.strip():
            raise ValueRangeError("a sample needs the name of its substance")
        for name in self.__slots__:
            text = getattr(self, name)
            if len(text) > 500 or not text.isprintable():
                raise ValueRangeError(f"{name} is one line of at most 500 printable characters")
        if self.expires:
            expiry_of(self.expires)
        if self.cas and not is_cas(self.cas):
            raise ValueRangeError(f"cas {self.cas!r:.40} is no CAS number: its form or check digit is wrong")
        if self.inchikey and not is_inchikey(self.inchikey):
            raise ValueRangeError(f"inchikey {self.inchikey!r:.40} is no InChIKey")

    def with_more(self, more: dict[str, str]) -> "Sample":
        """Return it with facts it did not have.

        Raises
        ------
        DraftError
            One of them is another than it has.
        """
        for name, value in more.items():
            had = getattr(self, name)
            same = fold_name(had) == fold_name(value) if name in _NAMES else had.strip() == value.strip()
            if value and had and not same:
                raise DraftError(
                    f"the draft says {name} {had!r:.60}, not {value!r:.60}: another sample is another draft"
                )
        return replace(self, **{name: value for name, value in more.items() if not getattr(self, name)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sitting of an operator at an instrument."""

    begun_at: str
    """RFC 3339, UTC."""
    operator: str
    """Who measured."""
    asked_on: str
    """Where a person answered the safety questions; ``nobody``: a program measured."""
    axis: str
    """State of the instrument's verification: ``verified``, ``overdue``, ``missing`` or ``failed``."""
    verification_id: str = ""
    """Content address of the scan it was verified by."""
    verified_at: str = ""
    """When, RFC 3339."""
    blank: str = ""
    """Name of the blank; empty where none was used."""
    blank_id: str = ""
    """Content address of its scan."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replicate:
    """One scan of the sample."""

    scan_id: str
    """Content address of the raw scan in the archive."""
    session: int
    """Place of its session among the draft's, from 0."""
    spot: int
    """Number of the spot in its session, from 1."""
    number: int
    """Number of the scan at that spot, from 1."""
    taken_at: str
    """RFC 3339, UTC."""
    exposure_s: float
    """Exposure of one accumulation, s; 0 where unknown."""
    accumulations: int
    """Frames averaged."""
    laser_mw: float | None
    """Laser power asked for, mW."""
    saturated: bool
    """Whether a channel reached the detector's limit."""
    snr: float | None
    """Strongest band over the noise; None where it cannot be known."""
    intensity: FloatArray
    """Counts per second (Raman) or absorbance, dark and blank taken off, shape (n,)."""
    history: tuple[str, ...] = ()
    """What was done to it so far."""
    refused: tuple[str, ...] = ()
    """Codes of the findings that keep it out of the average; empty for one that counts."""
    words: str = ""
    """Why it was refused, in a sentence."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "intensity", frozen_array(self.intensity, name="intensity"))

    @property
    def kept(self) -> bool:
        """Whether it counts."""
        return not self.refused

    @property
    def place(self) -> str:
        """Where it was taken, in words."""
        return f"spot {self.spot}, replicate {self.number} of {self.taken_at[:10]}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """Everything measured of one sample on one instrument."""

    sample: Sample
    """The sample."""
    technique: Technique
    """How it was measured."""
    device: DeviceInfo
    """The instrument."""
    laser_nm: float | None
    """Excitation, nm."""
    resolution_cm1: float | None
    """Full width at half maximum of the instrument's line, cm⁻¹; None where unknown."""
    axis: FloatArray
    """Raman shift or wavenumber of every replicate, cm⁻¹, ascending, shape (n,)."""
    sessions: tuple[Session, ...] = ()
    """Sittings, oldest first."""
    replicates: tuple[Replicate, ...] = ()
    """Scans, oldest first, also those that were refused."""
    authenticated: dict[str, Any] = field(default_factory=dict)
    """Who made it an entry of which library; empty while nobody did."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "axis", frozen_array(self.axis, name="axis"))
        check_ascending(self.axis, name="axis")
        if len(self.replicates) > MAX_REPLICATES or len(self.sessions) > MAX_SESSIONS:
            raise ValueRangeError(
                f"a draft has at most {MAX_REPLICATES} replicates in {MAX_SESSIONS} sessions"
            )
        for one in self.replicates:
            if one.intensity.shape != self.axis.shape or not 0 <= one.session < len(self.sessions):
                raise ValueRangeError(f"the replicate {one.scan_id[:12]} does not fit its draft")

    @property
    def kept(self) -> tuple[Replicate, ...]:
        """Replicates that count."""
        return tuple(one for one in self.replicates if one.kept)

    @property
    def operators(self) -> tuple[str, ...]:
        """Who measured, each once."""
        return tuple(dict.fromkeys(one.operator for one in self.sessions))

    @property
    def days(self) -> int:
        """Days on which replicates that count were taken, UTC."""
        return len({one.taken_at[:10] for one in self.kept})

    @property
    def spots(self) -> int:
        """Spots of replicates that count; each session chooses its spots anew."""
        return len({(one.session, one.spot) for one in self.kept})

    def spectrum_of(self, replicate: Replicate) -> Spectrum:
        """Return a replicate as a spectrum."""
        return Spectrum(
            self.axis,
            replicate.intensity,
            self.technique,
            laser_nm=self.laser_nm,
            resolution_cm1=self.resolution_cm1,
            saturated=replicate.saturated,
            history=replicate.history,
        )


def is_training(library_name: str) -> bool:
    """Whether a library is for training by its name: nothing it names is a real result."""
    folded = fold_name(library_name)
    return folded == TRAINING[0] or folded.startswith(TRAINING[1])


def expiry_of(text: str) -> date:
    """Return an expiry as a date.

    Raises
    ------
    ValueRangeError
        It is no date of the form 2027-06-30.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueRangeError(f"expires {text!r:.40}: say a date such as 2027-06-30") from error


def has_expired(sample: Sample, at: str) -> bool:
    """Whether the lot of a sample could no longer be used on the day of a time (ISO 8601)."""
    return bool(sample.expires) and expiry_of(sample.expires) < date.fromisoformat(at[:10])
