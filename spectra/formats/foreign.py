"""Formats that are known by sight and not read: each is refused by its name, with what to do instead.

A reader for bytes whose layout is not published, or which hold no single spectrum, would have to guess.
"""

import re
import struct

from ..errors import UnknownFormat
from .reading import Request

_EXPORT = "export the spectrum as text, JCAMP-DX or GRAMS SPC from its program"
#: First bytes → (what it is, what to do).
MAGIC: dict[bytes, tuple[str, str]] = {
    b"#WXD": ("a Renishaw WiRE 2 file (WXD)", "open it in WiRE and save it as WDF, text or GRAMS SPC"),
    b"Spectral Exte File": ("an OMNIC group or series", "save single spectra as SPA in OMNIC"),
    b"WIT_": ("a WITec project", "export the spectrum as text from WITec Project"),
    b"\x89HDF\r\n\x1a\n": (
        "an HDF5 file",
        "a library is named with --library; export single spectra as JCAMP-DX",
    ),
    b"PK\x03\x04": ("a ZIP archive", "unpack it and read the files in it"),
    b"\x1f\x8b": ("a gzip archive or R data (rds)", "unpack it, or export CSV from R"),
    b"\xfd7zXZ\0": ("an xz archive or R data (RData)", "unpack it, or export CSV from R"),
    b"BZh": ("a bzip2 archive or R data (RData)", "unpack it, or export CSV from R"),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("a Microsoft compound file (old Excel, for example)", _EXPORT),
    b"%PDF": ("a PDF document", _EXPORT),
    b"\x89PNG": ("a picture (PNG)", _EXPORT),
    b"\xff\xd8\xff": ("a picture (JPEG)", _EXPORT),
    b"MATLAB 5.0": ("a MATLAB file", "export CSV from MATLAB"),
}
#: How JSON begins: an object with a name, or a list of values.
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\[{\"0-9\-])")
#: Princeton Instruments' WinSpec and LightField: version of the header, and its last value.
_SPE_VERSION, _SPE_VERSION_AT = struct.Struct("<f"), 1992
_SPE_END, _SPE_END_AT = b"UU", 4098


def recognise(data: bytes) -> bool:
    """Whether bytes are of a format that is known and not read."""
    return bool(_known(data))


def decode(data: bytes, request: Request) -> tuple[()]:
    """Refuse the file by name.

    Raises
    ------
    UnknownFormat
        Always.
    """
    what, todo = _known(data) or ("a file of no known format", _EXPORT)
    raise UnknownFormat(f"{what} is not read here: {todo}")


def _known(data: bytes) -> tuple[str, str] | None:
    for magic, words in MAGIC.items():
        if data.startswith(magic):
            return words
    if _JSON.match(data[:200]):
        return "JSON", "export the spectrum as CSV or JCAMP-DX"
    if data[_SPE_END_AT : _SPE_END_AT + 2] == _SPE_END:
        (version,) = _SPE_VERSION.unpack_from(data, _SPE_VERSION_AT)
        if 1 <= version < 4:
            return "a Princeton Instruments SPE file", "export it as text or CSV from LightField or WinSpec"
    return None
