"""File formats: bytes in, spectra out. Whoever calls opens the file."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..errors import FormatError, UnknownFormat
from ..values import Technique
from . import (
    asp,
    bwspec,
    columns,
    enlighten,
    foreign,
    jcamp,
    oceanview,
    openspecy,
    opus,
    rod,
    sp,
    spa,
    spc,
    wdf,
)
from .reading import MAX_BYTES, READABLE, Decoded, Request, clean, text_of
from .writing import encode_csv, encode_jcamp

__all__ = ["MAX_BYTES", "Decoded", "decode", "encode_csv", "encode_jcamp"]


class BinaryReader(Protocol):
    """A module that reads one binary format."""

    def recognise(self, data: bytes) -> bool:
        """Whether bytes look like this format."""
        ...

    def decode(self, data: bytes, request: Request) -> tuple[Decoded, ...]:
        """Decode them, or raise `FormatError`."""
        ...


class Reader(Protocol):
    """A module that reads one format of text."""

    def recognise(self, text: str) -> bool:
        """Whether text looks like this format."""
        ...

    def decode(self, text: str, request: Request) -> tuple[Decoded, ...]:
        """Decode it, or raise `FormatError`."""
        ...


#: Binary formats, tried in this order before text; ``foreign`` refuses known ones by name, and comes before
#: SPC, whose second byte is that of a ZIP archive too.
BINARY: tuple[BinaryReader, ...] = (opus, spa, wdf, sp, foreign, spc)
#: Text formats, tried in this order; each has ``recognise(text)`` and ``decode(text, request)``.
READERS: tuple[Reader, ...] = (enlighten, jcamp, bwspec, oceanview, openspecy, rod, asp, columns)


def decode(
    data: bytes,
    *,
    name: str = "",
    technique: Technique | None = None,
    laser_nm: float | None = None,
    columns: Sequence[str] = (),
) -> tuple[Decoded, ...]:
    """Decode the spectra in a file's bytes.

    Parameters
    ----------
    data
        The whole file, at most `MAX_BYTES`.
    name
        File name, for messages; it never decides the format.
    technique
        How it was measured, needed where the file does not say; a contradiction is refused.
    laser_nm
        Excitation wavelength, nm, needed where a Raman axis is in nm and the file does not say.
    columns
        What the columns of a plain table are, needed where their names do not say it: ``wavenumber``,
        ``wavelength nm``, ``absorbance``, ``%T`` and so on, ``-`` for one to leave out. Several intensities
        give several spectra.

    Returns
    -------
    tuple of Decoded
        At least one; several for a compound file.

    Raises
    ------
    UnknownFormat
        Bytes of no format read here.
    FormatError
        Damaged, cut off, ambiguous or impossible. One line: what, where, what to do.
    """
    request = Request(clean(name), technique, laser_nm, tuple(columns))
    where = f"{request.name}: " if request.name else ""
    try:
        # overflow ends as "not finite" in `Spectrum`, not as a warning on the screen
        with np.errstate(all="ignore"):
            for binary in BINARY:
                if binary.recognise(data):
                    return binary.decode(data, request)
            text = text_of(data)
            for reader in READERS:
                if reader.recognise(text):
                    return reader.decode(text, request)
    except FormatError as error:
        raise type(error)(f"{where}{error}") from error
    raise UnknownFormat(f"{where}no format read here ({READABLE})")
