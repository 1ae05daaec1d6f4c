"""Rows of a table of columns taken apart: what separates cells, quotation marks, rows of names."""

import csv
import re

#: How a row of numbers begins: with a whole number, perhaps within quotation marks. ``1/cm`` is the name of a
#: column, ``4-ANPP`` that of a sample, ``2026-11-22`` a date.
_STARTS_NUMBER = re.compile(r"\s*\"?[+-]?[.,]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?\"?(?:[;\s]|$|,)", re.ASCII)


def starts_number(line: str) -> bool:
    """Whether a line begins like a row of numbers."""
    return _STARTS_NUMBER.match(line) is not None


def separator_of(line: str) -> str:
    """Return what separates the cells of a row of numbers; empty for blanks."""
    for mark in (";", "\t"):
        if mark in line:
            return mark
    bare = line.strip()
    if bare.startswith('"'):
        return ","
    if "," in bare and not re.search(r"[0-9],[0-9]+\s+\S", bare):
        return ","
    return ""


def cells_of(line: str, separator: str) -> list[str]:
    """Return the cells of a row of numbers; empty ones behind the second are dropped at its end."""
    if not separator:
        return line.split()
    if '"' in line:
        return _unquoted(line, separator)
    cells = [cell.strip() for cell in line.split(separator)]
    while len(cells) > 2 and not cells[-1]:
        cells.pop()
    return cells


def _unquoted(line: str, separator: str) -> list[str]:
    """Return cells of a row in quotation marks, as spreadsheets write them around decimal commas."""
    try:
        (cells,) = csv.reader([line], delimiter=separator, strict=True)
    except (csv.Error, ValueError):
        return [line]
    return [cell.strip() for cell in cells]


def named_cells(line: str) -> list[str]:
    """Return the cells of a row of names that are not empty."""
    for mark in (";", "\t", ","):
        if mark in line:
            return [cell for cell in line.split(mark) if cell.strip()]
    return re.split(r"\s{2,}", line) if re.search(r"\s{2,}", line) else line.split()
