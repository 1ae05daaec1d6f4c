"""Units of JCAMP-DX tables, and their open conversion: every step is named in the history."""

import re
import unicodedata

import numpy as np

from ..errors import FormatError
from ..values import FloatArray, Technique
from .columns_doubts import check_absorbance
from .reading import clean, shift_of_wavelength

#: Wavenumbers, reduced to letters and digits: a word, the unit, or both.
_WAVENUMBERS = re.compile(
    r"(?:WAVENUMBERS?|RAMANSHIFT)(?:1CM|CM1)?|(?:1CM|CM1)(?:RAMANSHIFT)?|(?:RECIPROCAL|INVERSE)CENTIMET(?:ER|RE)S?"
)
#: Length units: how many make a centimetre.
LENGTH_UNITS = {
    "MICROMETERS": 1e4, "MICROMETER": 1e4, "MICRONS": 1e4, "UM": 1e4,
    "NANOMETERS": 1e7, "NANOMETER": 1e7, "NM": 1e7,
}  # fmt: skip
TRANSMITTANCE_UNITS = frozenset(
    {
        *("TRANSMITTANCE", "%TRANSMITTANCE", "PERCENTTRANSMITTANCE", "TRANSMITTANCE(%)", "%T", "T"),
        *("TRANSMISSION", "%TRANSMISSION", "PERCENTTRANSMISSION", "TRANSMISSION(%)"),
    }
)
ABSORBANCE_UNITS = frozenset({"ABSORBANCE", "ABSORBANCEUNITS", "A", "ABS"})
RAMAN_UNITS = frozenset(
    {
        "ARBITRARYUNITS", "ARBITRARY", "COUNTS", "INTENSITY", "RAMANINTENSITY", "RELATIVEINTENSITY", "A.U.",
        "AU", "COUNTSPERSECOND", "CPS", "COUNTS/S", "ARB.UNITS", "ARB.UNIT", "ARB.U.", "CTS", "CNT",
    }
)  # fmt: skip
#: Behind a word, a unit that says nothing of its own: ``Intensity (counts)``, ``Absorbance (a.u.)``.
_TOLD_TWICE = re.compile(r"(ABSORBANCE|ABS|INTENSITY|RAMANINTENSITY)[(\[/]([^()\[\]]*)[)\]]?")
#: Ordinates that are no absorbance, and what to say of them.
NOT_ABSORBANCE = {
    **dict.fromkeys(
        ("REFLECTANCE", "%REFLECTANCE", "PERCENTREFLECTANCE", "REFLECTANCE(%)", "%R", "R"),
        "how reflectance becomes absorbance depends on how it was measured (Kubelka-Munk for powders, "
        "Kramers-Kronig for mirrors)",
    ),
    **dict.fromkeys(
        ("KUBELKA-MUNK", "KUBELKAMUNK", "KUBELKA-MUNKUNITS", "KM"),
        "Kubelka-Munk units of diffuse reflectance are proportional to (1-R)^2/2R, not to absorbance",
    ),
    **dict.fromkeys(("LOG(1/R)", "-LOG(R)", "LOG1/R", "PSEUDOABSORBANCE"), "log(1/R) is a reflectance"),
    **dict.fromkeys(("PHOTOACOUSTIC", "EMISSION", "SINGLEBEAM"), "no absorbance follows from it alone"),
    **dict.fromkeys(("ARBITRARYUNITS", "ARBITRARY"), "it may be absorbance, transmittance or reflectance"),
}
#: A transmittance above this cannot be a fraction, noise included: it is in per cent.
LARGEST_FRACTION = 2.0


def wavenumbers_of(
    said: str, x: FloatArray, technique: Technique, laser: float | None, history: list[str]
) -> FloatArray:
    """Convert abscissae in the unit a file names to cm⁻¹ (infrared) or Raman shift, cm⁻¹.

    Raises
    ------
    FormatError
        A unit that is not read, or a Raman axis in a length without the laser's wavelength.
    """
    unit = unit_of(said)
    key = re.sub(r"[^A-Z0-9]", "", unicodedata.normalize("NFKC", unit))
    if technique is Technique.FTIR and "RAMANSHIFT" in key:
        raise FormatError("an infrared spectrum over a Raman shift: the file contradicts itself")
    if _WAVENUMBERS.fullmatch(key):
        return x
    if unit not in LENGTH_UNITS:
        raise FormatError(f"##XUNITS={clean(said, 24)} is no unit of an infrared or Raman axis")
    if not (x > 0).all():
        raise FormatError("a wavelength is not above zero")
    if technique is Technique.FTIR:
        history.append(f"{said.lower()} converted to cm⁻¹")
        return np.asarray(LENGTH_UNITS[unit] / x, dtype=np.float64)
    if laser is None:
        raise FormatError(f"a Raman axis in {said.lower()} needs the laser wavelength: give --laser NM")
    history.append(f"{said.lower()} converted to Raman shift with a laser of {laser:g} nm")
    return shift_of_wavelength(x * (1e7 / LENGTH_UNITS[unit]), laser)


def intensity_of(
    said: str, y: FloatArray, technique: Technique, history: list[str], *, proved: bool = False
) -> FloatArray:
    """Convert ordinates in the unit a file names to intensity (Raman) or absorbance (infrared).

    ``proved`` tells that the file is one of ours whose digest is right: what is in it was absorbance to us.

    Raises
    ------
    FormatError
        A unit that is not read, an absorbance that is none, or a transmittance without absorbance.
    """
    unit = unit_of(said)
    twice = _TOLD_TWICE.fullmatch(unit)
    if twice and twice[2] in RAMAN_UNITS:
        unit = twice[1]
    if technique is Technique.RAMAN and unit in RAMAN_UNITS:
        return y
    if technique is Technique.FTIR and unit in ABSORBANCE_UNITS:
        if not proved:
            check_absorbance(y)
        return y
    if technique is Technique.FTIR and unit in TRANSMITTANCE_UNITS:
        return absorbance_of(y, percent="%" in unit or "PERCENT" in unit, history=history)
    why = NOT_ABSORBANCE.get(unit, "") if technique is Technique.FTIR else ""
    advice = f": {why}; export absorbance" if why else ""
    raise FormatError(f"##YUNITS={clean(said, 24)} is not read for {technique}{advice}")


def absorbance_of(transmittance: FloatArray, *, percent: bool, history: list[str]) -> FloatArray:
    """Convert transmittance to absorbance, −log10 T; values above 2 show that they are in per cent.

    Raises
    ------
    FormatError
        A transmittance is zero or negative, it has no absorbance; or it is called per cent and is none.
    """
    bad = int((transmittance <= 0).sum())
    if bad:
        raise FormatError(
            f"{bad} of {transmittance.size} transmittances are zero or negative and have no absorbance: "
            "export the spectrum as absorbance, or over a shorter range"
        )
    if percent and transmittance.max() <= LARGEST_FRACTION:
        raise FormatError(
            f"transmittance is called per cent, but reaches only {transmittance.max():.4g}: a fraction? "
            "Export the spectrum as absorbance"
        )
    if percent or transmittance.max() > LARGEST_FRACTION:
        history.append(
            f"transmittance up to {transmittance.max():g} read as per cent, converted to absorbance"
        )
        return np.asarray(2.0 - np.log10(transmittance), dtype=np.float64)
    history.append("transmittance converted to absorbance")
    return np.asarray(-np.log10(transmittance), dtype=np.float64)


def unit_of(text: str) -> str:
    """Return a unit as comparisons need it: upper case, without blanks."""
    return re.sub(r"\s+", "", text).upper()
