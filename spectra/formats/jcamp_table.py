"""The table of one JCAMP-DX block: what its header promises, and every check that proves the numbers.

Checked are NPOINTS, the abscissa at the start of each line, the y-checks of differences, FIRSTX, LASTX,
DELTAX and FIRSTY. MAXY and MINY are wrong in files of the standard's own test sets and only told. Our own
files carry ``##$SHA256=`` of their numbers, which 4.24's checks do not cover in free format.
"""

import re

import numpy as np

from ..digest import array_digest
from ..errors import FormatError
from ..values import MAX_CHANNELS, FloatArray
from .jcamp_asdf import Grid, expand_table, last_digit, pairs
from .jcamp_blocks import Block, Record
from .reading import clean, number

#: Share of the points the longest run without "?" must hold to be read alone; chosen.
LEAST_VALID = 0.9
#: Ordinates looked at to see how many digits the table has.
DIGITS_SEEN = 64
#: FIRSTY, MAXY and MINY may be rounded to single precision.
SINGLE = 1e-5


def table_of(block: Block) -> tuple[FloatArray, FloatArray]:
    """Return abscissae and ordinates of a block in the file's units, all checks verified.

    Ordinates marked ``?`` are NaN.

    Raises
    ------
    FormatError
        A required record is missing, or a check fails.
    """
    block.check_unique()
    points = points_of(block)
    xfactor, yfactor = _factor(block, "XFACTOR"), _factor(block, "YFACTOR")
    record, kind = _table_record(block)
    if kind == "(X++(Y..Y))":
        first, last = _required(block, "FIRSTX"), _required(block, "LASTX")
        grid = Grid(first, (last - first) / (points - 1), points, xfactor)
        _check_step(block, grid)
        raw = expand_table(record.more, record.line + 1, grid)
        x = np.linspace(first, last, points)
        y = np.array([float(value) for value in raw])
    else:
        xs, ys = pairs(record.more, record.line + 1, limit=points)
        if xs.size != points:
            raise FormatError(f"{xs.size} points, NPOINTS promises {points}: cut off?")
        x, y = xs * xfactor, ys
        _check_ends(block, x)
    unit = abs(yfactor) * _finest(y)
    y = y * yfactor
    _check_digest(block, x, y)
    if not np.isnan(y[0]):
        _check_first_y(block, float(y[0]), unit)
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def points_of(block: Block) -> int:
    """Return NPOINTS; raises `FormatError` where it is missing or no possible number."""
    value = _required(block, "NPOINTS")
    if value != int(value) or not 2 <= value <= MAX_CHANNELS:
        raise FormatError(f"NPOINTS={value:g} is no number of points from 2 to {MAX_CHANNELS}")
    return int(value)


def _required(block: Block, label: str) -> float:
    text = block.text(label)
    if not text:
        raise FormatError(f"##{label}= is missing")
    return number(text, f"##{label}=")


def _factor(block: Block, label: str) -> float:
    text = block.text(label)
    factor = number(text, f"##{label}=") if text else 1.0
    if factor == 0:
        raise FormatError(f"##{label}=0 leaves no spectrum")
    return factor


def _table_record(block: Block) -> tuple[Record, str]:
    for label in ("XYDATA", "XYPOINTS"):
        if label in block.records:
            record = block.records[label][0]
            kind = re.sub(r"\s", "", record.value).upper()
            if kind not in {"(X++(Y..Y))", "(XY..XY)"}:
                raise FormatError(
                    f"line {record.line}: {clean(record.value, 24)!r} is no form of table read here"
                )
            return record, kind
    raise FormatError("no ##XYDATA= or ##XYPOINTS=: the block holds no spectrum")


def _check_step(block: Block, grid: Grid) -> None:
    text = block.text("DELTAX")
    if grid.step == 0:
        raise FormatError("FIRSTX equals LASTX")
    if not text:
        return
    said = number(text, "##DELTAX=")
    drift = abs(abs(said) - abs(grid.step)) * (grid.points - 1)
    if drift > max(1.0, last_digit(text) / abs(grid.step) * grid.points) * abs(grid.step):
        raise FormatError(
            f"DELTAX={said:g}, but FIRSTX, LASTX and NPOINTS give {grid.step:g}: points missing?"
        )


