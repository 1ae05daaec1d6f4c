"""Reference spectra and the substances they stand for."""

from dataclasses import dataclass, field
from enum import StrEnum

from .errors import ValueRangeError
from .values import Spectrum, Technique


class Grade(StrEnum):
    """How a reference came to be, and therefore what it may lead to."""

    MEASURED = "measured"
    """A spectrum of an authenticated sample: may name a substance."""
    DERIVED = "derived"
    """A parametric fit of a measured spectrum: may name an uncontrolled substance."""
    LITERATURE = "literature"
    """A band table of a publication: class evidence only."""


@dataclass(frozen=True, slots=True)
class Substance:
    """A chemical substance as the law and the laboratory know it."""

    name: str
    """Preferred name, as answers print it."""
    synonyms: tuple[str, ...] = ()
    """Other names of the same substance."""
    substance_class: str = "unknown"
    """Class such as ``fentanyl_analogue``, ``cutting_agent``, ``solvent``, ``packaging``."""
    controlled: bool = False
    """True where a schedule lists it (or may: a schedule marked *check*)."""
    schedule: str = ""
    """Schedule text, with its confidence flag."""
    jurisdiction: str = ""
    """Whose schedule, for example ``US``; empty for none."""
    cas: str = ""
    """CAS registry number; empty where unknown."""
    inchikey: str = ""
    """InChIKey; empty where unknown."""
    source: str = ""
    """Where these facts were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """Who vouches that a reference spectrum is of the substance it is named after, and on what grounds."""

    authenticated_by: str
    """The person who vouches; never the operator."""
    authenticated_at: str
    """When, RFC 3339 in UTC."""
    basis: str
    """On what grounds, in that person's words."""
    sample: str = ""
    """The sample as the laboratory calls it."""
    supplier: str = ""
    """Who supplied it."""
    certificate: str = ""
    """Its certificate of analysis: text, or the name of its file."""
    certificate_sha256: str = ""
    """SHA-256 of the certificate's file; empty for one that is given as text."""
    lot: str = ""
    """Lot of the sample."""
    expires: str = ""
    """Last day on which the lot may be used, ISO 8601."""
    operators: tuple[str, ...] = ()
    """Who measured."""
    replicates: int = 0
    """Scans the spectrum is the average of."""
    spots: int = 0
    """Spots they were taken at, counted anew each day."""
    days: int = 0
    """Days they were taken on, UTC."""
    agreement: float | None = None
    """Least squared cosine between two replicates after the recipe, 0 to 1; None for a single one."""
    scans: tuple[str, ...] = ()
    """Content addresses of the scans."""
    emulated: bool = False
    """True where an emulated device measured: no real sample was."""

    def __post_init__(self) -> None:
        for name in ("authenticated_by", "authenticated_at", "basis"):
            if not getattr(self, name).strip():
                raise ValueRangeError(f"an authentication needs {name}")
        if same_person(self.authenticated_by, *self.operators):
            raise ValueRangeError("who authenticates a reference must not have measured it")
        if min(self.replicates, self.spots, self.days) < 0:
            raise ValueRangeError("an authentication counts replicates, spots and days from 0")
        if self.agreement is not None and not 0.0 <= self.agreement <= 1.0:
            raise ValueRangeError(f"an agreement of {self.agreement} is outside 0–1")


def same_person(name: str, *others: str) -> bool:
    """Whether a name is one of others, whatever its case and blanks."""
    folded = " ".join(name.split()).casefold()
    return any(" ".join(other.split()).casefold() == folded for other in others)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceEntry:
    """One reference spectrum of one substance."""

    reference_id: str
    """Stable identifier, unique in its library."""
    substance: Substance
    """What it is a spectrum of."""
    spectrum: Spectrum
    """The spectrum, before any recipe."""
    grade: Grade
    """How it came to be."""
    form: str = ""
    """Salt, hydrate or physical form; empty where unknown."""
    packaging: bool = False
    """True for a material that parcels and containers are made of."""
    instrument: str = ""
    """Instrument that measured it; empty where unknown."""
    source: str = ""
    """Origin: file, publication, certificate."""
    licence: str = ""
    """Licence of the data; empty where unknown."""
    equivalents: tuple[str, ...] = field(default=())
    """Names of substances in the library that are the same compound under another name."""
    authentication: Authentication | None = None
    """Who vouches for the sample; None where nobody is on record."""
    enhanced: bool = False
    """True for a surface-enhanced Raman spectrum (SERS): it shows the substance on a metal. It is kept apart,
    and no ordinary scan is compared with it."""

    def __post_init__(self) -> None:
        if not self.reference_id or not self.substance.name:
            raise ValueRangeError("a reference needs an identifier and a substance name")

    @property
    def in_house(self) -> bool:
        """Whether it was measured and authenticated here, scan by scan, and not imported."""
        return self.authentication is not None and bool(self.authentication.scans)

    @property
    def technique(self) -> Technique:
        """How the spectrum was measured."""
        return self.spectrum.technique
