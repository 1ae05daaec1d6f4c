"""What the readers of binary formats share: bounded looks into bytes that nobody vouches for."""

import struct
from typing import Any

import numpy as np

from ..errors import FormatError
from ..values import MAX_CHANNELS, FloatArray
from .reading import clean

#: Spectra read from one file; more are a map, which is no library entry and no scan of a parcel. Chosen.
MAX_SPECTRA = 1000
#: Points of all spectra of one file together, about 40 bytes of memory each. Chosen.
MAX_POINTS = 1 << 22


def unpack(layout: struct.Struct, data: bytes, at: int, what: str) -> tuple[Any, ...]:
    """Return the fields of a structure; raises `FormatError` where the file ends before it does."""
    if at < 0 or at + layout.size > len(data):
        raise FormatError(f"the file ends within {what}: cut off?")
    return layout.unpack_from(data, at)


def numbers(data: bytes, kind: str, count: int, at: int, what: str) -> FloatArray:
    """Return numbers that stand one behind the other.

    Parameters
    ----------
    data
        The whole file.
    kind
        NumPy's name of their type, with the order of bytes, for example ``<f4``.
    count
        How many, at least 2 and at most `MAX_CHANNELS`.
    at
        Offset of the first, bytes.
    what
        What they are, for messages.

    Returns
    -------
    ndarray, shape (count,)

    Raises
    ------
    FormatError
        Too few or too many, beyond the end of the file, or not finite.
    """
    if not 2 <= count <= MAX_CHANNELS:
        raise FormatError(f"{count} is no number of points from 2 to {MAX_CHANNELS}: damaged?")
    end = at + count * np.dtype(kind).itemsize
    if at < 0 or end > len(data):
        raise FormatError(f"the file has {len(data)} bytes, its {what} need {end}: cut off?")
    found = np.frombuffer(data, dtype=kind, count=count, offset=at).astype(np.float64)
    if not np.isfinite(found).all():
        raise FormatError(f"{what} that are not finite: damaged?")
    return np.asarray(found, dtype=np.float64)


def even_axis(first: float, last: float, count: int) -> FloatArray:
    """Return evenly spaced abscissae; raises `FormatError` where the ends are not finite, or equal."""
    if not (np.isfinite(first) and np.isfinite(last)) or first == last:
        raise FormatError(f"an axis from {first:g} to {last:g}: damaged?")
    if not 2 <= count <= MAX_CHANNELS:
        raise FormatError(f"{count} is no number of points from 2 to {MAX_CHANNELS}: damaged?")
    return np.linspace(first, last, count)


def words(raw: bytes) -> str:
    """Return a text field that ends with its first zero byte, Latin-1, on one line."""
    return clean(raw.split(b"\0", 1)[0].decode("latin-1"))


def check_spectra(count: int, points: int = 0) -> None:
    """Raise `FormatError` where a file says that it holds no spectrum, or a whole map.

    Parameters
    ----------
    count
        How many spectra.
    points
        Points of each; 0 where they differ.
    """
    if count < 1:
        raise FormatError("the file says that it holds no spectrum")
    if count > MAX_SPECTRA or count * min(points, MAX_CHANNELS) > MAX_POINTS:
        raise FormatError(
            f"{count} spectra are a map; at most {MAX_SPECTRA}, and {MAX_POINTS} points, are read: "
            "export single spectra"
        )
