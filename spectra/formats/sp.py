"""Perkin-Elmer SP files (Spectrum): one spectrum at even steps, of a file of nested blocks.

Perkin-Elmer publishes no description. The layout is what open readers agree on (specio, BSD-3; Orange's
spectroscopy add-on) and what a measured file shows: after 44 bytes blocks of a number (2 bytes), a size (4)
and what they hold, behind a code of its kind (2). One block of the number 120 holds the others. The range of
the ordinates is kept in the file, and compared.
"""

import struct

import numpy as np

from ..errors import FormatError
from ..values import FloatArray
from .binary import even_axis, numbers, unpack
from .reading import Decoded, Request, check_size, clean
from .units import XUnit, YUnit, believed, spectrum_of

FORMAT = "Perkin-Elmer SP"
#: First bytes of every file.
MAGIC = b"PEPE"
#: What follows in files at even steps; "2D" counts abscissa and ordinate.
CONSTANT = b"2D constant interval DataSet file"
#: Blocks believed; measured files have about twenty.
MAX_BLOCKS = 500
#: Share of the ordinates' span by which their range may differ: it is kept in double precision.
RANGE_TOLERANCE = 1e-6
_FIRST, _SET = 44, 120
_BLOCK = struct.Struct("<HI")
_RANGE, _LONG, _WORDS, _ARRAY = (
    struct.Struct("<Hdd"),
    struct.Struct("<Hi"),
    struct.Struct("<HH"),
    struct.Struct("<HI"),
)
#: Codes of the kinds: two doubles, a whole number, text, an array of doubles.
_RANGE_CODE, _LONG_CODE, _WORDS_CODE, _ARRAY_CODE = 0x751D, 0x752B, 0x7523, 0x7516
_X_RANGE, _Y_RANGE, _POINTS, _X_LABEL, _Y_LABEL, _DATA, _NAME = (
    35698,
    35699,
    35701,
    35703,
    35704,
    35708,
    35713,
)

_X_UNITS = {"cm-1": XUnit.WAVENUMBER, "nm": XUnit.NANOMETRE}
_Y_UNITS = {
    "a": YUnit.ABSORBANCE,
    "%t": YUnit.PERCENT,
    "t": YUnit.TRANSMITTANCE,
    "int": YUnit.INTENSITY,
}


def recognise(data: bytes) -> bool:
    """Whether bytes start like a Perkin-Elmer file."""
    return data.startswith(MAGIC)


def decode(data: bytes, request: Request) -> tuple[Decoded, ...]:
    """Decode the spectrum of an SP file.

    Raises
    ------
    FormatError
        Damaged, cut off, of several dimensions, or in units that are not read.
    """
    check_size(data)
    if not data[len(MAGIC) :].startswith(CONSTANT):
        kind = clean(data[len(MAGIC) : _FIRST].split(b"\0", 1)[0].decode("latin-1"), 40)
        raise FormatError(f"a Perkin-Elmer file of {kind!r} is not read: save one spectrum at even steps")
    blocks = _blocks(data)
    points = int(_value(data, blocks, _POINTS, _LONG, _LONG_CODE)[0])
    first, last = _value(data, blocks, _X_RANGE, _RANGE, _RANGE_CODE)
    x = even_axis(first, last, points)
    y = _ordinates(data, blocks, points)
    x_label, y_label = _text(data, blocks, _X_LABEL), _text(data, blocks, _Y_LABEL)
    x_unit, y_unit = _X_UNITS.get(x_label.lower()), _Y_UNITS.get(y_label.lower())
    if x_unit is None or y_unit is None:
        raise FormatError(
            f"{clean(y_label, 12)!r} over {clean(x_label, 12)!r} is not read: save absorbance over cm-1"
        )
    history = [f"read from {FORMAT}, {points} points"]
    spectrum = spectrum_of(x, y, x_unit, believed(y_unit, y, history), request, history)
    return (Decoded(spectrum, FORMAT, _text(data, blocks, _NAME) or request.name),)


def _blocks(data: bytes) -> dict[int, tuple[int, int]]:
    """Return offset and size of what each block of the only set holds, by its number."""
    number, size = unpack(_BLOCK, data, _FIRST, "its first block")
    at, end = _FIRST + _BLOCK.size, _FIRST + _BLOCK.size + size
    if number != _SET:
        raise FormatError(f"the first block has the number {number}, {_SET} is due: damaged?")
    if end > len(data):
        raise FormatError(f"the file has {len(data)} bytes, its set ends at {end}: cut off?")
    found: dict[int, tuple[int, int]] = {}
    while at < end:
        number, size = unpack(_BLOCK, data, at, "a block")
        at += _BLOCK.size
        if at + size > end:
            raise FormatError(f"block {number} of {size} bytes leaves its set: damaged?")
        if number in found or len(found) >= MAX_BLOCKS:
            raise FormatError(f"block {number} stands there twice, or there are too many: damaged?")
        found[number] = (at, size)
        at += size
    return found


def _place(blocks: dict[int, tuple[int, int]], number: int, least: int) -> int:
    at, size = blocks.get(number, (0, 0))
    if size < least:
        raise FormatError(f"block {number} is missing or too short: damaged?")
    return at


def _value(
    data: bytes, blocks: dict[int, tuple[int, int]], number: int, layout: struct.Struct, code: int
) -> tuple[float, ...]:
    """Return what a block holds, its code left out."""
    found, *values = unpack(layout, data, _place(blocks, number, layout.size), f"block {number}")
    if found != code:
        raise FormatError(f"block {number} is of the kind {found:#x}, {code:#x} is due: damaged?")
    return tuple(values)


def _text(data: bytes, blocks: dict[int, tuple[int, int]], number: int) -> str:
    if number not in blocks:
        return ""
    (length,) = _value(data, blocks, number, _WORDS, _WORDS_CODE)
    at, size = blocks[number]
    held = data[at + _WORDS.size : at + min(size, _WORDS.size + int(length))]
    return clean(held.decode("latin-1"))


def _ordinates(data: bytes, blocks: dict[int, tuple[int, int]], points: int) -> FloatArray:
    (size,) = _value(data, blocks, _DATA, _ARRAY, _ARRAY_CODE)
    at, held = blocks[_DATA]
    if size != 8 * points or held < _ARRAY.size + size:
        raise FormatError(f"{size:g} bytes of numbers for {points} points: damaged?")
    y = numbers(data, "<f8", points, at + _ARRAY.size, "intensities")
    least, greatest = _value(data, blocks, _Y_RANGE, _RANGE, _RANGE_CODE)
    allowed = RANGE_TOLERANCE * float(np.ptp(y))
    for said, found in ((least, y.min()), (greatest, y.max())):
        if not abs(said - found) <= allowed:
            raise FormatError(
                f"the file says that its numbers reach {said:g}, but they reach {found:g}: damaged?"
            )
    return y
