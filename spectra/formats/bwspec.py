"""BWSpec and BWRam text, the export of B&W Tek's software.

Header rows ``key;value``, one row of column names, then the numbers; cells end in ``;``, the decimal mark is
the comma or the point of the exporting computer. Rows outside the calibrated range have blank shifts.
Read are ``Raman Shift`` (cm⁻¹) and each ``Dark Subtracted #n``; layout after files of BWSpec 4.11.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import FormatError
from ..values import FloatArray, Spectrum, Technique
from .reading import (
    MAX_META,
    MAX_PIXELS,
    Decoded,
    PixelCounts,
    Request,
    build,
    check_width,
    clean,
    number,
    number_table,
    reached_full_scale,
    require_rows,
)

FORMAT = "BWSpec text"
MAX_HEADER_ROWS = 1000
#: Longest row, characters; those of BWSpec 4.11 have some hundred.
MAX_LINE = 1 << 14


def recognise(text: str) -> bool:
    """Whether text starts like a BWSpec or BWRam export."""
    return re.match(r"File Version;\s*BW", text[:40]) is not None


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows that have a shift, still as text."""

    names: list[str]
    rows: list[list[str]]
    first_line: int
    history: tuple[str, ...]

    def column(self, wanted: str) -> int:
        places = [index for index, name in enumerate(self.names) if name == wanted]
        if len(places) != 1:
            raise FormatError(f"{len(places)} columns named {wanted!r}, one is needed: export it from BWSpec")
        return places[0]

    def numbers(self, wanted: Sequence[str]) -> FloatArray:
        """Return some columns, shape (rows, columns)."""
        places = [self.column(name) for name in wanted]
        cells = [[row[place] for place in places] for row in self.rows]
        comma = any("," in cell for row in cells for cell in row)
        return number_table(cells, self.first_line, comma=comma)


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode each accumulation of a BWSpec export.

    Raises
    ------
    FormatError
        Damaged, cut off, or without Raman shifts.
    """
    lines = text.split("\n")
    meta, start = _header(lines)
    table = _table(lines, start, meta)
    technique = request.settle_technique(Technique.RAMAN)
    laser = request.settle_laser(_laser(meta), technique)
    title = request.name or meta.get("title", "")
    return tuple(
        Decoded(_spectrum(table, measured, laser), FORMAT, title, meta) for measured in _measured(table.names)
    )


def decode_pixels(text: str) -> PixelCounts:
    """Return the counts of every pixel, the mean of the accumulations, also where there is no Raman shift.

    Raises
    ------
    FormatError
        Damaged or cut off, or one of the wavelength coefficients ``coefs_a0`` to ``coefs_a3`` is no number.
    """
    lines = text.split("\n")
    meta, start = _header(lines)
    table = _rows(lines, start, meta)
    counts = table.numbers([f"Dark Subtracted #{one}" for one in _measured(table.names)])
    told = [meta.get(f"coefs_a{power}", "") for power in range(4)]
    known = all(told)
    return PixelCounts(
        counts.mean(axis=1),
        tuple(number(one, "'coefs_a'", comma="," in one) for one in told) if known else (),
        _laser(meta),
        meta,
    )


def _laser(meta: dict[str, str]) -> float | None:
    said = meta.get("laser_wavelength", "")
    return number(said, "'laser_wavelength'", comma="," in said) if said else None


def _spectrum(table: _Table, measured: str, laser: float | None) -> Spectrum:
    wanted = ["Raman Shift", f"Dark Subtracted #{measured}"]
    raw = f"Raw data #{measured}"
    numbers = table.numbers([*wanted, raw] if raw in table.names else wanted)
    history = list(table.history)
    saturated = raw in table.names and reached_full_scale(numbers[:, 0], numbers[:, 2], history)
    return build(
        numbers[:, 0],
        numbers[:, 1],
        Technique.RAMAN,
        history=history,
        laser_nm=laser,
        saturated=saturated,
    )


def _rows(lines: Sequence[str], start: int, meta: dict[str, str]) -> _Table:
    """Return every row of the table, those without a shift too."""
    names = [cell.strip() for cell in lines[start].rstrip(";").split(";")]
    require_rows(len(lines) - start - 1, MAX_PIXELS)
    if max(map(len, lines[start:])) > MAX_LINE:
        raise FormatError(f"a line of more than {MAX_LINE} characters is no row of BWSpec")
    rows = [line.removesuffix(";").split(";") for line in lines[start + 1 :]]
    check_width(rows, len(names), start + 2)
    pixels = meta.get("pixel_num", "")
    if pixels and number(pixels, "'pixel_num'") != len(rows):
        raise FormatError(f"the header promises {pixels} pixels, the table has {len(rows)}: cut off?")
    return _Table(names, rows, start + 2, ())


def _table(lines: Sequence[str], start: int, meta: dict[str, str]) -> _Table:
    whole = _rows(lines, start, meta)
    names, rows = whole.names, whole.rows
    shifts = whole.column("Raman Shift")
    live = [index for index, row in enumerate(rows) if row[shifts].strip()]
    require_rows(len(live))
    first, last = live[0], live[-1] + 1
    if len(live) != last - first:
        raise FormatError("blank Raman shifts in the middle of the table: damaged?")
    history = [f"read from {FORMAT} ({meta.get('File Version', '')}), {len(rows)} pixels"]
    if len(live) < len(rows):
        history.append(
            f"pixels without a shift left out: {first} at the start, {len(rows) - last} at the end"
        )
    return _Table(names, rows[first:last], start + 2 + first, tuple(history))


def _header(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    meta: dict[str, str] = {}
    for index, line in enumerate(lines[:MAX_HEADER_ROWS]):
        if line.startswith("Pixel;"):
            return dict(list(meta.items())[:MAX_META]), index
        key, separator, value = line.partition(";")
        if not separator and line.strip():
            raise FormatError(f"line {index + 1}: {clean(line, 24)!r} is no 'key;value' row")
        meta[clean(key)] = clean(value.rstrip(";"))
    raise FormatError("no row of column names (Pixel;Wavelength;…): is the file cut off?")


def _measured(names: Sequence[str]) -> list[str]:
    """Return the numbers of the accumulations, as written behind ``#``."""
    found = [name.removeprefix("Dark Subtracted #") for name in names if name.startswith("Dark Subtracted #")]
    if not found:
        raise FormatError("no column 'Dark Subtracted #1': export it from BWSpec")
    return found
