"""Agilent (Varian) ASP text: count, first and last wavenumber, three codes, then one number a line.

The codes are not published. The numbers' unit is therefore asked for, as that of columns without names: an
infrared spectrum must be absorbance. Layout after Open Specy's ``read_asp`` and its measured sample.
"""

import re

from ..errors import FormatError
from ..values import Technique
from .binary import even_axis
from .reading import Decoded, Request, number, number_table
from .units import XUnit, YUnit, spectrum_of

FORMAT = "Agilent ASP"
_HEAD = re.compile(
    r"[1-9][0-9]{1,6}\n[0-9]+\.[0-9]+\n[0-9]+\.[0-9]+\n[0-9]{1,3}\n[0-9]{1,3}\n[0-9]{1,3}\n-?[0-9]", re.ASCII
)
_HEAD_LINES = 6


def recognise(text: str) -> bool:
    """Whether text starts with a count, two ends of an axis and three codes, one a line."""
    return _HEAD.match(text) is not None


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode an ASP file.

    Raises
    ------
    FormatError
        Damaged, cut off, or the technique is not given.
    """
    lines = text.split("\n")
    points, first, last = (number(line, f"line {n}") for n, line in enumerate(lines[:3], start=1))
    if points != len(lines) - _HEAD_LINES:
        raise FormatError(f"{len(lines) - _HEAD_LINES} numbers, the first line promises {points:g}: cut off?")
    if request.technique is None:
        raise FormatError("the file names no units: give --technique ftir if these are absorbances")
    x = even_axis(first, last, int(points))
    y = number_table([[line] for line in lines[_HEAD_LINES:]], _HEAD_LINES + 1)[:, 0]
    infrared = request.technique is Technique.FTIR
    unit = YUnit.ABSORBANCE if infrared else YUnit.INTENSITY
    history = [
        f"read from {FORMAT}, {x.size} points",
        f"no units: read as cm⁻¹ and {unit}, as --technique {request.technique} says",
    ]
    codes = " ".join(line.strip() for line in lines[3:_HEAD_LINES])
    spectrum = spectrum_of(x, y, XUnit.WAVENUMBER, unit, request, history)
    return (Decoded(spectrum, FORMAT, request.name, {"codes": codes}),)
