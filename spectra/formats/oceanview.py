"""OceanView and SpectraSuite text, the exports of Ocean Optics' (Ocean Insight's) programs.

Header lines ``Key: value``, a line ``>>>>>Begin Spectral Data<<<<<``, then two columns in blanks or tabs,
with the decimal mark of the exporting computer. Layout after exports quoted in public repositories
(spHelper, specpr, NIRQuest readers); no measured file was at hand. The header says what the axis is, not how
the sample was measured: for wavelengths technique and laser are asked for.
"""

import re
from collections.abc import Sequence

from ..errors import FormatError
from .reading import MAX_META, Decoded, Request, check_width, clean, number, number_table, require_rows
from .units import XUnit, YUnit, spectrum_of

FORMAT = "OceanView text"
MAX_HEADER_ROWS = 200
#: Rows read; cells are kept as text for a while, which takes 400 bytes a row. Chosen.
MAX_ROWS = 1 << 17
_BEGIN = re.compile(r">>>>>\s*Begin (?:Processed )?Spectral Data\s*<<<<<", re.IGNORECASE)
_END = re.compile(r">>>>>\s*End (?:Processed )?Spectral Data\s*<<<<<", re.IGNORECASE)
#: What ``XAxis mode`` says, reduced to letters; where it is missing (SpectraSuite) the axis is in nm.
_AXES = {
    "": XUnit.NANOMETRE,
    "wavelength": XUnit.NANOMETRE,
    "wavelengths": XUnit.NANOMETRE,
    "wavelengthnm": XUnit.NANOMETRE,
    "ramanshift": XUnit.SHIFT,
    "ramanshifts": XUnit.SHIFT,
}
_PIXELS = ("Number of Pixels in Spectrum", "Number of Pixels in Processed Spectrum")


def recognise(text: str) -> bool:
    """Whether a line near the start announces spectral data."""
    return any(_BEGIN.match(line.strip()) for line in text.split("\n", MAX_HEADER_ROWS)[:MAX_HEADER_ROWS])


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode an OceanView export.

    Raises
    ------
    FormatError
        Damaged, cut off, or technique or laser are neither in the file nor given.
    """
    lines = text.split("\n")
    meta, first = _header(lines)
    if len(lines) - first > MAX_ROWS:
        raise FormatError(f"more than {MAX_ROWS} rows are no spectrum of this format")
    rows = _rows(lines, first)
    require_rows(len(rows))
    check_width(rows, 2, first + 1)
    said = next((meta[name] for name in _PIXELS if meta.get(name)), "")
    if said and number(said, "'Number of Pixels'") != len(rows):
        raise FormatError(f"the header promises {said} pixels, the table has {len(rows)}: cut off?")
    table = number_table(rows, first + 1, comma=any("," in cell for row in rows for cell in row))
    mode = meta.get("XAxis mode", "")
    unit = _AXES.get(re.sub(r"[^a-z]", "", mode.lower()))
    if unit is None:
        raise FormatError(f"XAxis mode {clean(mode, 24)!r} is not read: export wavelengths or Raman shifts")
    history = [f"read from {FORMAT}, {len(rows)} pixels"]
    spectrum = spectrum_of(table[:, 0], table[:, 1], unit, YUnit.INTENSITY, request, history)
    return (Decoded(spectrum, FORMAT, request.name or meta.get("title", ""), meta),)


def _header(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """Return the header fields and the index of the first row of numbers."""
    meta: dict[str, str] = {}
    for index, line in enumerate(lines[:MAX_HEADER_ROWS]):
        if _BEGIN.match(line.strip()):
            return meta, index + 1
        key, colon, value = line.partition(":")
        if colon and len(meta) < MAX_META:
            meta[clean(key)] = clean(value)
        elif line.strip():
            meta.setdefault("title", clean(line.removeprefix("Data from").removesuffix("Node")))
    raise FormatError("no line '>>>>>Begin Spectral Data<<<<<': is the file cut off?")


def _rows(lines: Sequence[str], first: int) -> list[list[str]]:
    rows: list[list[str]] = []
    for line in lines[first:]:
        if _END.match(line.strip()):
            break
        rows.append(line.split())
    return rows
