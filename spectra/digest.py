"""Digests: the names under which values are kept, cited and recomputed."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import rfc8785


def bytes_digest(data: bytes | memoryview) -> str:
    """Return the SHA-256 of some bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def json_digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value in its canonical form.

    The canonical form is RFC 8785 (JSON Canonicalization Scheme), so that any program
    in any language finds the same digest.

    Parameters
    ----------
    value
        Strings, finite numbers, booleans, ``None``, lists and dictionaries with string keys.

    Raises
    ------
    ValueError
        The value has no JSON form (a NaN, an integer beyond 2**53, another type).
    """
    return bytes_digest(rfc8785.dumps(value))


def array_digest(*arrays: npt.NDArray[Any] | None) -> str:
    """Return the SHA-256 over dtype, shape and little-endian bytes of arrays, in order."""
    sha = hashlib.sha256()
    for array in arrays:
        if array is None:
            sha.update(b"none;")
            continue
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        sha.update(f"{little.dtype.str}{little.shape};".encode())
        # A view, not a copy: a large library has gigabytes. An empty array has no view of its bytes.
        if little.size:
            sha.update(little.reshape(-1).view(np.uint8).data)
    return sha.hexdigest()