def _check_ends(block: Block, x: FloatArray) -> None:
    for label, found in (("FIRSTX", float(x[0])), ("LASTX", float(x[-1]))):
        said = block.text(label)
        if not said:
            continue  # pairs say where they are
        if abs(found - number(said, f"##{label}=")) >= max(last_digit(said), 1e-6 * abs(found)):
            raise FormatError(f"{label}={clean(said, 24)}, but the table has {found:g} there")


def _finest(ordinates: FloatArray) -> float:
    """Return one unit of the last digit the first ordinates are written with; 1 for whole numbers."""
    seen = ordinates[:DIGITS_SEEN]
    return min((last_digit(repr(value)) for value in seen.tolist() if value % 1), default=1.0)


def _check_first_y(block: Block, found: float, unit: float) -> None:
    """Compare with FIRSTY, to its last digit or single precision; this also proves YFACTOR."""
    text = block.text("FIRSTY")
    if not text:
        return
    said = number(text, "##FIRSTY=")
    # what was rounded in the table may be half of a unit away, and a little
    if abs(found - said) > max(last_digit(text), 0.51 * unit) + SINGLE * abs(said):
        raise FormatError(
            f"FIRSTY={said:g}, but the table gives {found:g}: is YFACTOR or the first line wrong?"
        )


def _check_digest(block: Block, x: FloatArray, y: FloatArray) -> None:
    said = block.text("$SHA256")
    # adding zero turns -0 into 0: differences of whole numbers know only one zero
    if said and said != array_digest(x + 0.0, y + 0.0):
        raise FormatError(
            "the numbers are not those the file was written with (##$SHA256=): damaged; if somebody changed "
            "them on purpose, remove that line"
        )


def valid_part(x: FloatArray, y: FloatArray, history: list[str]) -> tuple[FloatArray, FloatArray]:
    """Return the longest run of points that are not marked ``?``; the history says what is left out.

    Invalid points are never bridged: a spectrum with a hole in its middle is refused. The infrared library
    of ENFSI's drugs working group has such points behind the first one.

    Raises
    ------
    FormatError
        The run holds less than `LEAST_VALID` of the points.
    """
    bad = np.flatnonzero(np.isnan(y))
    if not bad.size:
        return x, y
    edges = np.concatenate([[-1], bad, [y.size]])
    longest = int(np.argmax(np.diff(edges)))
    first, last = int(edges[longest]) + 1, int(edges[longest + 1])
    place = f"{x[bad[0]]:g}" + (f" to {x[bad[-1]]:g}" if bad.size > 1 else "")
    marked = f"{bad.size} of {y.size} points are marked '?' (no valid value), at {place}"
    if last - first < LEAST_VALID * y.size:
        raise FormatError(
            f"{marked}: a spectrum with holes cannot be compared: export it again over a range that is valid "
            "throughout"
        )
    stray = y.size - bad.size - (last - first)
    beyond = f", and {stray} valid point(s) beyond them" if stray else ""
    history.append(f"{marked}: left out{beyond}; read from {x[first]:g} to {x[last - 1]:g}")
    return x[first:last], y[first:last]


def doubts(block: Block, y: FloatArray) -> list[str]:
    """Say where MAXY and MINY are not those of the table; NaN does not count."""
    found: list[str] = []
    if np.isnan(y).all():
        return found
    for label, reached in (("MAXY", float(np.nanmax(y))), ("MINY", float(np.nanmin(y)))):
        text = block.text(label)
        try:
            said = number(text, f"##{label}=")
        except FormatError:
            continue
        yfactor = abs(_factor(block, "YFACTOR"))
        if abs(said - reached) > last_digit(text) + yfactor + SINGLE * abs(said):
            found.append(f"{label}={said:g} in the file, but the table reaches {reached:g}")
    return found
