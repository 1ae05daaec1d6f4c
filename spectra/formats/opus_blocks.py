"""How an OPUS file is laid out: header, directory, blocks of parameters, blocks of numbers.

Bruker publishes no description. The layout is what open readers agree on (brukeropus, MIT; spectrochempy,
CeCILL-B) and what measured files of OPUS 6.5, 7.8 and 8.1 show. All numbers are little-endian; sizes in the
directory count 32-bit words.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..errors import FormatError
from ..values import MAX_CHANNELS, FloatArray
from .reading import clean

#: First four bytes of every OPUS file.
MAGIC = b"\n\n\xfe\xfe"
#: Blocks of the largest directory believed; OPUS reserves 40.
MAX_BLOCKS = 1000
#: Bytes of the largest block of parameters believed; OPUS's own have some hundred.
MAX_PARAMETER_BYTES = 1 << 16
#: MXY and MNY are kept as doubles of single-precision numbers, sometimes after multiplying by CSF.
RANGE_TOLERANCE = 1e-5

_HEADER = struct.Struct("<4sdiii")
_ENTRY = struct.Struct("<Iii")
_PARAMETER = struct.Struct("<3scHH")
#: Bits of a block's type that matter here; the upper ones differ between versions of OPUS.
_TYPE_BITS = 22

Value = int | float | str


class Side(IntEnum):
    """Which beam a block belongs to."""

    NONE = 0
    SAMPLE = 1
    BACKGROUND = 2
    RESULT = 3


class Kind(IntEnum):
    """What the numbers of a block are."""

    NONE = 0
    SINGLE_CHANNEL = 1
    INTERFEROGRAM = 2
    PHASE = 3
    ABSORBANCE = 4
    TRANSMITTANCE = 5
    KUBELKA_MUNK = 6
    TRACE = 7
    RAMAN = 10
    EMISSION = 11
    REFLECTANCE = 12
    DIRECTORY = 13
    POWER = 14
    LOG_REFLECTANCE = 15
    ATR = 16
    PHOTOACOUSTIC = 17


class Parameters(IntEnum):
    """What the parameters of a block describe; 0 where it holds none."""

    NONE = 0
    DATA = 1
    INSTRUMENT = 2
    ACQUISITION = 3
    TRANSFORM = 4
    OPTICS = 6
    ORIGIN = 10


@dataclass(frozen=True, slots=True)
class Block:
    """One entry of the directory."""

    side: int
    """Which beam, as in `Side`."""
    parameters: int
    """Which parameters, as in `Parameters`."""
    kind: int
    """Which numbers, as in `Kind`."""
    amplitude: bool
    """True for real-valued data; false for one part of complex data, and where there are none."""
    derivative: int
    """Order of derivation."""
    form: int
    """0 for one plain spectrum; others are search results, series, compact data, histories."""
    start: int
    """Offset in the file, bytes."""
    size: int
    """Bytes."""


def directory_of(data: bytes) -> tuple[Block, ...]:
    """Return the blocks of a file, in order of its directory.

    Raises
    ------
    FormatError
        The file is cut off, or blocks lie outside of it or over each other.
    """
    if len(data) < _HEADER.size:
        raise FormatError("an OPUS file that ends within its header: cut off?")
    magic, _, start, room, count = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise FormatError("no OPUS file")
    if not (0 < count <= room and count <= MAX_BLOCKS and start >= _HEADER.size):
        raise FormatError(f"a directory of {count} blocks at byte {start}: damaged?")
    if start + count * _ENTRY.size > len(data):
        raise FormatError("an OPUS file that ends within its directory: cut off?")
    blocks = tuple(_block(*_ENTRY.unpack_from(data, start + n * _ENTRY.size)) for n in range(count))
    _check_places(blocks, len(data))
    return blocks


def parameters_of(data: bytes, block: Block) -> dict[str, Value]:
    """Return the parameters of a block by their three-letter names.

    Raises
    ------
    FormatError
        The block is damaged, too large, or contradicts itself.
    """
    if block.size > MAX_PARAMETER_BYTES:
        raise FormatError(f"a block of parameters with {block.size} bytes: damaged?")
    held = memoryview(data)[block.start : block.start + block.size]
    found: dict[str, Value] = {}
    at = 0
    while at + _PARAMETER.size <= len(held):
        raw, zero, kind, words = _PARAMETER.unpack_from(held, at)
        if raw == b"END":
            return found
        name = raw.decode("latin-1")
        if not (name.isascii() and name.isalnum()) or zero != b"\0":
            raise FormatError(f"{clean(name, 3)!r} is no name of a parameter: damaged?")
        at += _PARAMETER.size
        value = _value(name, kind, bytes(held[at : at + 2 * words]), 2 * words)
        if name in found and found[name] != value:
            raise FormatError(f"{name} is given twice, differently")
        found[name] = value
        at += 2 * words
    raise FormatError("a block of parameters without an end: damaged?")


def numbers_of(data: bytes, block: Block, status: dict[str, Value]) -> FloatArray:
    """Return the numbers of a block, scaled, shape (NPT,).

    Parameters
    ----------
    data
        The whole file.
    block
        Where the numbers are.
    status
        The data parameters that belong to it.

    Raises
    ------
    FormatError
        The block does not hold what its parameters promise; its greatest and least number are compared too.
    """
    points, scale = integer(status, "NPT"), real(status, "CSF")
    if not 2 <= points <= MAX_CHANNELS:
        raise FormatError(f"NPT={points} is no number of points from 2 to {MAX_CHANNELS}")
    kinds = {1: "<f4", 2: "<i4"}
    kind = kinds.get(integer(status, "DPF"))
    if kind is None:
        raise FormatError(f"DPF={status['DPF']} is no number format read here")
    # OPUS leaves a word or two of room behind the last number.
    if not 4 * points <= block.size < 8 * points:
        raise FormatError(f"{block.size // 4} numbers, NPT promises {points}: cut off, or several spectra?")
    raw = np.frombuffer(data, dtype=kind, count=points, offset=block.start).astype(np.float64)
    if not np.isfinite(raw).all() or scale == 0:
        raise FormatError("numbers that are not finite: damaged?")
    numbers = np.asarray(raw * scale, dtype=np.float64)
    _check_range(numbers, status)
    return numbers


def real(parameters: dict[str, Value], name: str) -> float:
    """Return a number; raises `FormatError` where it is missing, not finite or text."""
    value = parameters.get(name)
    if value is None:
        raise FormatError(f"{name} is missing: damaged?")
    if isinstance(value, str) or not np.isfinite(value):
        raise FormatError(f"{name} is no number: damaged?")
    return float(value)


def integer(parameters: dict[str, Value], name: str) -> int:
    """Return a whole number; raises `FormatError` where it is missing or none."""
    value = real(parameters, name)
    if value != int(value):
        raise FormatError(f"{name}={value:g} is no whole number")
    return int(value)


def _block(bits: int, words: int, start: int) -> Block:
    kept = bits & ((1 << _TYPE_BITS) - 1)
    return Block(
        side=kept >> 2 & 0b11,
        parameters=kept >> 4 & 0b111111,
        kind=kept >> 10 & 0b1111111,
        amplitude=kept & 0b11 == 0b11,
        derivative=kept >> 17 & 0b11,
        form=kept >> 19 & 0b111,
        start=start,
        size=4 * words,
    )


def _check_places(blocks: tuple[Block, ...], size: int) -> None:
    end = _HEADER.size
    for block in sorted(blocks, key=lambda block: block.start):
        if block.size < 0 or block.start < end:
            raise FormatError("blocks of the OPUS file lie over each other: damaged?")
        end = block.start + block.size
    if end > size:
        raise FormatError(f"the OPUS file has {size} bytes, its directory promises {end}: cut off?")


def _value(name: str, kind: int, held: bytes, size: int) -> Value:
    least = {0: 4, 1: 8}.get(kind, 0)
    if len(held) != size or size < least or kind > 4:
        raise FormatError(f"{name} is of no kind read here: damaged?")
    if kind == 0:
        return int(struct.unpack_from("<i", held)[0])
    if kind == 1:
        return float(struct.unpack_from("<d", held)[0])
    return clean(held.split(b"\0", 1)[0].decode("latin-1"))


def _check_range(numbers: FloatArray, status: dict[str, Value]) -> None:
    greatest, least = real(status, "MXY"), real(status, "MNY")
    allowed = RANGE_TOLERANCE * max(abs(greatest), abs(least), 1e-30)
    for name, said, found in (("MXY", greatest, numbers.max()), ("MNY", least, numbers.min())):
        if abs(said - found) > allowed:
            raise FormatError(f"{name}={said:g}, but the numbers reach {found:g}: damaged?")
