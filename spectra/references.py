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

    def __post_init__(self) -> None:
        if not self.reference_id or not self.substance.name:
            raise ValueRangeError("a reference needs an identifier and a substance name")

    @property
    def technique(self) -> Technique:
        """How the spectrum was measured."""
        return self.spectrum.technique
