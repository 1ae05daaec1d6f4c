"""Which damage a format's own checks cover, and what must then come out: a refusal, or the true numbers.

Covered is one damage, in one place, of a file that carries a check:

- JCAMP-DX of one block with FIRSTY (not zero): anything inside one of the records FIRSTX, LASTX, NPOINTS,
  XFACTOR, YFACTOR, DELTAX and FIRSTY; in difference form also anything inside the table (y-checks, x-checks,
  NPOINTS); in any other ``(X++(Y..Y))`` form the abscissa of each line (x-check);
- JCAMP-DX of our own, besides, anything inside the table of one block (``##$SHA256=``);
- JCAMP-DX of any form, cut off anywhere (``##END=``); the same for Bruker OPUS (its directory);
- ENLIGHTEN, BWSpec and our CSV, cut off by a row or more (their number of rows);
- HDF5 of ours, anything anywhere (Fletcher-32).

Not covered: ordinates in free format (no check holds them), units, titles, several damages at once, and
whatever removes a value together with its own check. The true numbers are those of the undamaged file: the
axis to half a channel, as x-checks have it, intensities to 1e-5 of the largest, as FIRSTY has it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_CHECKED = re.compile(
    rb"^[ \t]*##[ ]*(?:FIRST ?X|LAST ?X|NPOINTS|XFACTOR|YFACTOR|DELTAX|FIRST ?Y|LAST ?Y)[ ]*=.*$",
    re.MULTILINE,
)
_TABLE = re.compile(rb"^[ \t]*##XY(?:DATA|POINTS)[^\n]*\n", re.MULTILINE)
_END = re.compile(rb"^[ \t]*##END", re.MULTILINE)
#: Intensities may differ by this share of the largest.
SHARE = 1e-5


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the checks of one valid file cover."""

    places: tuple[tuple[int, int], ...]
    """Byte ranges; damage inside one of them is noticed."""
    cut_before: int
    """A cut before this byte is noticed; 0 where none is sure to be."""

    def covers(self, kind: str, touched: Sequence[tuple[int, int]]) -> bool:
        """Whether a damage is one the checks must notice, or that changes no number."""
        if len(touched) != 1:
            return False
        start, end = touched[0]
        if kind == "cut off":
            return start < self.cut_before or any(a <= start and end <= b for a, b in self.places)
        return kind != "two files spliced" and any(a <= start and end <= b for a, b in self.places)


def coverage_of(data: bytes, reader: str) -> Coverage:
    """Return what the checks of a valid file cover."""
    if reader == "HDF5 spectra":
        return Coverage(((0, len(data)),), len(data))
    if reader == "JCAMP-DX":
        return Coverage(_jcamp_places(data), data.rstrip().rfind(b"##END"))
    if reader == "Bruker OPUS":
        return Coverage((), len(data) - 64)
    counted = (b"Pixel Count", b"pixel_num", b"# points:")
    if any(word in data for word in counted):
        return Coverage((), data.rstrip().rfind(b"\n"))
    return Coverage((), 0)


def _jcamp_places(data: bytes) -> tuple[tuple[int, int], ...]:
    """Return checked records, and the table or its abscissae, of a file with one block."""
    tables = list(_TABLE.finditer(data))
    ours = b"##$SHA256=" in data and data.count(b"##TITLE") == 1
    if ours and len(tables) == 1:
        end = _END.search(data, tables[0].end())
        inside = (tables[0].end(), end.start() if end else len(data))
        return (*(found.span() for found in _CHECKED.finditer(data)), inside)
    first = re.search(rb"##FIRST ?Y[ ]*=[^\n]*[1-9]", data)
    if len(tables) != 1 or data.count(b"##TITLE") != 1 or not first or b"Y..Y" not in tables[0][0]:
        return ()
    records = tuple(found.span() for found in _CHECKED.finditer(data))
    start = tables[0].end()
    end = _END.search(data, start)
    table = data[start : end.start() if end else len(data)]
    if b"$$" in table:
        return records
    if not re.search(rb"[%J-Rj-r]", table):
        abscissae = re.finditer(rb"^\s*[-+]?[0-9.]+", table, re.MULTILINE)
        return (*records, *((start + found.start(), start + found.end()) for found in abscissae))
    # A table that does not close with a y-check leaves its last line unproved.
    last = table.rstrip().rfind(b"\n") + 1
    closed = re.fullmatch(rb"\s*[-+.\dE]+?[@A-Ia-i]\d*\s*", table[last:]) is not None
    stop = start + (len(table) if closed else last)
    return (*records, (start, stop))


def same_numbers(found: Sequence[Any], true: Sequence[Any]) -> bool:
    """Whether decoded spectra are those of the undamaged file."""
    return len(found) == len(true) and all(
        _same(a.spectrum, b.spectrum) for a, b in zip(found, true, strict=True)
    )


def _same(found: Any, true: Any) -> bool:
    if found.technique != true.technique or found.axis.shape != true.axis.shape:
        return False
    half = 0.5 * float(np.abs(np.diff(true.axis)).max())
    largest = float(np.abs(true.intensity).max())
    return bool(
        np.abs(found.axis - true.axis).max() <= half
        and np.abs(found.intensity - true.intensity).max() <= SHARE * largest
    )


def is_told(found: Sequence[Any]) -> bool:
    """Whether a result says itself that its numbers do not fit the header."""
    return any("in the file, but the table reaches" in step for one in found for step in one.spectrum.history)
