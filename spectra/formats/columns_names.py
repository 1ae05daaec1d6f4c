"""What column names say: which holds the axis, which the intensity, and in what unit.

A name is words and perhaps a unit: ``Raman shift / cm⁻¹``, ``Wavelength [µm]``, ``%T``. What is not known
here is asked for, never guessed.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import FormatError
from ..values import Technique
from .reading import clean

#: Where to say what the file does not.
ASK = (
    "say what each column is: opioscan convert FILE OUT.csv --columns wavenumber,absorbance (others: raman "
    "shift, wavelength nm, wavelength um, intensity, transmittance, %T, noise, and - for one to leave out)"
)


@dataclass(frozen=True, slots=True)
class Column:
    """What one column holds."""

    role: str
    """``shift`` (cm⁻¹), ``nm``, ``um``, ``y``, ``transmittance``, ``percent``, ``noise`` or ``ignored``."""
    technique: Technique | None
    """The technique its name implies; None where it implies none."""
    name: str = ""
    """The name as the file has it."""

    @property
    def is_axis(self) -> bool:
        """Whether it holds the axis."""
        return self.role in {"shift", "nm", "um"}

    @property
    def is_intensity(self) -> bool:
        """Whether it holds ordinates."""
        return self.role in {"y", "transmittance", "percent"}


#: Words of a name, reduced to letters, digits and ``%``.
_WORDS: dict[str, tuple[str, Technique | None]] = {
    **dict.fromkeys(("ramanshift", "shift", "ramanwavenumber"), ("shift", Technique.RAMAN)),
    **dict.fromkeys(("wavenumber", "wavenumbers", "wave"), ("shift", None)),
    **dict.fromkeys(("wavelength", "wavelengths"), ("nm", None)),
    **dict.fromkeys(("a", "absorbance", "abs", "absorption", "atrabsorbance"), ("y", Technique.FTIR)),
    **dict.fromkeys(("transmittance", "transmission"), ("transmittance", Technique.FTIR)),
    **dict.fromkeys(
        ("%transmittance", "%transmission", "%t", "t%", "percenttransmittance"), ("percent", Technique.FTIR)
    ),
    "ramanintensity": ("y", Technique.RAMAN),
    **dict.fromkeys(("intensity", "counts", "ccdcts", "ccdcounts", "signal", "processed"), ("y", None)),
    "noise": ("noise", None),
    **dict.fromkeys(("pixel", "index", "ignored"), ("ignored", None)),
}
#: Units that follow words, or stand alone.
_UNITS: dict[str, tuple[str, Technique | None]] = {
    **dict.fromkeys(("cm1", "1cm"), ("shift", None)),
    **dict.fromkeys(("rel1cm", "relcm1", "deltacm1"), ("shift", Technique.RAMAN)),
    **dict.fromkeys(("nm", "nanometer", "nanometers", "nanometre", "nanometres"), ("nm", None)),
    **dict.fromkeys(("um", "micron", "microns", "micrometer", "micrometers", "micrometres"), ("um", None)),
    **dict.fromkeys(("%", "percent"), ("percent", Technique.FTIR)),
    **dict.fromkeys(
        ("au", "arbunits", "arbitraryunits", "counts", "cts", "cps", "countss", "adu"), ("y", None)
    ),
}
_REFUSED = {
    **dict.fromkeys(
        ("reflectance", "%reflectance", "%r", "kubelkamunk"), "is no absorbance: convert it first"
    ),
    **dict.fromkeys(("interferogram", "singlebeam"), "is no spectrum: export absorbance"),
}


def columns_of(names: Sequence[str], width: int, given: Sequence[str], *, told: bool) -> list[Column]:
    """Return what each column holds.

    Parameters
    ----------
    names
        Names in the file; none where it has none.
    width
        Number of columns.
    given
        What the caller says of them; it overrides the names.
    told
        Whether the caller says how the file was measured; two columns without names are then axis and
        intensity.

    Raises
    ------
    FormatError
        A name is unknown, or there is not exactly one axis and one intensity (of what the caller says: at
        least one).
    """
    if given:
        if len(given) != width:
            raise FormatError(f"--columns names {len(given)} columns, the table has {width}")
        found = [_column(name) for name in given]
        titles = names if len(names) == width else [""] * width
        found = [Column(one.role, one.technique, title) for one, title in zip(found, titles, strict=True)]
    elif not names:
        return _nameless(width, told=told)
    else:
        if len(names) != width:
            raise FormatError(f"{len(names)} column names for {width} columns: {ASK}")
        found = [_column(name) for name in names]
    axes, intensities = sum(one.is_axis for one in found), sum(one.is_intensity for one in found)
    if axes != 1 or intensities < 1 or (intensities > 1 and not given):
        listed = ", ".join(clean(name, 24) for name in (names or given)[:8])
        raise FormatError(f"columns {listed}: need one axis and one intensity: {ASK}")
    if sum(one.role == "noise" for one in found) > 1 or (
        intensities > 1 and any(o.role == "noise" for o in found)
    ):
        raise FormatError("a column of noise needs one column of intensity")
    return found


def known(name: str) -> bool:
    """Whether a name says what its column holds."""
    return _meaning(name) is not None


def _nameless(width: int, *, told: bool) -> list[Column]:
    if width != 2:
        raise FormatError(f"{width} columns without names: {ASK}")
    if not told:
        raise FormatError(
            "no column names: give --technique raman or ftir for cm-1 with intensity or absorbance; else "
            f"{ASK}"
        )
    return [Column("shift", None), Column("y", None)]


def _column(name: str) -> Column:
    found = _meaning(name)
    if found is None:
        why = _REFUSED.get(_key(re.split(r"[(\[/]", name)[0]), "is unknown")
        raise FormatError(f"column {clean(name, 24)!r} {why}: {ASK}")
    return Column(*found, name)


def _meaning(name: str) -> tuple[str, Technique | None] | None:
    """Return role and technique of a name; None where it says neither."""
    if name.strip() == "-":
        return "ignored", None
    key = _key(name)
    if key in _WORDS:
        return _WORDS[key]
    # a bare "%" or "a.u." could be of anything
    if key in _UNITS and Column(*_UNITS[key]).is_axis:
        return _UNITS[key]
    for cut in range(len(key) - 1, 0, -1):
        word, unit = _WORDS.get(key[:cut]), _UNITS.get(key[cut:])
        if word is not None and unit is not None and (found := _agreed(word, unit)) is not None:
            return found
    return None


def _agreed(
    word: tuple[str, Technique | None], unit: tuple[str, Technique | None]
) -> tuple[str, Technique | None] | None:
    """Return what words and unit say together; None where they contradict each other."""
    technique = word[1] or unit[1]
    if word[0] == "nm" and unit[0] in {"nm", "um"}:
        return unit[0], technique
    if word[0] == "transmittance" and unit[0] in {"percent", "y"}:
        return ("percent" if unit[0] == "percent" else "transmittance"), technique
    if word[0] in {"percent", "noise"} and unit[0] in {"percent", "y"}:
        return word[0], word[1]
    return (word[0], technique) if word[0] == unit[0] else None


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).lower().replace("μ", "u")
    return re.sub(r"[^a-z0-9%]", "", plain)
