"""GRAMS SPC files, new (``K``, ``L``) and old (``M``): one spectrum or several, even or uneven axis.

Read are infrared and Raman spectra: absorbance, transmittance, Raman intensity. What the file's codes leave
open is asked for; other techniques and units (mass spectra, reflectance, interferograms) are refused by name.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import FormatError
from ..values import FloatArray
from .binary import check_spectra, even_axis, numbers, unpack
from .reading import MAX_META, Decoded, Request, check_size
from .spc_header import (
    FLOATING,
    NEW,
    NEW_BIG_ENDIAN,
    OLD,
    SUBHEADER,
    Flags,
    Header,
    SubHeader,
    header_of,
    log_of,
    subheader_of,
)
from .spc_units import RAMAN_EXPERIMENT, x_unit_of, y_unit_of
from .units import believed, spectrum_of

FORMAT = "GRAMS SPC"
#: Zero bytes that may stand behind the numbers; measured files have none.
LARGEST_PADDING = 512
#: Bytes of an entry of the directory of spectra with axes of their own: offset, size, time.
DIRECTORY_ENTRY = 12
#: What is said of an old file of 16-bit integers: no measured infrared or Raman one was at hand.
OLD_SHORT = "an old SPC file in 16-bit integers is not read: save it anew in GRAMS"
_VERSIONS = {NEW: "new format", NEW_BIG_ENDIAN: "new format, most significant byte first", OLD: "old format"}
#: Codes of units end here; text and other programs' files have something else at these places.
_LAST_X, _Y_CODES = 30, frozenset({*range(27), 128, 129, 130, 131})
#: Log entries of Renishaw's and Horiba's programs that name the excitation.
_LASER = re.compile(r"(?:laser:\s*)?([0-9]{3,4}(?:\.[0-9]{1,6})?)\s*(?:nm\b.*)?", re.IGNORECASE | re.ASCII)
_LASER_ENTRIES = ("Laser", "LASER (NM)")


@dataclass(frozen=True, slots=True)
class _Curve:
    """The numbers of one spectrum, in the file's units."""

    x: FloatArray
    y: FloatArray
    z: float


def recognise(data: bytes) -> bool:
    """Whether bytes start like an SPC file: version, codes of units, and zero bytes that no text has."""
    if len(data) < 32 or b"\0" not in data[:32]:
        return False
    if data[1] == OLD:
        (points,) = struct.unpack_from("<f", data, 4)
        return 2 <= points <= 1 << 24 and points == int(points) and _codes_fit(data[20], data[21])
    return data[1] in {NEW, NEW_BIG_ENDIAN} and data[2] <= 14 and _codes_fit(data[28], data[29])


def decode(data: bytes, request: Request) -> tuple[Decoded, ...]:
    """Decode every spectrum of an SPC file.

    ``meta`` holds the entries of the log.

    Raises
    ------
    FormatError
        Damaged, cut off, or of another technique.
    """
    check_size(data)
    header = header_of(data)
    x_unit, y_unit = x_unit_of(header), y_unit_of(header)
    log = log_of(data, header)
    curves = list(_curves(data, header))
    doubt: list[str] = []
    y_unit = believed(y_unit, np.concatenate([curve.y for curve in curves]), doubt)
    laser, resolution = _laser(log), _resolution(header)
    title = header.comment or request.name
    meta = {"instrument": header.source, "resolution": header.resolution, **log}
    found = []
    for place, curve in enumerate(curves, start=1):
        history = [f"read from {FORMAT} ({_VERSIONS[header.version]}), {curve.x.size} points", *doubt]
        several = {}
        if len(curves) > 1:
            history.append(f"spectrum {place} of {len(curves)} in the file")
            several = {"spectrum": f"{place} of {len(curves)}", "z": f"{curve.z:g}"}
        spectrum = spectrum_of(
            curve.x,
            curve.y,
            x_unit,
            y_unit,
            request,
            history,
            raman=header.experiment == RAMAN_EXPERIMENT,
            laser_nm=laser,
            resolution_cm1=resolution,
        )
        kept = {key: value for key, value in {**several, **meta}.items() if value}
        name = f"{title} ({place} of {len(curves)})" if several else title
        found.append(Decoded(spectrum, FORMAT, name, dict(list(kept.items())[:MAX_META])))
    return tuple(found)


