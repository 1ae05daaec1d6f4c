"""Digests: the names under which values are kept, cited and recomputed."""

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import rfc8785

_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)
#: Integers beyond have no exact JSON form (RFC 8785, section 3.2.2.3).
_MOST = 2**53 - 1


class _OtherwiseWritten(Exception):
    """A value that the encoder would write in another way than RFC 8785."""


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
    return bytes_digest(canonical_json(value))


def canonical_json(value: Any) -> bytes:
    """Return a JSON value in its canonical form (RFC 8785).

    What the standard library's encoder writes in the same way is left to it, ten times as fast; every
    other value (odd numbers, keys beyond ASCII) goes the plain way.

    Raises
    ------
    ValueError
        The value has no JSON form.
    """
    try:
        return _ENCODER.encode(_alike(value)).encode()
    except _OtherwiseWritten:
        return rfc8785.dumps(value)


def _alike(value: Any) -> Any:
    """Return a value that the encoder writes as RFC 8785 wants the given one."""
    kind = value.__class__
    if kind is str or value is None or kind is bool:
        return value
    if kind is float:
        # ECMAScript writes a whole number without a point, and takes to exponents elsewhere than Python.
        if value.is_integer() and -_MOST <= value <= _MOST:
            return int(value)
        if 1e-4 <= abs(value) < 1e15:
            return value
        raise _OtherwiseWritten
    if kind is dict:
        made = {}
        for key, one in value.items():
            # Both sort by code unit only where keys have no surrogates; ASCII is the usual case.
            if key.__class__ is not str or not key.isascii():
                raise _OtherwiseWritten
            made[key] = one if one.__class__ is str else _alike(one)
        return made
    if kind is list or kind is tuple:
        return [_alike(one) for one in value]
    if kind is int and -_MOST <= value <= _MOST:
        return value
    raise _OtherwiseWritten


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
