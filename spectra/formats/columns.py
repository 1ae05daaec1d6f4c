"""Columns of numbers (CSV, TSV, blanks), with or without column names; the format of last resort.

Names say what the columns are; where they do not, `Request.columns` or `Request.technique` must. Comment
lines start with ``#``; ``# key: value`` among them may give technique, laser_nm, resolution_cm1, saturated,
points, history and title, which is what `encode_csv` writes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import FormatError
from ..values import FloatArray, Technique
from .columns_cells import cells_of, named_cells, separator_of, starts_number
from .columns_doubts import check_absorbance, check_axis, check_commas, check_ordinates
from .columns_names import Column, columns_of, known
from .jcamp_units import absorbance_of
from .reading import (
    MAX_META,
    Decoded,
    Request,
    build,
    check_width,
    clean,
    number,
    number_table,
    require_rows,
    shift_of_wavelength,
)

FORMAT = "two-column text"
MAX_HEADER_ROWS = 200
#: Longest line, characters, and most cells of a table: some hundred spectra beside each other fit.
MAX_LINE, MAX_CELLS = 1 << 16, 1 << 22
#: Keys in the comments of every file that `encode_csv` wrote.
OURS = frozenset({"technique", "points"})
#: A line of a LabSpec header: a key, an equals sign, a tab, its value.
_LABSPEC = re.compile(r"#([^=\t]+)=\t(.*)")


@dataclass(slots=True)
class _Layout:
    """Where the numbers stand and what the file says about them."""

    meta: dict[str, str] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    first: int = 0


def recognise(text: str) -> bool:
    """Whether a row near the start looks like numbers in columns."""
    rows = text.split("\n", MAX_HEADER_ROWS + 1)[:MAX_HEADER_ROWS]
    return any(starts_number(row) and len(cells_of(row, separator_of(row))) >= 2 for row in rows)


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode columns of numbers; what the names do not say is asked for, never guessed.

    Raises
    ------
    FormatError
        Damaged, ambiguous, or without units.
    """
    lines = text.split("\n")
    layout = _layout(lines)
    rows = _rows(lines, layout.first)
    _check_points(layout.meta, len(rows))
    comma = any("," in cell for row in rows for cell in row)
    if comma:
        check_commas(rows)
    table = number_table(rows, layout.first + 1, comma=comma)
    told = request.technique is not None or "technique" in layout.meta
    columns = columns_of(layout.names, table.shape[1], request.columns, told=told)
    technique = request.settle_technique(_said_technique(layout, columns))
    _check_unnamed(layout, columns, table, technique, told=bool(request.columns))
    return tuple(
        _spectrum(layout, columns, place, table, (technique, request))
        for place, column in enumerate(columns)
        if column.is_intensity
    )


def _spectrum(
    layout: _Layout,
    columns: Sequence[Column],
    place: int,
    table: FloatArray,
    settled: tuple[Technique, Request],
) -> Decoded:
    """Return the spectrum whose ordinates stand in one column."""
    technique, request = settled
    laser_text = layout.meta.get("laser_nm", "")
    laser = request.settle_laser(number(laser_text, "'laser_nm'") if laser_text else None, technique)
    history = list(layout.history) or [f"read from {FORMAT}, {len(table)} points"]
    if request.columns:
        history.append(f"columns read as {clean(', '.join(request.columns))}, as --columns says")
    elif not layout.names:
        history.append(
            f"no column names: read as cm⁻¹ and {_unit(technique)}, as --technique {technique} says"
        )
    # what `encode_csv` wrote was absorbance to us
    if technique is Technique.FTIR and columns[place].role == "y" and not layout.meta.keys() >= OURS:
        check_absorbance(table[:, place])
    at = {column.role: index for index, column in enumerate(columns)}
    axis = _axis(columns, table, laser, technique, history)
    resolution = layout.meta.get("resolution_cm1", "")
    spectrum = build(
        axis,
        _intensity(columns[place].role, table[:, place], history),
        technique,
        history=history,
        laser_nm=laser,
        noise=table[:, at["noise"]] if "noise" in at else None,
        resolution_cm1=number(resolution, "'resolution_cm1'") if resolution else None,
        saturated=layout.meta.get("saturated", "") == "yes",
    )
    title = layout.meta.get("title") or request.name
    if sum(column.is_intensity for column in columns) > 1:
        title = f"{title} {columns[place].name or f'column {place + 1}'}".strip()
    return Decoded(spectrum, FORMAT, title, layout.meta)


