"""Spectra of a Spektralwerk Core, in the four formats it sends; pure functions of bytes.

Each is a time stamp and one value a pixel: decimal words (``human``, s), or a u64 of microseconds and f32 or
u16 values, little-endian, as Base64 or COBS. Source: the maker's client ``spektralwerk_scpi_client`` (MIT);
COBS: S. Cheshire, M. Baker, IEEE/ACM Trans. Networking 7 (1999) 159.
"""

import base64
import binascii
import math
import struct
from dataclasses import dataclass

import numpy as np

from spectra.values import FloatArray, frozen_array

from ..errors import ProtocolError

#: Characters a number may take, with its comma.
NUMBER_CHARS = 32
#: Bytes of the time stamp.
_STAMP = 8
_DTYPES = {"base64_float": "<f4", "base64_int16": "<u2", "cobs_int16": "<u2"}
FORMATS = ("human", *_DTYPES)


@dataclass(frozen=True, slots=True)
class StampedSpectrum:
    """A spectrum and when the device says it took it."""

    stamp_us: int
    """The device's own clock, µs; where it begins is not known."""
    values: FloatArray
    """One value a pixel, shape (pixels,), read-only."""


def separator(layout: str) -> bytes:
    """Return what stands between the spectra of a stream in this format."""
    return b"\0" if layout == "cobs_int16" else b";"


def size_limit(layout: str, pixels: int) -> int:
    """Return the most bytes a spectrum of so many pixels may take, keep-alives included."""
    return (pixels + 2) * NUMBER_CHARS + 4096 if layout == "human" else 6 * (4 * pixels + _STAMP) + 4096


def decode(data: bytes, layout: str, pixels: int) -> StampedSpectrum:
    """Return the spectrum in ``data``.

    Raises
    ------
    ProtocolError
        Damaged, of another length, or with a value that is no number.
    """
    if layout == "human":
        words = numbers(_ascii(data), pixels + 1, "spectrum")
        stamp_us = round(words[0] * 1e6) if words[0] < 2**53 else -1
        values = np.array(words[1:])
    else:
        packed = cobs_decode(data) if layout == "cobs_int16" else _unbase64(data)
        dtype = np.dtype(_DTYPES[layout])
        if len(packed) != _STAMP + pixels * dtype.itemsize:
            raise ProtocolError(f"a spectrum of {len(packed)} bytes instead of {pixels} {layout} pixels")
        stamp_us = struct.unpack_from("<Q", packed)[0]
        values = np.frombuffer(packed, dtype, offset=_STAMP).astype(np.float64)
    if not 0 <= stamp_us < 2**64 or not np.isfinite(values).all():
        raise ProtocolError("a spectrum with a time stamp or value that is no number")
    return StampedSpectrum(stamp_us, frozen_array(values, name="counts"))


def numbers(text: str, count: int, what: str) -> list[float]:
    """Return so many comma-separated finite numbers; raises `ProtocolError`."""
    words = text.split(",")
    if len(words) != count:
        raise ProtocolError(f"{what} of {len(words)} numbers instead of {count}")
    try:
        found = [float(word) for word in words]
    except ValueError as error:
        raise ProtocolError(f"{what} with a word that is no number: {error}") from error
    if "_" in text or not all(math.isfinite(number) for number in found):
        raise ProtocolError(f"{what} with a word that is no number")
    return found


def cobs_decode(data: bytes) -> bytes:
    """Return what was stuffed so that it holds no zero byte; raises `ProtocolError`."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        block = data[at + 1 : at + code]
        if code == 0 or len(block) != code - 1 or 0 in block:
            raise ProtocolError("a damaged COBS block")
        out += block
        at += code
        if code < 0xFF and at < len(data):
            out.append(0)
    return bytes(out)


def _unbase64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data.strip(b"\r\n"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProtocolError(f"a spectrum that is no Base64: {error}") from error


def _ascii(data: bytes) -> str:
    try:
        return data.decode("ascii").strip("\r\n")
    except UnicodeDecodeError as error:
        raise ProtocolError("a spectrum that is not ASCII") from error
