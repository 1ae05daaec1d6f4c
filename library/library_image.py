"""A library as plain arrays of bytes, for files that carry it together with something else.

The arrays are those of its own file (`library.store`), little-endian and without HDF5: equal libraries give
equal bytes whichever version of HDF5 is installed, and every language reads them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import LibraryFormatError
from .packing import (
    ARRAYS,
    FORMAT_VERSION,
    KINDS,
    axes_of,
    digest_of_parts,
    heads_of,
    laid_out,
    parts_of,
    unpack,
)
from .store import Library

_LITTLE = {key: np.dtype(kind).newbyteorder("<") for key, kind in KINDS.items()}


def library_image(library: Library) -> dict[str, bytes]:
    """Return the arrays of a library as bytes, by name (`library.packing.ARRAYS`).

    Raises
    ------
    ValueError
        Its entries are not those its digest was made of.
    """
    parts = parts_of(library.entries, library.name)
    if digest_of_parts(library.name, parts) != library.digest:
        raise ValueError("the library's entries are not those its digest was made of")
    laid = laid_out(parts)
    return {key: b"".join(_bytes(key, part) for part in laid[key]) for key in ARRAYS}


def library_of_image(image: Mapping[str, bytes | memoryview], *, name: str, digest: str) -> Library:
    """Rebuild a library from `library_image`, its digest verified.

    Raises
    ------
    LibraryFormatError
        It is damaged, altered, or another library.
    """
    try:
        packed = {key: _array(key, image[key]) for key in ARRAYS}
        heads = heads_of(packed)
        axes = axes_of(packed, heads)
        parts = {"axis": axes, **{key: [packed[key]] for key in ("intensity", "noise", "heads")}}
        if digest_of_parts(name, parts) != digest:
            raise LibraryFormatError("its content does not match its digest: it was damaged or altered")
        entries = unpack(packed, heads, axes)
    except LibraryFormatError:
        raise
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise LibraryFormatError("it is no library, or cut off") from error
    return Library(name, digest, FORMAT_VERSION, entries, Path())


def _bytes(key: str, part: Any) -> bytes:
    return part if key == "heads" else np.ascontiguousarray(part, dtype=_LITTLE[key]).tobytes()


def _array(key: str, data: bytes | memoryview) -> Any:
    # A copy in the machine's own order: parts of a file lie askew.
    return np.frombuffer(data, _LITTLE[key]).astype(KINDS[key], copy=True)
