"""Curves as dots in text: braille where the terminal has Unicode, stars where it has not."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from spectra.values import FloatArray

Dots = np.ndarray[Any, np.dtype[np.bool_]]

#: Two columns and four rows of dots make one braille character: Unicode, block U+2800.
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
#: Dots in one character, across and down.
FINE, COARSE = (2, 4), (1, 1)
#: Bar, corner and level of a frame.
_FRAMES = {True: ("│", "└", "─"), False: ("|", "+", "-")}


def raster(
    axis: FloatArray, values: FloatArray, size: tuple[int, int], span: tuple[float, float] | None = None
) -> Dots:
    """Return dots of a curve, shape (height, width): each column is filled between its extremes.

    Parameters
    ----------
    axis, values
        The curve, ascending, shape (n,).
    size
        Width and height, dots.
    span
        Lowest and highest value that are drawn, what lies outside is drawn at the edge; by default
        the curve's own.
    """
    width, height = size
    low_end, high_end = span or (float(values.min()), float(values.max()))
    extent = (high_end - low_end) or 1.0
    level = np.clip((values - low_end) / extent, 0.0, 1.0) * (height - 1)
    edges = np.linspace(axis[0], axis[-1], width)
    curve = np.interp(edges, axis, level)
    column = np.clip(np.searchsorted(edges, axis, side="right") - 1, 0, width - 1)
    low, high = curve.copy(), curve.copy()
    np.minimum.at(low, column, level)
    np.maximum.at(high, column, level)
    # neighbouring columns touch, so that a steep flank stays one line
    low[1:], high[1:] = np.minimum(low[1:], curve[:-1]), np.maximum(high[1:], curve[:-1])
    row = np.arange(height)[::-1, None]
    filled: Dots = (row >= np.floor(low)) & (row <= np.ceil(high - 1e-9))
    return filled


def characters(dots: Dots, *, braille: bool, mark: str = "*") -> list[str]:
    """Return rows of characters for dots, four rows and two columns each in braille."""
    if not braille:
        return ["".join(mark if dot else " " for dot in row) for row in dots]
    rows, columns = dots.shape[0] // 4, dots.shape[1] // 2
    cells = dots.reshape(rows, 4, columns, 2).transpose(0, 2, 1, 3)
    codes = 0x2800 + (cells * _DOTS).sum(axis=(2, 3))
    return ["".join(map(chr, row)).replace("\u2800", " ") for row in codes.tolist()]


def framed(lines: Sequence[str], names: tuple[str, str], margin: int, *, braille: bool) -> list[str]:
    """Return lines with a bar at the left, and the largest and smallest value beside it."""
    bar = _FRAMES[braille][0]
    left = [names[0], *[""] * (len(lines) - 2), names[1]] if len(lines) > 1 else [names[0]]
    return [f"{label:>{margin - 1}} {bar}{line}".rstrip() for label, line in zip(left, lines, strict=True)]


def floor(margin: int, columns: int, *, braille: bool) -> str:
    """Return the line below a plot."""
    _, corner, level = _FRAMES[braille]
    return " " * margin + corner + level * columns


def ticks(first: float, last: float, margin: int, columns: int) -> str:
    """Return the line of axis values, from the left end to the right one."""
    line = [" "] * (margin + columns)
    count = max(2, columns // 14)
    for place in range(count):
        value = f"{first + (last - first) * place / (count - 1):.0f}"
        start = margin + round((columns - len(value)) * place / (count - 1))
        line[start : start + len(value)] = value
    return "".join(line).rstrip()
