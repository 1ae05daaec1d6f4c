"""How a GRAMS SPC file begins: main header of three variants, headers of its spectra, log block.

After "A Brief Guide to SPC File Format and Using GSPCIO" and ``SPC.H`` of Galactic Industries (now Thermo
Fisher Scientific), version 4.2 of the SPC software development kit, and measured files of several programs.
"""

import struct
from dataclasses import dataclass
from enum import IntFlag

from ..errors import FormatError
from .binary import unpack, words
from .reading import clean

#: Second byte: new format; new format with the most significant byte first; old format of Lab Calc.
NEW, NEW_BIG_ENDIAN, OLD = 0x4B, 0x4C, 0x4D
#: Exponent that says: the numbers are 32-bit floating point.
FLOATING = -128
#: Bytes of the header of one spectrum.
SUBHEADER = 32
#: Bytes of the main headers. The old one already holds the header of its first spectrum, see `Header.start`.
NEW_BYTES, OLD_BYTES = 512, 224
#: Bytes of log text looked at; instruments write one or two thousand.
MAX_LOG = 1 << 16

_NEW = "BBBbIddIBBBBI9s9sH8f130s30sIIBBHf48sfIfB"
_OLD = struct.Struct("<BBhfffBBHBBBB8sHH28x130s30s")
_SUB = "BbHfffIIf4x"
_LOG = "IIIII44x"


class Flags(IntFlag):
    """Bits of the first byte."""

    SHORT = 0x01
    MULTI = 0x04
    LABELS = 0x20
    OWN_X = 0x40
    X_VALUES = 0x80


@dataclass(frozen=True, slots=True)
class Header:
    """What the main header says, whichever variant."""

    version: int
    """`NEW`, `NEW_BIG_ENDIAN` or `OLD`."""
    flags: Flags
    """Bits of the first byte."""
    experiment: int
    """Code of the technique; 0 is general, 11 Raman."""
    exponent: int
    """Power of two of the integers' full scale; `FLOATING` for floating point."""
    points: int
    """Points of each spectrum; offset of a directory where each has its own axis."""
    first: float
    """First abscissa."""
    last: float
    """Last abscissa."""
    spectra: int
    """How many spectra the file says it holds; 0 where it does not say (old format)."""
    x_type: int
    """Code of the axis's unit."""
    y_type: int
    """Code of the intensities' unit."""
    resolution: str
    """Resolution in words."""
    source: str
    """Instrument in words."""
    comment: str
    """First line of the memo."""
    labels: tuple[str, str]
    """Labels of axis and intensities; empty unless the file says they count."""
    log: int
    """Offset of the log block, 0 where there is none."""

    @property
    def order(self) -> str:
        """Order of bytes as `struct` and NumPy write it."""
        return ">" if self.version == NEW_BIG_ENDIAN else "<"

    @property
    def start(self) -> int:
        """Offset of what follows the main header."""
        return OLD_BYTES if self.version == OLD else NEW_BYTES


@dataclass(frozen=True, slots=True)
class SubHeader:
    """What the header of one spectrum says."""

    exponent: int
    """As in `Header`, for this spectrum of several."""
    z: float
    """Time or place of this spectrum of several."""
    points: int
    """Points of this spectrum where each has its own axis."""


def header_of(data: bytes) -> Header:
    """Read the main header.

    Raises
    ------
    FormatError
        Cut off, or contradicting itself.
    """
    version = data[1] if len(data) > 1 else 0
    if version == OLD:
        return _old_header(data)
    order = ">" if version == NEW_BIG_ENDIAN else "<"
    fields = unpack(struct.Struct(order + _NEW), data, 0, "its header")
    flags, _, experiment, exponent, points, first, last, spectra, x_type, y_type = fields[:10]
    resolution, source, comment, labels, log = *fields[13:15], fields[24], fields[25], fields[26]
    if not flags & Flags.MULTI and spectra > 1:
        raise FormatError(f"{spectra} spectra in a file that says it holds one: damaged?")
    return Header(
        version, Flags(flags), experiment, exponent, points, first, last, max(spectra, 1), x_type, y_type,
        words(resolution), words(source), words(comment), _labels(flags, labels), log,
    )  # fmt: skip


def subheader_of(data: bytes, at: int, header: Header) -> SubHeader:
    """Read the header of one spectrum; raises `FormatError` where it is cut off."""
    fields = unpack(struct.Struct(header.order + _SUB), data, at, "the header of a spectrum")
    return SubHeader(exponent=fields[1], z=fields[3], points=fields[6])


def log_of(data: bytes, header: Header) -> dict[str, str]:
    """Return the entries ``name = value`` of the log text.

    Raises
    ------
    FormatError
        The block lies outside the file.
    """
    if not header.log:
        return {}
    size, _, text, _, _ = unpack(struct.Struct(header.order + _LOG), data, header.log, "its log")
    # Essential FTIR 3.5 gives a size beyond its end, where the text's closing zero byte stands.
    if header.log + size > len(data) and data[-1:] != b"\0":
        raise FormatError("the file ends within its log: cut off?")
    held = data[header.log + text : header.log + min(size, text + MAX_LOG)] if text <= size else b""
    lines = held.split(b"\0", 1)[0].decode("latin-1").replace("\r", "\n").split("\n")
    pairs = (line.partition("=") for line in lines)
    return {clean(key): clean(value) for key, sign, value in pairs if sign and key.strip()}


def _old_header(data: bytes) -> Header:
    fields = unpack(_OLD, data, 0, "its header")
    flags, _, exponent, points, first, last, x_type, y_type = fields[:8]
    resolution, comment, labels = fields[13], fields[16], fields[17]
    if not 0 <= points < 2**31 or points != int(points):
        raise FormatError(f"{points:g} is no number of points: damaged?")
    if flags & (Flags.OWN_X | Flags.X_VALUES):
        raise FormatError("an old SPC file with abscissae of its own is not read: save it anew in GRAMS")
    return Header(
        OLD, Flags(flags), 0, exponent, int(points), first, last, 0, x_type, y_type,
        words(resolution), "", words(comment), _labels(flags, labels), 0,
    )  # fmt: skip


def _labels(flags: int, raw: bytes) -> tuple[str, str]:
    if not flags & Flags.LABELS:
        return "", ""
    held = [*raw.decode("latin-1").split("\0"), "", ""]
    return clean(held[0]), clean(held[1])
