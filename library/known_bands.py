"""Known bands of substances, from the shipped fact tables: what a spectrum's axis is checked against."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from spectra.references import Substance
from spectra.values import FloatArray, Technique

from .starter import BAND_COLUMNS, IR_FWHM, PEAK_COLUMNS
from .substances import SubstanceTable
from .tables import read_table

#: Width of Raman bands whose table gives none, cm⁻¹: the median of the fitted peaks is about 12. Chosen.
RAMAN_FWHM = 12.0

#: Which rows of the band table are of which technique. Bands of SERS are those of another surface.
_TECHNIQUES = {
    "Raman 785": Technique.RAMAN,
    "Raman shift standard": Technique.RAMAN,
    "Raman (normal)": Technique.RAMAN,
    "ATR-FTIR": Technique.FTIR,
}
#: Heights of bands that are given as words; only their order matters. Chosen.
_WORDS = {"vw": 0.05, "w": 0.15, "m": 0.4, "s": 0.7, "vs": 1.0}
_UNKNOWN_HEIGHT = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class KnownBands:
    """Bands of one substance in one technique, from one table."""

    centre: FloatArray
    """Positions, cm⁻¹, ascending, shape (m,)."""
    fwhm: FloatArray
    """Full widths at half maximum, cm⁻¹, shape (m,)."""
    height: FloatArray
    """Heights over the highest, shape (m,)."""
    source: str
    """Table they are from."""


def known_bands(substance: Substance, technique: Technique) -> tuple[KnownBands, ...]:
    """Return what the shipped tables know of a substance's bands; several where it has several forms.

    Parameters
    ----------
    substance
        Found by its name, then by its synonyms.
    technique
        Technique of the spectrum.
    """
    table = _shipped()
    known = next(
        (one for name in (substance.name, *substance.synonyms) if (one := table.resolve(name))), None
    )
    return _tables().get((known.name, technique), ()) if known else ()


@cache
def _shipped() -> SubstanceTable:
    """Return the shipped table; to make it takes 6 ms, which every entry of an import would pay."""
    return SubstanceTable.shipped()


@cache
def _tables() -> dict[tuple[str, Technique], tuple[KnownBands, ...]]:
    """Return all known bands by preferred name; fitted peaks win over band tables."""
    table = SubstanceTable.shipped()
    found: dict[tuple[str, Technique], list[KnownBands]] = {}
    for filed, rows in _grouped("raman785_peaks.csv", PEAK_COLUMNS).items():
        if known := table.resolve(filed[0]):
            centre, fwhm, height = (
                np.array([float(row[column]) for row in rows])
                for column in ("centre_cm1", "fwhm_cm1", "height")
            )
            place = (known.name, Technique.RAMAN)
            found.setdefault(place, []).append(_sorted(centre, fwhm, height, "raman785_peaks.csv"))
    fitted = set(found)
    for (filed_name, how), rows in _grouped("bands.csv", BAND_COLUMNS).items():
        known, technique = table.resolve(filed_name), _TECHNIQUES.get(how)
        if known and technique and (known.name, technique) not in fitted:
            centre = np.array([float(row["position_cm1"]) for row in rows])
            height = np.array([_height(row["relative_intensity"]) for row in rows])
            fwhm = np.full(centre.shape, IR_FWHM if technique is Technique.FTIR else RAMAN_FWHM)
            found.setdefault((known.name, technique), []).append(_sorted(centre, fwhm, height, "bands.csv"))
    return {place: tuple(sets) for place, sets in found.items()}


def _grouped(file: str, columns: tuple[str, ...]) -> dict[tuple[str, str], list[dict[str, str]]]:
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in read_table(file, columns):
        groups.setdefault((row["substance"], row.get("technique", "")), []).append(row)
    return groups


def _height(text: str) -> float:
    try:
        return float(text) / 100.0
    except ValueError:
        return _WORDS.get(text.strip(), _UNKNOWN_HEIGHT)


def _sorted(centre: FloatArray, fwhm: FloatArray, height: FloatArray, source: str) -> KnownBands:
    order = np.argsort(centre)
    highest = max(float(height.max()), 1e-300)
    return KnownBands(centre[order], fwhm[order], height[order] / highest, source)
