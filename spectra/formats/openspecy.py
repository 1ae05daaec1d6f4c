"""Open Specy CSV: one spectrum a row, the wavenumbers in the head, then columns that describe.

As written by ``write_spec`` of the R package OpenSpecy (github.com/wincowgerDEV/OpenSpecy-package) and by
its web page. The column ``spectrum_type`` says Raman or FTIR; ``intensity_units``, where there is one,
absorbance, transmittance or reflectance.
"""

import csv
import re
from collections.abc import Sequence

import numpy as np

from ..errors import FormatError
from ..values import Technique
from .binary import check_spectra
from .reading import MAX_META, Decoded, Request, check_width, clean, number_table, require_rows
from .units import XUnit, YUnit, spectrum_of

FORMAT = "Open Specy CSV"
_HEAD = re.compile(
    r"\"?-?[0-9.]+\"?,\"?-?[0-9.]+\"?,[^\n]*\b(?:spectrum_type|user_name|spectrum_identity)\b", re.ASCII
)
#: Cells of the largest table read, 60 bytes of memory each. Chosen.
MAX_CELLS = 1 << 21
_TYPES = {"raman": Technique.RAMAN, "ftir": Technique.FTIR}
_UNITS = {"absorbance": YUnit.ABSORBANCE, "transmittance": YUnit.TRANSMITTANCE}


def recognise(text: str) -> bool:
    """Whether the first line begins with numbers and names Open Specy's columns."""
    return _HEAD.match(text) is not None


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode every row of an Open Specy table.

    Raises
    ------
    FormatError
        Damaged, cut off, or the technique or the unit of an infrared spectrum are not said.
    """
    if text.count(",") > MAX_CELLS:
        raise FormatError(f"more than {MAX_CELLS} cells: export fewer spectra a file")
    try:
        head, *rows = csv.reader(text.split("\n"), strict=True)
    except csv.Error as error:
        raise FormatError(f"the table is damaged: {clean(str(error), 80)}") from error
    check_spectra(len(rows))
    check_width(rows, len(head), 2)
    points = next((n for n, name in enumerate(head) if not _is_number(name)), len(head))
    require_rows(points)
    if any(_is_number(name) for name in head[points:]):
        raise FormatError(
            f"column {points + 1}, {clean(head[points], 24)!r}, stands among wavenumbers: damaged?"
        )
    x = number_table([head[:points]], 1)[0]
    found = []
    for place, row in enumerate(rows):
        meta = {
            clean(name): clean(cell) for name, cell in zip(head[points:], row[points:], strict=True) if cell
        }
        found.append(_spectrum(x, row[:points], place + 2, dict(list(meta.items())[:MAX_META]), request))
    return tuple(found)


def _spectrum(
    x: np.ndarray, cells: Sequence[str], line: int, meta: dict[str, str], request: Request
) -> Decoded:
    y = number_table([cells], line)[0]
    said = meta.get("spectrum_type", "")
    technique = _TYPES.get(said.lower())
    if said and technique is None:
        raise FormatError(f"line {line}: spectrum_type {clean(said, 24)!r} is neither Raman nor FTIR")
    settled = request.settle_technique(technique)
    unit = YUnit.INTENSITY
    if settled is Technique.FTIR:
        named = meta.get("intensity_units", "").lower()
        if named not in _UNITS:
            raise FormatError(
                f"line {line}: intensity_units is {clean(named, 24)!r}: say absorbance or transmittance there"
            )
        unit = _UNITS[named]
    history = [f"read from {FORMAT}, {x.size} points"]
    spectrum = spectrum_of(x, y, XUnit.WAVENUMBER, unit, request, history, raman=settled is Technique.RAMAN)
    return Decoded(spectrum, FORMAT, meta.get("spectrum_identity") or request.name, meta)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*-?[0-9]+(?:\.[0-9]*)?\s*", cell, re.ASCII) is not None
