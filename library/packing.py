"""A library as four flat arrays, and the digest over them."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import rfc8785

from spectra.digest import array_digest, bytes_digest, json_digest
from spectra.references import ReferenceEntry
from spectra.values import FloatArray

from .entry_json import entry_head, entry_of_head
from .errors import LibraryFormatError

FORMAT = "opioscan.library"
FORMAT_VERSION = 1
#: Bounds of what is written and read; a larger library is a mistake or an attack.
MAX_ENTRIES = 100_000
MAX_HEAD_BYTES = 64 << 10
MAX_NAME = 200

#: Entries rebuilt between two times that memory of mapped arrays is given back (chosen: some 16 MB).
RELEASED = 1024

#: Arrays of a library; `library.store` says what each holds.
ARRAYS = ("heads", "axis", "intensity", "noise")


def pack(entries: Sequence[ReferenceEntry], name: str) -> dict[str, Any]:
    """Flatten entries into the arrays of a library.

    Raises
    ------
    LibraryFormatError
        The name, the number of entries or a text is out of bounds, two entries share an
        identifier, or something has no JSON form.
    """
    parts = parts_of(entries, name)
    heads = np.frombuffer(b"".join(parts["heads"]), dtype=np.uint8)
    return {"heads": heads, **{key: _joined(parts[key]) for key in ARRAYS[1:]}}


def parts_of(entries: Sequence[ReferenceEntry], name: str) -> dict[str, list[Any]]:
    """Return what is laid end to end in each array of a library, without laying it; errors as in `pack`."""
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise LibraryFormatError(f"a library's name has 1 to {MAX_NAME} printable characters")
    if len(entries) > MAX_ENTRIES:
        raise LibraryFormatError(f"{len(entries)} entries are more than the {MAX_ENTRIES} of a library")
    _require_unique([entry.reference_id for entry in entries])
    spectra = [entry.spectrum for entry in entries]
    return {
        "heads": [_head_line(entry) for entry in entries],
        "axis": [s.axis for s in spectra],
        "intensity": [s.intensity for s in spectra],
        "noise": [s.noise for s in spectra if s.noise is not None],
    }


def _head_line(entry: ReferenceEntry) -> bytes:
    try:
        line: bytes = rfc8785.dumps(entry_head(entry)) + b"\n"
    except ValueError as error:
        raise LibraryFormatError(f"entry {entry.reference_id!r:.80} cannot be written: {error}") from error
    if len(line) > MAX_HEAD_BYTES:
        raise LibraryFormatError(
            f"entry {entry.reference_id!r:.80}: more than {MAX_HEAD_BYTES} bytes of text"
        )
    return line


def _joined(arrays: Sequence[FloatArray]) -> FloatArray:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=np.float64)


def digest_of(name: str, packed: dict[str, Any], *, arrays: Callable[..., str] | None = None) -> str:
    """Return the digest of a library.

    It is the SHA-256 of the RFC 8785 form of an object with the format, its version, the name,
    the SHA-256 of ``heads`` and the `spectra.digest.array_digest` of the three float arrays.

    Parameters
    ----------
    arrays
        What digests the float arrays; by default `spectra.digest.array_digest`.
    """
    told = (arrays or array_digest)(packed["axis"], packed["intensity"], packed["noise"])
    return _digest(name, bytes_digest(packed["heads"].tobytes()), told)


def digest_of_parts(name: str, parts: dict[str, list[Any]]) -> str:
    """Return what `digest_of` would, without laying the parts end to end: no copy of thousands of spectra."""
    sha = sha256()
    for key in ARRAYS[1:]:
        size = sum(part.size for part in parts[key])
        sha.update(f"<f8({size},);".encode())
        for part in parts[key]:
            sha.update(np.ascontiguousarray(part, dtype="<f8").data)
    heads = sha256()
    for line in parts["heads"]:
        heads.update(line)
    return _digest(name, heads.hexdigest(), sha.hexdigest())


def _digest(name: str, heads: str, arrays: str) -> str:
    return json_digest(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "name": name,
            "heads": heads,
            "arrays": arrays,
        }
    )


def unpack(
    packed: dict[str, Any], *, release: Callable[[], None] | None = None
) -> tuple[ReferenceEntry, ...]:
    """Rebuild the entries from the arrays of a library.

    Parameters
    ----------
    packed
        The arrays; they become read-only, and entries hold parts of them.
    release
        Called now and then, to give back memory of arrays that are mapped.

    Raises
    ------
    LibraryFormatError, ValueError, TypeError, KeyError
        The arrays do not fit together, or an entry is damaged.
    """
    heads = _heads(packed["heads"].tobytes())
    entries, start, noisy = [], 0, 0
    axis, same = np.empty(0), b""
    for key in ARRAYS[1:]:
        packed[key].setflags(write=False)
    axes, intensities, noises = (packed[key] for key in ARRAYS[1:])
    for number, head in enumerate(heads, start=1):
        count = head["channels"]
        if type(count) is not int or not 0 < count <= axes.size - start:
            raise LibraryFormatError("an entry has more channels than the file")
        noise = noises[noisy : noisy + count] if head["noise"] else None
        part = slice(start, start + count)
        if (numbers := axes[part].tobytes()) != same:
            axis, same = axes[part], numbers
        entries.append(entry_of_head(head, axis=axis, intensity=intensities[part], noise=noise))
        start, noisy = start + count, noisy + (count if head["noise"] else 0)
        if release is not None and number % RELEASED == 0:
            release()
    if (start, start, noisy) != (axes.size, intensities.size, noises.size):
        raise LibraryFormatError("it holds numbers that belong to no entry")
    _require_unique([entry.reference_id for entry in entries])
    return tuple(entries)


def _heads(text: bytes) -> list[dict[str, Any]]:
    """Parse one JSON object a line."""
    lines = text.split(b"\n")
    if lines.pop() or len(lines) > MAX_ENTRIES or any(len(line) >= MAX_HEAD_BYTES for line in lines):
        raise LibraryFormatError("its entries are cut off or too many")
    # One call for all takes half the time of one a line; what is no object shows in the count.
    heads: list[dict[str, Any]] = json.loads(b"[" + b",".join(lines) + b"]")
    if len(heads) != len(lines) or not all(isinstance(head, dict) for head in heads):
        raise LibraryFormatError("an entry is no JSON object")
    return heads


def _require_unique(ids: Sequence[str]) -> None:
    twice, count = Counter(ids).most_common(1)[0] if ids else ("", 0)
    if count > 1:
        raise LibraryFormatError(f"two entries share the identifier {twice!r:.80}")
