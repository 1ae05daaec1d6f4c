"""Where the bands of the polystyrene film belong in infrared transmission.

The table that ships is the one of the pharmacopoeias, with its tolerances: it is **no certificate**. NIST
SRM 1921b certifies 13 bands between 540 and 3,125 cm⁻¹, by the centroid and by the band minimum, in vacuum
with a correction for air; those values were not verified here and do not ship. Give the table of the film in
hand (`FilmTable.from_json`), with the method its values were found by.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Self

from .errors import CertificateInvalid
from .strict_json import from_json, strict, to_json

SCHEMA = "opioscan.film/1"
#: Fewest and most bands of a table; five carry a straight line and show an outlier.
MIN_BANDS, MAX_BANDS = 5, 64
#: Closest two bands of a table may stand, cm⁻¹; chosen: nearer ones cannot be told apart at 8 cm⁻¹.
CLOSEST_CM1 = 10.0


@strict
@dataclass(frozen=True, slots=True)
class FilmBand:
    """One band of a film."""

    position_cm1: float
    """Where it belongs, cm⁻¹."""
    uncertainty_cm1: float
    """Expanded uncertainty of the certificate; tolerance, where the table is none, cm⁻¹."""


@strict
@dataclass(frozen=True, slots=True)
class FilmTable:
    """The bands of a film, of its certificate where there is one."""

    name: str
    """Such as ``polystyrene film (Ph. Eur.)`` or ``SRM 1921b unit 123``."""
    method: Literal["minimum", "centroid"]
    """How positions are found: minimum of the transmittance, or centroid of the part below half depth."""
    bands: tuple[FilmBand, ...]
    """Its bands, ascending."""
    source: str = ""
    """Certificate with number and date, or publication."""

    def __post_init__(self) -> None:
        places = [band.position_cm1 for band in self.bands]
        if not self.name or not MIN_BANDS <= len(places) <= MAX_BANDS:
            raise CertificateInvalid(
                f"a table of {len(places)} film bands; {MIN_BANDS} to {MAX_BANDS} are needed"
            )
        apart = [after - before for before, after in pairwise(places)]
        if min(apart) < CLOSEST_CM1 or places[0] < 200 or places[-1] > 10000:
            raise CertificateInvalid(
                f"film bands must ascend from 200 to 10000 cm⁻¹, {CLOSEST_CM1:g} cm⁻¹ apart at least"
            )
        if any(not 0 < band.uncertainty_cm1 <= 10 for band in self.bands):
            raise CertificateInvalid("the uncertainty of a film band is above 0 and at most 10 cm⁻¹")

    def to_json(self) -> dict[str, Any]:
        """Return the table as JSON values, the form in which an own certificate is kept."""
        return to_json(self, SCHEMA)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read the certificate of the film in hand.

        Raises
        ------
        RecordDamaged
            A field is missing, unknown, of another kind, or makes no table.
        """
        return from_json(cls, SCHEMA, value)


#: Bands and tolerances of the European Pharmacopoeia 4.0 and the Japanese Pharmacopoeia XIV (supplement 1),
#: as quoted by Shimadzu, "FTIR validation", ssi.shimadzu.com/service-support/technical-support/analysis-
#: basics/ tips-ftir/validation2.html. Not a certificate of any film.
PHARMACOPOEIA = FilmTable(
    "polystyrene film (pharmacopoeia)",
    "minimum",
    tuple(
        FilmBand(position, tolerance)
        for position, tolerance in (
            (1028.3, 1.0),
            (1154.5, 1.0),
            (1583.0, 1.0),
            (1601.2, 1.0),
            (1942.9, 1.5),
            (2849.5, 1.5),
            (3060.0, 1.5),
        )
    ),
    "Ph. Eur. 4.0 and JP XIV supplement 1, as quoted by Shimadzu; no certificate",
)
