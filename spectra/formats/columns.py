"""Two-column text (CSV, TSV, blanks), with or without column names; the format of last resort.

Names say what the columns are; where they do not, `Request.technique` must. Comment lines start with ``#``;
``# key: value`` among them may give technique, laser_nm, resolution_cm1, saturated, points, history and
title, which is what `encode_csv` writes.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import FormatError
from ..values import FloatArray, Technique
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
#: Absorbance of no instrument reaches this; larger numbers without a name are something else.
LARGEST_ABSORBANCE = 10.0
MAX_HEADER_ROWS = 200
_STARTS_NUMBER = re.compile(r"\s*[+-]?[.,]?[0-9]", re.ASCII)

#: What a column name, reduced to letters and digits, says: (role, technique).
NAMES: dict[str, tuple[str, Technique | None]] = {
    **dict.fromkeys(
        ("ramanshift", "ramanshiftcm1", "ramanshift1cm", "shiftcm1", "rel1cm"), ("shift", Technique.RAMAN)
    ),
    **dict.fromkeys(("wavenumber", "wavenumbers", "wave", "cm1", "1cm"), ("shift", None)),
    **dict.fromkeys(("wavenumbercm1", "wavenumberscm1", "wavenumber1cm"), ("shift", None)),
    **dict.fromkeys(("wavelength", "wavelengthnm", "nm", "nanometers"), ("wavelength", None)),
    **dict.fromkeys(("absorbance", "abs", "absorbanceau"), ("y", Technique.FTIR)),
    **dict.fromkeys(("transmittance", "transmission"), ("transmittance", Technique.FTIR)),
    **dict.fromkeys(("%transmittance", "transmittance%", "%t", "t%"), ("percent", Technique.FTIR)),
    "ramanintensity": ("y", Technique.RAMAN),
    **dict.fromkeys(("intensity", "intensitycounts", "intensityau"), ("y", None)),
    **dict.fromkeys(("counts", "ccdcts", "signal", "processed"), ("y", None)),
    "noise": ("noise", None),
    **dict.fromkeys(("pixel", "index"), ("ignored", None)),
}  # fmt: skip
_X_ROLES, _Y_ROLES = {"shift", "wavelength"}, {"y", "transmittance", "percent"}


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
    return any(_STARTS_NUMBER.match(row) and len(_cells(row, _separator(row))) >= 2 for row in rows)


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode two-column text; what the names do not say is asked for, never guessed.

    Raises
    ------
    FormatError
        Damaged, ambiguous, or without units.
    """
    lines = text.split("\n")
    layout = _layout(lines)
    rows, separator = _rows(lines, layout.first)
    points = layout.meta.get("points", "")
    if points and number(points, "'points'") != len(rows):
        raise FormatError(
            f"the header promises {clean(points, 12)} points, the table has {len(rows)}: cut off?"
        )
    comma = separator != "," and any("," in cell for row in rows for cell in row)
    table = number_table(rows, layout.first + 1, comma=comma)
    roles = _roles(layout.names, table.shape[1], request)
    said = _said_technique(layout, roles)
    technique = request.settle_technique(said)
    laser_text = layout.meta.get("laser_nm", "")
    laser = request.settle_laser(number(laser_text, "'laser_nm'") if laser_text else None, technique)
    columns = {role: table[:, place] for place, (role, _) in enumerate(roles)}
    history = layout.history or [f"read from {FORMAT}, {len(rows)} points"]
    if not layout.names:
        history.append(
            f"no column names: read as cm⁻¹ and {_unit(technique)}, as --technique {technique} says"
        )
    axis = _axis(columns, laser, technique, history)
    intensity = _intensity(columns, technique, bool(layout.names), history)
    resolution = layout.meta.get("resolution_cm1", "")
    spectrum = build(
        axis,
        intensity,
        technique,
        history=history,
        laser_nm=laser,
        noise=columns.get("noise"),
        resolution_cm1=number(resolution, "'resolution_cm1'") if resolution else None,
        saturated=layout.meta.get("saturated", "") == "yes",
    )
    return (Decoded(spectrum, FORMAT, layout.meta.get("title") or request.name, layout.meta),)


