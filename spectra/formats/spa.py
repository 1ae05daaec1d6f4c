"""Thermo OMNIC SPA files (Nicolet): one spectrum, of a file of named sections.

Thermo publishes no description. The layout is what open readers agree on (spectrochempy, CeCILL-B; the notes
of github.com/lerkoah/spa-on-python, MIT) and what measured files of OMNIC 6 to 9 show: a count of sections at
byte 294, from byte 304 on one 16-byte entry each (kind, offset, size), numbers in little-endian single
precision. Read are absorbance, transmittance and Raman intensity.
"""

import struct
from datetime import UTC, datetime, timedelta

from ..errors import FormatError
from .binary import even_axis, numbers, unpack, words
from .reading import Decoded, Request, check_size
from .units import XUnit, YUnit, believed, spectrum_of

FORMAT = "OMNIC SPA"
#: First bytes of every file.
MAGIC = b"Spectral Data File"
#: Kinds of sections that are needed: what the numbers are, and the numbers.
DESCRIPTION, NUMBERS = 2, 3
#: Code of an axis that counts data points: an interferogram.
DATA_POINTS = 2
#: Sections believed; measured files have 7 to 11.
MAX_SECTIONS = 200
#: OMNIC 8 was seen to give its last section one byte more than it has.
SLACK = 16
_TITLE = slice(30, 286)
_COUNT, _COLLECTED = struct.Struct("<H"), struct.Struct("<I")
_COUNT_AT, _COLLECTED_AT, _SECTIONS_AT = 294, 296, 304
_SECTION = struct.Struct("<HII6x")
_DESCRIPTION = struct.Struct("<4xIB3xB3xff")
#: Seconds are counted from here, UTC.
_EPOCH = datetime(1899, 12, 31, tzinfo=UTC)

_X_UNITS = {1: XUnit.WAVENUMBER, 3: XUnit.NANOMETRE, 4: XUnit.MICROMETRE, 32: XUnit.SHIFT}
_Y_UNITS = {16: YUnit.PERCENT, 17: YUnit.ABSORBANCE, 31: YUnit.INTENSITY}
_Y_REFUSED = {
    11: "per cent reflectance", 12: "log(1/R)", 15: "a single beam", 20: "Kubelka-Munk units",
    21: "reflectance", 22: "a detector's signal", 26: "photoacoustic units",
}  # fmt: skip


def recognise(data: bytes) -> bool:
    """Whether bytes start like an OMNIC spectrum."""
    return data.startswith(MAGIC)


def decode(data: bytes, request: Request) -> tuple[Decoded, ...]:
    """Decode the spectrum of an SPA file.

    Raises
    ------
    FormatError
        Damaged, cut off, or in units that are neither absorbance, transmittance nor Raman intensity.
    """
    check_size(data)
    sections = _sections(data)
    start, size = _only(sections, DESCRIPTION, "descriptions")
    if size < _DESCRIPTION.size:
        raise FormatError(f"a description of {size} bytes: damaged?")
    points, x_code, y_code, first, last = unpack(_DESCRIPTION, data, start, "its description")
    if x_code == DATA_POINTS:
        raise FormatError("an interferogram is no spectrum: save the spectrum computed from it in OMNIC")
    if x_code not in _X_UNITS:
        raise FormatError(f"an axis in OMNIC's unit {x_code} is not read: save it in wavenumbers in OMNIC")
    if y_code not in _Y_UNITS:
        said = _Y_REFUSED.get(y_code, f"OMNIC's unit {y_code}")
        raise FormatError(f"intensities as {said} are not read: save absorbance in OMNIC")
    start, size = _only(sections, NUMBERS, "sets of numbers")
    if size != 4 * points:
        raise FormatError(f"{size} bytes of numbers for {points} points: damaged?")
    x = even_axis(first, last, points)
    y = numbers(data, "<f4", points, start, "intensities")
    history = [f"read from {FORMAT}, {points} points"]
    y_unit = believed(_Y_UNITS[y_code], y, history)
    spectrum = spectrum_of(x, y, _X_UNITS[x_code], y_unit, request, history)
    return (Decoded(spectrum, FORMAT, words(data[_TITLE]) or request.name, _meta(data)),)


def _sections(data: bytes) -> list[tuple[int, int, int]]:
    """Return kind, offset and size of each section."""
    (count,) = unpack(_COUNT, data, _COUNT_AT, "its header")
    if not 0 < count <= MAX_SECTIONS:
        raise FormatError(
            f"{count} sections: a group of spectra, or damaged? Save single spectra as SPA in OMNIC"
        )
    found = [unpack(_SECTION, data, _SECTIONS_AT + n * _SECTION.size, "its sections") for n in range(count)]
    for kind, start, size in found:
        if start + size > len(data) + SLACK:
            raise FormatError(f"section {kind} ends at byte {start + size} of {len(data)}: cut off?")
    return [(int(kind), int(start), int(size)) for kind, start, size in found]


def _only(sections: list[tuple[int, int, int]], wanted: int, what: str) -> tuple[int, int]:
    places = [(start, size) for kind, start, size in sections if kind == wanted]
    if len(places) != 1:
        raise FormatError(f"{len(places)} {what}, one is due: save one spectrum a file in OMNIC")
    return places[0]


def _meta(data: bytes) -> dict[str, str]:
    (seconds,) = unpack(_COLLECTED, data, _COLLECTED_AT, "its header")
    return {"collected": (_EPOCH + timedelta(seconds=int(seconds))).isoformat()} if seconds else {}