def _check_unnamed(
    layout: _Layout, columns: Sequence[Column], table: FloatArray, technique: Technique, *, told: bool
) -> None:
    """Look at what no name gives a unit: ``Wave`` may be nm, an infrared ``Intensity`` anything."""
    for place, column in enumerate(columns):
        vague = not layout.names or column.name.strip().lower() == "wave"
        if column.is_axis and vague and not told:
            check_axis(table[:, place], technique)
        unknown = column.role == "y" and column.technique is None and not OURS.issubset(layout.meta)
        if technique is Technique.FTIR and unknown:
            check_ordinates(table[:, place])


def _check_points(meta: dict[str, str], rows: int) -> None:
    points = meta.get("points", "")
    if points and number(points, "'points'") != rows:
        raise FormatError(f"the header promises {clean(points, 12)} points, the table has {rows}: cut off?")


def _layout(lines: Sequence[str]) -> _Layout:
    layout = _Layout()
    named: list[str] = []
    above: list[str] = []
    for index, line in enumerate(lines[: MAX_HEADER_ROWS + 1]):
        if len(line) > MAX_LINE:
            raise FormatError(f"line {index + 1}: {len(line)} characters are no row of a table")
        if starts_number(line) and not line.lstrip().startswith("#"):
            layout.first = index
            layout.names = _with_units(above, named)
            return layout
        body = line.strip().lstrip("#").strip()
        key, colon, value = body.partition(":")
        if labspec := _LABSPEC.fullmatch(line):
            key, colon, value = labspec[1], "=", labspec[2]
        if line.lstrip().startswith("#") and colon:
            if key.strip() == "history":
                layout.history.append(clean(value))
            elif len(layout.meta) < MAX_META:
                layout.meta[clean(key)] = clean(value)
        elif body:
            # the last row of words above the numbers names the columns; "#Wave  #Intensity" is one (Renishaw)
            above = named
            named = [cell.strip().lstrip("#").strip() for cell in named_cells(body)]
    raise FormatError(f"no row of numbers among the first {MAX_HEADER_ROWS} lines")


def _with_units(above: list[str], named: list[str]) -> list[str]:
    """Return names of columns, where a row of names stands above a row of units."""
    joined = [f"{name} ({unit})" for name, unit in zip(above, named, strict=False)]
    return joined if len(above) == len(named) and joined and all(map(known, joined)) else named


def _rows(lines: Sequence[str], first: int) -> list[list[str]]:
    end = len(lines)
    while end > first and not lines[end - 1].strip():
        end -= 1
    require_rows(end - first)
    separator = separator_of(lines[first])
    if max(map(len, lines[first:end])) > MAX_LINE:
        raise FormatError(f"a line of more than {MAX_LINE} characters is no row of a table")
    if (end - first) * len(cells_of(lines[first], separator)) > MAX_CELLS:
        raise FormatError(f"more than {MAX_CELLS} cells: export fewer spectra into one file")
    rows = [cells_of(line, separator) for line in lines[first:end]]
    check_width(rows, len(rows[0]), first + 1)
    return rows


def _said_technique(layout: _Layout, columns: Sequence[Column]) -> Technique | None:
    said = {column.technique for column in columns if column.technique is not None}
    written = layout.meta.get("technique", "")
    if written:
        try:
            said.add(Technique(written))
        except ValueError:
            raise FormatError(f"technique {clean(written, 24)!r} is neither raman nor ftir") from None
    if len(said) > 1:
        raise FormatError("the column names contradict each other: Raman and infrared in one file")
    return said.pop() if said else None


def _axis(
    columns: Sequence[Column],
    table: FloatArray,
    laser: float | None,
    technique: Technique,
    history: list[str],
) -> FloatArray:
    (place,) = (index for index, column in enumerate(columns) if column.is_axis)
    role, values = columns[place].role, table[:, place]
    if role == "shift":
        return values
    if not (values > 0).all():
        raise FormatError("a wavelength is not above zero")
    unit, per_cm = ("nm", 1e7) if role == "nm" else ("µm", 1e4)
    if technique is Technique.FTIR:
        history.append(f"wavelength ({unit}) converted to cm⁻¹")
        return np.asarray(per_cm / values, dtype=np.float64)
    if laser is None:
        raise FormatError(f"a Raman axis in {unit} needs the laser wavelength: give --laser NM")
    history.append(f"wavelength ({unit}) converted to Raman shift with a laser of {laser:g} nm")
    return shift_of_wavelength(values * (1e7 / per_cm), laser)


def _intensity(role: str, values: FloatArray, history: list[str]) -> FloatArray:
    if role == "y":
        return values
    return absorbance_of(values, percent=role == "percent", history=history)


def _unit(technique: Technique) -> str:
    return "intensity" if technique is Technique.RAMAN else "absorbance"
