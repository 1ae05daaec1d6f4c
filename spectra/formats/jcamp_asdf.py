"""The numbers of a JCAMP-DX table: free-format (AFFN) and compressed (ASDF) ordinates, with their checks.

Compression forms after McDonald & Wilks, Appl. Spectrosc. 42 (1988) 151, and JCAMP-DX 4.24, section 5.9:
PAC (a sign separates numbers), SQZ (the first digit carries sign and separation), DIF (differences of
neighbours) and DUP (a count of repeats). A line that ends in DIF form is followed by one that repeats
its last ordinate: the y-check. The abscissa that starts each line is the x-check. An ordinate ``?`` is a
point without a valid value (4.24, section 5.10); it comes out as NaN, and whoever calls must not hide it.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..errors import FormatError
from ..values import FloatArray
from .reading import clean, number, number_table

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-][0-9]{1,3})?"
_ABSCISSA = re.compile(rf"\s*({_NUMBER})", re.ASCII)
_TOKEN = re.compile(rf"{_NUMBER}|[@A-Za-s%][0-9]*|\?|[^\s,;]", re.ASCII)
#: Longer numbers hold no more information than a float64 and cost time.
MAX_DIGITS = 40

_SQZ = dict(zip("@ABCDEFGHIabcdefghi", ["0", *"123456789", *(f"-{d}" for d in range(1, 10))], strict=True))
_DIF = dict(zip("%JKLMNOPQRjklmnopqr", ["0", *"123456789", *(f"-{d}" for d in range(1, 10))], strict=True))
_DUP = dict(zip("STUVWXYZs", "123456789", strict=True))

Ordinate = int | float


@dataclass(frozen=True, slots=True)
class Grid:
    """The abscissa an ``(X++(Y..Y))`` table promises."""

    first: float
    """First abscissa, in the unit of the file."""
    step: float
    """Distance of neighbours, signed."""
    points: int
    """Number of points."""
    factor: float
    """XFACTOR: what an abscissa in the table is multiplied with."""


def last_digit(text: str) -> float:
    """Return the value of one unit in the last digit a number is written with.

    >>> last_digit("5000.03"), last_digit("1.5E+02")
    (0.01, 10.0)
    """
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    power = int(exponent or 0) if mantissa.strip("+-.0 ") else 0
    # 10.0**power would raise where this is infinite
    return float(f"1e{power - decimals}")


def expand_line(tokens: Sequence[str], where: str, *, limit: int) -> tuple[list[Ordinate], bool]:
    """Expand the ordinates of one line.

    Parameters
    ----------
    tokens
        Ordinates as written, any mixture of forms.
    where
        Place in the file, for messages.
    limit
        Most ordinates wanted; a line that would give more is refused before it is expanded.

    Returns
    -------
    values
        The ordinates, still to be multiplied with YFACTOR.
    difference
        True where the line ends in DIF form, so that the next one must start with a y-check.
    """
    if len(tokens) <= limit and max(map(len, tokens)) <= MAX_DIGITS:
        try:
            return list(map(float, tokens)), False
        except ValueError:
            pass
    values: list[Ordinate] = []
    step: Ordinate | None = None
    for token in tokens:
        mark = token[0]
        if mark in _DUP:
            count = _integer(_DUP[mark] + token[1:], where)
            if not values:
                raise FormatError(f"{where}: starts with a repeat count")
            if count > limit:
                raise FormatError(f"{where}: {count} repeats are more than NPOINTS allows")
            for _ in range(count - 1):
                values.append(values[-1] + (step or 0))
        elif mark in _DIF:
            if not values:
                raise FormatError(f"{where}: starts with a difference")
            if math.isnan(values[-1]):
                raise FormatError(f"{where}: a difference to a point marked '?' (no valid value)")
            step = _integer(_DIF[mark] + token[1:], where)
            values.append(values[-1] + step)
        else:
            values.append(_absolute(token, where, behind_difference=step is not None))
            step = None
        if len(values) > limit:
            raise FormatError(f"{where}: more points than NPOINTS promises")
    return values, step is not None


def expand_table(lines: Sequence[str], first_line: int, grid: Grid) -> list[Ordinate]:
    """Expand an ``(X++(Y..Y))`` table and verify each x-check, each y-check and the number of points.

    Parameters
    ----------
    lines
        The lines of the table, comments removed.
    first_line
        Number of the first of them in the file, for messages.
    grid
        The abscissa the header promises.

    Returns
    -------
    list of int or float
        `grid.points` ordinates, still to be multiplied with YFACTOR; NaN where a point is marked ``?``.

    Raises
    ------
    FormatError
        A check fails, points are missing or too many.
    """
    values: list[Ordinate] = []
    repeats = False
    for offset, line in enumerate(lines):
        if not line.strip():
            continue
        where = f"line {first_line + offset}"
        limit = grid.points - len(values) + repeats
        written, tokens = _taken_apart(line, limit)
        if not tokens:
            raise FormatError(f"{where}: {clean(line, 24)!r} is not an abscissa followed by ordinates")
        _check_abscissa(written, (len(values) - repeats, len(values)), grid, where)
        new, difference = expand_line(tokens, where, limit=limit)
        if repeats and new[0] != values[-1]:
            raise FormatError(
                f"{where}: y-check failed, {new[0]} here and {values[-1]} at the end of the line before"
            )
        values.extend(new[1:] if repeats else new)
        repeats = difference
    if len(values) != grid.points:
        raise FormatError(f"{len(values)} points, NPOINTS promises {grid.points}: cut off?")
    return values


def pairs(lines: Sequence[str], first_line: int, *, limit: int) -> tuple[FloatArray, FloatArray]:
    """Read an ``(XY..XY)`` table: free-format numbers in pairs, separated by blanks, commas or semicolons.

    An ordinate ``?`` (no valid value) comes out as NaN.
    """
    cells: list[str] = []
    for offset, line in enumerate(lines):
        where = f"line {first_line + offset}"
        found = line.replace(",", " ").replace(";", " ").split(maxsplit=2 * limit + 2)
        if len(found) % 2:
            raise FormatError(f"{where}: {len(found)} numbers do not make pairs")
        cells += found
        if len(cells) > 2 * limit:
            raise FormatError(f"{where}: more points than NPOINTS promises")
    ordinates = cells[1::2]
    bad = [index for index, cell in enumerate(ordinates) if cell == "?"]
    for index in bad:
        ordinates[index] = "0"
    try:
        numbers = number_table([cells[0::2], ordinates], first_line)
    except FormatError:
        _name_the_line(lines, first_line)
        raise
    numbers[1, bad] = np.nan
    return numbers[0], numbers[1]


def _name_the_line(lines: Sequence[str], first_line: int) -> None:
    """Raise `FormatError` with the line of the first cell that is no number."""
    for offset, line in enumerate(lines):
        for index, cell in enumerate(line.replace(",", " ").replace(";", " ").split()):
            if cell != "?" or index % 2 == 0:
                number(cell, f"line {first_line + offset}")


def _taken_apart(line: str, limit: int) -> tuple[str, list[str]]:
    """Return abscissa and ordinates of a line as written, of the latter little more than are wanted."""
    written = _ABSCISSA.match(line)
    if written is None or not line.isascii():
        return "", []
    if len(line) <= 2 * limit:
        return written[1], _TOKEN.findall(line, written.end())
    return written[1], [found[0] for found in islice(_TOKEN.finditer(line, written.end()), limit + 1)]


def _check_abscissa(text: str, indices: tuple[int, int], grid: Grid, where: str) -> None:
    """Compare a written abscissa with the grid, to half a channel or the last digit it is written with.

    Behind a y-check the standard wants the abscissa of the repeated point; some programs write that of
    the next one. Either is accepted: the y-check itself and NPOINTS tell whether points are missing.
    """
    if len(text) > MAX_DIGITS:
        raise FormatError(f"{where}: an abscissa of {len(text)} digits")
    found = float(text) * grid.factor
    expected = [grid.first + index * grid.step for index in indices]
    digit = last_digit(text) * abs(grid.factor)
    # rounded, it may be half a digit away; some programs cut off, which shows where digits are coarse
    allowed = max(0.5 * abs(grid.step), digit if digit > abs(grid.step) else 0.51 * digit)
    if not any(abs(found - each) < allowed for each in expected):
        raise FormatError(
            f"{where}: x-check failed, abscissa {found:g} where {expected[0]:g} is due: points missing?"
        )


def _absolute(token: str, where: str, *, behind_difference: bool) -> Ordinate:
    if token.startswith("?"):
        return math.nan
    if behind_difference:
        # where a line break was lost, the y-check of the next line would pass for a point
        raise FormatError(f"{where}: {clean(token, 12)!r} behind differences: two lines in one?")
    if token[0] in _SQZ:
        return _integer(_SQZ[token[0]] + token[1:], where)
    if token[-1] not in "0123456789." or len(token) > MAX_DIGITS:
        raise FormatError(f"{where}: {clean(token, 24)!r} is not an ordinate")
    try:
        return int(token) if token.lstrip("+-").isdigit() else float(token)
    except ValueError as error:
        raise FormatError(f"{where}: {clean(token, 24)!r} is not an ordinate") from error


def _integer(text: str, where: str) -> int:
    if len(text) > MAX_DIGITS:
        raise FormatError(f"{where}: an ordinate of {len(text)} digits")
    return int(text)
