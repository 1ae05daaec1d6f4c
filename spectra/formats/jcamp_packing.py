"""Whole numbers in the DIFDUP form of JCAMP-DX 4.24, section 5.9: differences, and counts of equal ones.

Each line but the first repeats the last ordinate of the line before (the y-check), and the last line holds
nothing else; so one damaged character is noticed.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise

#: JCAMP-DX lines hold at most 80 characters (4.24, section 3).
LINE = 80
_SQZ, _DIF = ("@ABCDEFGHI", "@abcdefghi"), ("%JKLMNOPQR", "%jklmnopqr")
_DUP = " STUVWXYZs"


def difdup_lines(ordinates: Sequence[int], abscissae: Sequence[str]) -> list[str]:
    """Return the lines of an ``(X++(Y..Y))`` table.

    Parameters
    ----------
    ordinates
        At least two whole numbers.
    abscissae
        As many abscissae as written; a line begins with that of its first ordinate.
    """
    lines: list[str] = []
    line = abscissae[0] + _marked(ordinates[0], _SQZ)
    at = 0
    differences = [b - a for a, b in pairwise(ordinates)]
    for difference, run in groupby(differences):
        count = len(list(run))
        word = _marked(difference, _DIF) + (_marked(count, (_DUP, _DUP)) if count > 1 else "")
        if len(line) + len(word) > LINE:
            lines.append(line)
            line = abscissae[at] + _marked(ordinates[at], _SQZ)
        line += word
        at += count
    return [*lines, line, abscissae[at] + _marked(ordinates[at], _SQZ)]


def _marked(value: int, marks: tuple[str, str]) -> str:
    """Return a number whose first digit carries sign and form."""
    digits = str(abs(value))
    return marks[value < 0][int(digits[0])] + digits[1:]
