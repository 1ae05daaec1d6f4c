"""Raman Open Database files (``.rod``): CIF text with one measured spectrum.

Names after the dictionary ``cif_raman.dic`` of the Raman Open Database (solsa.crystallography.net/rod; El
Mendili et al., J. Appl. Cryst. 52 (2019) 618). Read are the loop of ``_raman_spectrum.raman_shift`` and
``_raman_spectrum.intensity``, the laser, and what stands on one line each; everything else is passed over.
"""

import re
from collections.abc import Sequence

import numpy as np

from ..errors import FormatError
from ..values import FloatArray, Technique
from .reading import MAX_META, Decoded, Request, build, check_width, clean, number, number_table, require_rows

FORMAT = "Raman Open Database"
_SHIFT, _INTENSITY = "_raman_spectrum.raman_shift", "_raman_spectrum.intensity"
_LASER = "_raman_measurement_device.excitation_laser_wavelength"
_LAST = "_raman_measurement.range_max"
_TITLES = ("_chemical_name_mineral", "_chemical_name_common", "_chemical_name_systematic")
#: Ends a loop's rows.
_NEXT = re.compile(r"\s*(?:_|loop_|data_|#)", re.IGNORECASE)
#: Rows read; cells are kept as text for a while, which takes 400 bytes a row. Chosen.
MAX_ROWS = 1 << 17
#: Share of the range by which a table may end before the range said, which people round. Chosen.
SHORT_END = 0.01


def recognise(text: str) -> bool:
    """Whether text is a CIF data block with a Raman spectrum."""
    return re.search(r"^data_", text[: 1 << 16], re.MULTILINE) is not None and _SHIFT in text


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode the spectrum of a file of the Raman Open Database.

    Raises
    ------
    FormatError
        Damaged, cut off, or without a table of Raman shifts.
    """
    lines = text.split("\n")
    meta = _items(lines)
    names, first = _loop(lines)
    rows = []
    for line in lines[first:]:
        if not line.strip() or _NEXT.match(line):
            break
        rows.append(line.split())
        if len(rows) > MAX_ROWS:
            raise FormatError(f"more than {MAX_ROWS} rows are no spectrum of this format")
    require_rows(len(rows))
    check_width(rows, len(names), first + 1)
    table = number_table(rows, first + 1)
    x, y = table[:, names.index(_SHIFT)], table[:, names.index(_INTENSITY)]
    _check_end(x, meta)
    technique = request.settle_technique(Technique.RAMAN)
    said = meta.get(_LASER, "")
    laser = request.settle_laser(number(said, _LASER) if said not in {"", "?", "."} else None, technique)
    spectrum = build(x, y, technique, history=[f"read from {FORMAT}, {len(rows)} points"], laser_nm=laser)
    title = next((meta[name] for name in _TITLES if meta.get(name)), request.name)
    return (Decoded(spectrum, FORMAT, title, meta),)


def _items(lines: Sequence[str]) -> dict[str, str]:
    """Return the items that stand on one line, outside of texts in semicolons."""
    found: dict[str, str] = {}
    within = False
    for line in lines:
        if line.startswith(";"):
            within = not within
        elif not within and line.startswith("_") and len(found) < MAX_META:
            name, _, value = line.partition(" ")
            if value.strip():
                found[clean(name)] = clean(value).strip("'\"")
    if within:
        raise FormatError("a text in semicolons has no end: cut off?")
    return found


def _loop(lines: Sequence[str]) -> tuple[list[str], int]:
    """Return the names of the spectrum's loop and the index of its first row."""
    places = [index for index, line in enumerate(lines) if line.strip() == _SHIFT]
    if len(places) != 1:
        raise FormatError(f"{len(places)} tables of {_SHIFT}, one is due: export one spectrum a file")
    start = places[0]
    while start > 0 and lines[start - 1].startswith("_"):
        start -= 1
    if start == 0 or lines[start - 1].strip().lower() != "loop_":
        raise FormatError(f"line {places[0] + 1}: {_SHIFT} outside of a loop: damaged?")
    names: list[str] = []
    for line in lines[start:]:
        if not line.startswith("_"):
            break
        names.append(line.strip())
    if names.count(_INTENSITY) != 1:
        raise FormatError(f"line {start + 1}: no {_INTENSITY} beside the Raman shifts")
    return names, start + len(names)


def _check_end(x: FloatArray, meta: dict[str, str]) -> None:
    """Refuse a table that ends clearly before the range the header names."""
    said = meta.get(_LAST, "")
    if said in {"", "?", "."}:
        return
    promised, found = number(said, _LAST), float(np.max(x))
    if promised - found > SHORT_END * abs(found - float(np.min(x))):
        raise FormatError(f"{_LAST} is {promised:g}, but the table ends at {found:g}: cut off?")