def _layout(lines: Sequence[str]) -> _Layout:
    layout = _Layout()
    named: list[str] = []
    for index, line in enumerate(lines[: MAX_HEADER_ROWS + 1]):
        if _STARTS_NUMBER.match(line) and not line.lstrip().startswith("#"):
            layout.first = index
            layout.names = named
            return layout
        body = line.strip().lstrip("#").strip()
        key, colon, value = body.partition(":")
        if line.lstrip().startswith("#") and colon:
            if key.strip() == "history":
                layout.history.append(clean(value))
            elif len(layout.meta) < MAX_META:
                layout.meta[clean(key)] = clean(value)
        elif body:
            # the last row of words above the numbers names the columns; "#Wave  #Intensity" is one (Renishaw)
            named = [cell.strip().lstrip("#").strip() for cell in _named_cells(body)]
    raise FormatError(f"no row of numbers among the first {MAX_HEADER_ROWS} lines")


def _separator(line: str) -> str:
    """Return what separates the cells of a row of numbers; empty for blanks."""
    for mark in (";", "\t"):
        if mark in line:
            return mark
    bare = line.strip()
    if "," in bare and not re.search(r"[0-9],[0-9]+\s+\S", bare):
        return ","
    return ""


def _cells(line: str, separator: str) -> list[str]:
    if not separator:
        return line.split()
    cells = [cell.strip() for cell in line.split(separator)]
    while len(cells) > 2 and not cells[-1]:
        cells.pop()
    return cells


def _named_cells(line: str) -> list[str]:
    for mark in (";", "\t", ","):
        if mark in line:
            return [cell for cell in line.split(mark) if cell.strip()]
    return re.split(r"\s{2,}", line) if re.search(r"\s{2,}", line) else line.split()


def _rows(lines: Sequence[str], first: int) -> tuple[list[list[str]], str]:
    end = len(lines)
    while end > first and not lines[end - 1].strip():
        end -= 1
    require_rows(end - first)
    separator = _separator(lines[first])
    rows = [_cells(line, separator) for line in lines[first:end]]
    check_width(rows, len(rows[0]), first + 1)
    return rows, separator


def _roles(names: Sequence[str], width: int, request: Request) -> list[tuple[str, Technique | None]]:
    if not names:
        if width != 2:
            raise FormatError(f"{width} columns without names: keep the axis and the intensity, or name them")
        if request.technique is None:
            raise FormatError("no column names: give --technique raman or ftir, or name the columns")
        return [("shift", None), ("y", None)]
    if len(names) != width:
        raise FormatError(f"{len(names)} column names for {width} columns")
    keys = [re.sub(r"[^a-z0-9%]", "", unicodedata.normalize("NFKC", name).lower()) for name in names]
    unknown = [clean(name, 24) for name, key in zip(names, keys, strict=True) if key not in NAMES]
    if unknown:
        raise FormatError(
            f"column {unknown[0]!r} is unknown: name the columns for example 'Raman shift', 'wavenumber', "
            "'wavelength', 'absorbance', 'transmittance', 'intensity'"
        )
    roles = [NAMES[key] for key in keys]
    kinds = [role for role, _ in roles]
    if sum(role in _X_ROLES for role in kinds) != 1 or sum(role in _Y_ROLES for role in kinds) != 1:
        raise FormatError(
            f"columns {', '.join(clean(n, 24) for n in names)}: need one axis and one intensity"
        )
    return roles


def _said_technique(layout: _Layout, roles: Sequence[tuple[str, Technique | None]]) -> Technique | None:
    said = {technique for _, technique in roles if technique is not None}
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
    columns: dict[str, FloatArray], laser: float | None, technique: Technique, history: list[str]
) -> FloatArray:
    if "shift" in columns:
        return columns["shift"]
    wavelength = columns["wavelength"]
    if not (wavelength > 0).all():
        raise FormatError("a wavelength is not above zero")
    if technique is Technique.FTIR:
        history.append("wavelength (nm) converted to cm⁻¹")
        return np.asarray(1e7 / wavelength, dtype=np.float64)
    if laser is None:
        raise FormatError("a Raman axis in nm needs the laser wavelength: give --laser NM")
    history.append(f"wavelength (nm) converted to Raman shift with a laser of {laser:g} nm")
    return shift_of_wavelength(wavelength, laser)


def _intensity(
    columns: dict[str, FloatArray], technique: Technique, named: bool, history: list[str]
) -> FloatArray:
    for role in ("transmittance", "percent"):
        if role in columns:
            return absorbance_of(columns[role], percent=role == "percent", history=history)
    values = columns["y"]
    if technique is Technique.FTIR and not named and values.max() > LARGEST_ABSORBANCE:
        raise FormatError(
            f"an absorbance of {values.max():g} is impossible: name the columns, for example 'transmittance'"
        )
    return values


def _unit(technique: Technique) -> str:
    return "intensity" if technique is Technique.RAMAN else "absorbance"