def _curves(data: bytes, header: Header) -> Iterator[_Curve]:
    count = header.spectra or _count_of_old(data, header)
    check_spectra(count, 0 if header.flags & Flags.OWN_X else header.points)
    at = header.start
    shared, total = None, 0
    if not header.flags & Flags.OWN_X:
        if header.flags & Flags.X_VALUES:
            shared = numbers(data, header.order + "f4", header.points, at, "abscissae")
            at += 4 * header.points
        else:
            shared = even_axis(header.first, header.last, header.points)
    starts = []
    for _ in range(count):
        starts.append(at)
        sub = subheader_of(data, at, header)
        at += SUBHEADER
        x = shared
        if x is None:
            x = numbers(data, header.order + "f4", sub.points, at, "abscissae")
            total += x.size
            check_spectra(count, -(-total // count))
            at += 4 * sub.points
        kind, scale = _number_kind(header, sub)
        y = numbers(data, kind, x.size, at, "intensities")
        at += x.size * np.dtype(kind).itemsize
        if header.version == OLD:
            y = _words_swapped(data, at - 4 * x.size, x.size)
        yield _Curve(x, y * scale, sub.z)
    _check_end(data, header, [*starts, at])


def _count_of_old(data: bytes, header: Header) -> int:
    """Return how many spectra an old file holds: it does not say, but is filled by them."""
    if not header.flags & Flags.MULTI:
        return 1
    if header.flags & Flags.SHORT:
        raise FormatError(OLD_SHORT)
    size = SUBHEADER + 4 * header.points
    count, rest = divmod(len(data) - header.start, size)
    if rest:
        raise FormatError(f"{rest} bytes too many for {count} spectra of {header.points} points: cut off?")
    return count


def _number_kind(header: Header, sub: SubHeader) -> tuple[str, float]:
    """Return the type of the intensities and what they are multiplied by.

    Integers are fractions of their full scale times a power of two: y = integer · 2^exponent / 2^bits.
    """
    exponent = sub.exponent if header.flags & Flags.MULTI else header.exponent
    if exponent == FLOATING:
        if header.version == OLD:
            raise FormatError("an old SPC file in floating point is not read: save it anew in GRAMS")
        return header.order + "f4", 1.0
    if abs(exponent) >= -FLOATING:
        raise FormatError(f"an exponent of {exponent}: damaged?")
    bits = 16 if header.flags & Flags.SHORT else 32
    if header.version == OLD and bits == 16:
        raise FormatError(OLD_SHORT)
    return f"{header.order}i{bits // 8}", 2.0 ** (exponent - bits)


def _words_swapped(data: bytes, at: int, count: int) -> FloatArray:
    """Return 32-bit integers of the old format: two little-endian words, the upper one first."""
    pairs = np.frombuffer(data, "<u2", 2 * count, at).reshape(-1, 2).astype(np.uint32)
    return np.asarray((pairs[:, 0] << 16 | pairs[:, 1]).view(np.int32), dtype=np.float64)


def _check_end(data: bytes, header: Header, places: list[int]) -> None:
    """Compare where the spectra lie with what the file says: its directory, or its log and its end.

    A count that was damaged to a smaller one is noticed here.
    """
    end = places[-1]
    if header.flags & Flags.OWN_X:
        if header.flags & Flags.MULTI and header.points:
            _check_directory(data, header, places)
        return
    behind = data[end : header.log or len(data)]
    if (header.log and header.log < end) or len(behind) > LARGEST_PADDING or any(behind):
        raise FormatError(
            f"the spectra end at byte {end}, the next thing starts at {header.log or len(data)}: damaged?"
        )


def _check_directory(data: bytes, header: Header, places: list[int]) -> None:
    for n, (start, end) in enumerate(pairwise(places)):
        at = header.points + DIRECTORY_ENTRY * n
        entry = unpack(struct.Struct(header.order + "II"), data, at, "its directory")
        if entry != (start, end - start):
            raise FormatError(f"spectrum {n + 1} at byte {start} is not where the directory has it: damaged?")


def _codes_fit(x_type: int, y_type: int) -> bool:
    return (x_type <= _LAST_X or x_type == 255) and y_type in _Y_CODES


def _laser(log: dict[str, str]) -> float | None:
    """Return the excitation that the log names, nm; None where it does not."""
    for name in _LASER_ENTRIES:
        match = _LASER.fullmatch(log.get(name, "").strip())
        if match:
            return float(match[1])
    return None


def _resolution(header: Header) -> float | None:
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{0,3})?)\s*(?:cm-1)?", header.resolution.strip(), re.ASCII)
    value = float(match[1]) if match else 0.0
    return value if 0 < value < 1000 else None
