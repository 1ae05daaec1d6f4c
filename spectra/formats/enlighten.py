"""ENLIGHTEN CSV, the export of Wasatch Photonics' software.

Header rows ``Key,Value``, one blank row, one row of column names among ``Pixel``, ``Wavelength`` (nm),
``Wavenumber`` (Raman shift, cm⁻¹), ``Raw``, ``Dark``, ``Reference``, ``Processed``, then the numbers.
Layout after the files and the source of github.com/WasatchPhotonics/ENLIGHTEN.
"""

from collections.abc import Sequence

import numpy as np

from ..errors import FormatError
from ..values import FloatArray, Technique
from .reading import (
    MAX_META,
    MAX_PIXELS,
    Decoded,
    Request,
    build,
    check_width,
    clean,
    number,
    number_table,
    reached_full_scale,
    require_rows,
    shift_of_wavelength,
)

FORMAT = "ENLIGHTEN CSV"
COLUMNS = frozenset({"pixel", "wavelength", "wavenumber", "raw", "dark", "reference", "processed"})
#: What else ENLIGHTEN measures (``Techniques`` in its ``common.py``): no Raman, whatever axis it has.
OTHER_TECHNIQUES = (
    "emission",
    "reflectance",
    "transmission",
    "absorbance",
    "color",
    "fluorescence",
    "irradiance",
)
#: A header longer than this is not ENLIGHTEN's (about 70 rows in version 4.1).
MAX_HEADER_ROWS = 1000


def recognise(text: str) -> bool:
    """Whether text starts like an ENLIGHTEN export."""
    return text[:20].startswith(("ENLIGHTEN Version,", "ENLIGHTEN Version\t"))


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode an ENLIGHTEN export.

    Exact zeros at both ends of ``Processed`` are pixels the maker masks; they are cropped and the
    history says how many.

    Raises
    ------
    FormatError
        Damaged, cut off, or without a usable pair of columns.
    """
    lines = text.split("\n")
    meta, start = _header(lines)
    columns = _table(lines, start)
    rows = len(next(iter(columns.values())))
    _check_technique(meta)
    _check_rows(meta, rows)
    technique = request.settle_technique(Technique.RAMAN)
    said = meta.get("Laser Wavelength", "")
    laser = request.settle_laser(number(said, "'Laser Wavelength'") if said else None, technique)
    history = [f"read from {FORMAT}, {rows} channels"]
    axis = _axis(columns, laser, history)
    intensity = _intensity(columns, history)
    first, last = _unmasked(intensity)
    if first or last < rows:
        history.append(f"masked pixels (exact zeros) cropped: {first} at the start, {rows - last} at the end")
    saturated = "raw" in columns and reached_full_scale(axis, columns["raw"], history)
    spectrum = build(
        axis[first:last],
        intensity[first:last],
        technique,
        history=history,
        laser_nm=laser,
        saturated=saturated,
    )
    title = meta.get("Label") or request.name
    return (Decoded(spectrum, FORMAT, title, dict(list(meta.items())[:MAX_META])),)


def _header(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """Return the header fields and the index of the row of column names."""
    meta: dict[str, str] = {}
    for index, line in enumerate(lines[:MAX_HEADER_ROWS]):
        if not line.strip(" ,\t"):
            return meta, index + 1
        key, comma, value = line.partition(",")
        if not comma:
            raise FormatError(f"line {index + 1}: {clean(line, 24)!r} is no 'Key,Value' row")
        meta[clean(key)] = clean(value.rstrip(","))
    raise FormatError("the header has no end: no blank row before the column names")


def _table(lines: Sequence[str], start: int) -> dict[str, FloatArray]:
    names = [cell.strip().lower() for cell in lines[start].split(",")] if start < len(lines) else []
    if not names or not set(names) <= COLUMNS or len(set(names)) != len(names):
        raise FormatError(
            f"line {start + 1}: column names should be among {', '.join(sorted(COLUMNS))}, each once "
            "(export one spectrum per file)"
        )
    end = len(lines)
    while end > start and not lines[end - 1].strip(" ,\t"):
        end -= 1
    require_rows(end - start - 1, MAX_PIXELS)
    rows = [line.split(",") for line in lines[start + 1 : end]]
    check_width(rows, len(names), start + 2)
    table = number_table(rows, start + 2)
    return {name: table[:, column] for column, name in enumerate(names)}


def _check_technique(meta: dict[str, str]) -> None:
    """Refuse what was measured otherwise; before version 4.1 ``Technique`` was called ``View``."""
    for key in ("Technique", "View"):
        said = meta.get(key, "")
        if any(word in said.lower() for word in OTHER_TECHNIQUES):
            raise FormatError(f"ENLIGHTEN measured {clean(said, 24)!r}, which is no Raman spectrum")


def _check_rows(meta: dict[str, str], rows: int) -> None:
    """Refuse a file cut off between two rows; cropped or interpolated exports have other lengths."""
    said = meta.get("Pixel Count", "")
    # before version 4.1 "Cropped" was called "Vignetted"
    changed = any(meta.get(key, "").lower() == "true" for key in ("Cropped", "Vignetted", "Interpolated"))
    if said and not changed and number(said, "'Pixel Count'") != rows:
        raise FormatError(f"the header promises {said} pixels, the table has {rows}: cut off?")


def _axis(columns: dict[str, FloatArray], laser: float | None, history: list[str]) -> FloatArray:
    if "wavenumber" in columns:
        return columns["wavenumber"]
    if "wavelength" not in columns:
        raise FormatError("no Wavenumber or Wavelength column: export one of them from ENLIGHTEN")
    if laser is None:
        raise FormatError("only wavelengths and no laser wavelength in the header: give --laser NM")
    history.append(f"wavelength (nm) converted to Raman shift with a laser of {laser:g} nm")
    return shift_of_wavelength(columns["wavelength"], laser)


def _intensity(columns: dict[str, FloatArray], history: list[str]) -> FloatArray:
    if "processed" in columns:
        return columns["processed"]
    if "raw" not in columns:
        raise FormatError("no Processed or Raw column: export one of them from ENLIGHTEN")
    if "dark" in columns:
        history.append("dark subtracted from raw")
        return columns["raw"] - columns["dark"]
    history.append("raw counts, no dark subtracted")
    return columns["raw"]


def _unmasked(intensity: FloatArray) -> tuple[int, int]:
    """Return the half-open range between the runs of exact zeros at both ends."""
    live = np.flatnonzero(intensity)
    if live.size < 2:
        raise FormatError("every intensity is zero: the spectrum was not measured or not exported")
    return int(live[0]), int(live[-1]) + 1
