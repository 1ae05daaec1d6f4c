"""Renishaw WiRE files (``.wdf``): one spectrum, or the spectra of a series or a small map.

Renishaw publishes no description. The layout is what open readers agree on (py-wdf-reader, MIT; the notes in
Gwyddion's ``renishaw.c``) and what a measured file of WiRE 5.5 shows: blocks of four letters, a number and
their size; ``WDF1`` describes, ``DATA`` holds the intensities and ``XLST`` the axis, both in little-endian
single precision.
"""

import struct
from dataclasses import dataclass

from ..errors import FormatError
from ..values import FloatArray
from .binary import check_spectra, numbers, unpack, words
from .reading import Decoded, Request, check_size, clean
from .units import XUnit, YUnit, spectrum_of

FORMAT = "Renishaw WDF"
#: First bytes: the name of the first block.
MAGIC = b"WDF1"
#: Blocks believed; measured files have about a dozen, and one or two more for each processing.
MAX_BLOCKS = 1000
#: WiRE 5.7 was seen to give its last block of settings two bytes more than it has.
SLACK = 16
_BLOCK = struct.Struct("<4sIQ")
#: From byte 60: points, room, spectra, accumulations, lengths of the lists of y and x, origins, program.
_SIZES = struct.Struct("<IQQIIII24s4H")
_SIZES_AT = 60
#: From byte 152: unit of the intensities, wavenumber of the laser (cm⁻¹), then room; user and title.
_ABOUT = struct.Struct("<If48x32s160s")
_ABOUT_AT = 152
_LIST = struct.Struct("<II")
#: What a list of x may be: unspecified kinds of frequency.
_FREQUENCY = {0, 1, 19}
_X_UNITS = {1: XUnit.SHIFT, 3: XUnit.NANOMETRE, 5: XUnit.MICROMETRE}


@dataclass(frozen=True, slots=True)
class _About:
    """What the first block says."""

    points: int
    room: int
    spectra: int
    laser_nm: float | None
    title: str
    meta: dict[str, str]


def recognise(data: bytes) -> bool:
    """Whether bytes start like a WiRE file."""
    return data.startswith(MAGIC)


def decode(data: bytes, request: Request) -> tuple[Decoded, ...]:
    """Decode the spectra of a WDF file.

    Raises
    ------
    FormatError
        Damaged, cut off, a map of more than 1000 spectra, or with an axis that is none of a spectrum.
    """
    check_size(data)
    blocks = _blocks(data)
    about = _about(data)
    x, unit = _axis(data, blocks, about)
    start, size = _only(blocks, b"DATA")
    if size != 4 * about.points * about.room:
        raise FormatError(
            f"{size} bytes of intensities for {about.room} spectra of {about.points} points: damaged?"
        )
    found = []
    for n in range(about.spectra):
        y = numbers(data, "<f4", about.points, start + 4 * about.points * n, "intensities")
        history, meta = [f"read from {FORMAT}, {about.points} points"], about.meta
        title = about.title or request.name
        if about.spectra > 1:
            history.append(f"spectrum {n + 1} of {about.spectra} in the file")
            title, meta = (
                f"{title} ({n + 1} of {about.spectra})",
                {"spectrum": f"{n + 1} of {about.spectra}", **meta},
            )
        spectrum = spectrum_of(x, y, unit, YUnit.INTENSITY, request, history, laser_nm=about.laser_nm)
        found.append(Decoded(spectrum, FORMAT, title, meta))
    return tuple(found)


def _blocks(data: bytes) -> list[tuple[bytes, int, int]]:
    """Return name, offset and size of what each block holds."""
    found: list[tuple[bytes, int, int]] = []
    at = 0
    while at < len(data):
        name, _, size = unpack(_BLOCK, data, at, "the head of a block")
        slack = 0 if name in {MAGIC, b"DATA", b"XLST"} else SLACK
        if size < _BLOCK.size or at + size > len(data) + slack:
            raise FormatError(f"block {words(name)!r} of {size} bytes at byte {at} of {len(data)}: cut off?")
        if len(found) >= MAX_BLOCKS:
            raise FormatError(f"more than {MAX_BLOCKS} blocks: damaged?")
        found.append((name, at + _BLOCK.size, size - _BLOCK.size))
        at += size
    return found


def _only(blocks: list[tuple[bytes, int, int]], wanted: bytes) -> tuple[int, int]:
    places = [(start, size) for name, start, size in blocks if name == wanted]
    if len(places) != 1:
        raise FormatError(f"{len(places)} blocks {words(wanted)}, one is due: damaged?")
    return places[0]


def _about(data: bytes) -> _About:
    points, room, spectra, accumulations, _, axis, _, program, *version = unpack(
        _SIZES, data, _SIZES_AT, "its header"
    )
    _, laser, user, title = unpack(_ABOUT, data, _ABOUT_AT, "its header")
    check_spectra(spectra, points)
    if spectra > room or axis != points:
        raise FormatError(
            f"{spectra} spectra in room for {room}, {axis} abscissae for {points} points: damaged?"
        )
    if not 0 <= laser < 1e6:
        raise FormatError(f"{laser:g} cm⁻¹ is no wavenumber of a laser")
    meta = {
        "program": f"{words(program)} {'.'.join(map(str, version))}",
        "accumulations": str(accumulations),
        "user": words(user),
    }
    name = clean(title.split(b"\0", 1)[0].decode("utf-8", "replace"))
    kept = {key: value for key, value in meta.items() if value}
    return _About(points, room, spectra, 1e7 / laser if laser > 0 else None, name, kept)


def _axis(data: bytes, blocks: list[tuple[bytes, int, int]], about: _About) -> tuple[FloatArray, XUnit]:
    start, size = _only(blocks, b"XLST")
    kind, code = unpack(_LIST, data, start, "its axis")
    if kind not in _FREQUENCY or code not in _X_UNITS:
        raise FormatError(
            f"an axis of WiRE's kind {kind} in unit {code} is not read: export it as Raman shift"
        )
    if size != _LIST.size + 4 * about.points:
        raise FormatError(f"{size} bytes of axis for {about.points} points: damaged?")
    return numbers(data, "<f4", about.points, start + _LIST.size, "abscissae"), _X_UNITS[code]
