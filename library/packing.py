"""A library as flat arrays, and the digest over them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any

import numpy as np
import rfc8785

from spectra.digest import json_digest
from spectra.references import ReferenceEntry
from spectra.values import FloatArray, Spectrum

from .entry_json import entry_head, entry_of_head
from .errors import LibraryFormatError

FORMAT = "opioscan.library"
#: Version 1 had an axis of its own for each entry, and was never released.
FORMAT_VERSION = 2
#: Bounds of what is written and read; a larger library is a mistake or an attack.
MAX_ENTRIES = 100_000
MAX_HEAD_BYTES = 64 << 10
MAX_NAME = 200

#: Arrays of a library; `library.store` says what each holds.
ARRAYS = ("heads", "axis", "axis_of", "intensity", "noise")
#: What each holds; version 1 has no ``axis_of``.
KINDS: dict[str, type] = {
    **dict.fromkeys(ARRAYS, np.float64),
    "heads": np.uint8,
    "axis_of": np.uint32,
}
#: Bytes of an axis that many entries share that are digested at a time. Chosen.
PIECE = 4 << 20

#: Arrays that the digest covers besides the heads, each entry's after that of the one before.
_DIGESTED = ("axis", "intensity", "noise")


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


def laid_out(parts: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the parts of a library as they are written: each axis once, and which entry has which."""
    numbers: dict[bytes, int] = {}
    distinct: list[FloatArray] = []
    which: list[int] = []
    for axis in parts["axis"]:
        place = numbers.setdefault(sha256(axis.tobytes()).digest(), len(distinct))
        if place == len(distinct):
            distinct.append(axis)
        which.append(place)
    return {**parts, "axis": distinct, "axis_of": [np.array(which, dtype=np.uint32)]}


def digest_of_parts(name: str, parts: dict[str, list[Any]]) -> str:
    """Return the digest of a library.

    It is the SHA-256 of the RFC 8785 form of an object with the format, the number 1, the name, the SHA-256
    of the heads and the `spectra.digest.array_digest` of three float arrays: the axes, intensities and noises
    of all entries, each laid end to end. It does not depend on how a file lays them out.
    """
    sha = sha256()
    for key in _DIGESTED:
        size = sum(part.size for part in parts[key])
        sha.update(f"<f8({size},);".encode())
        for part, times in _runs(parts[key]):
            # Few large pieces: while one is digested, other threads can work.
            data = np.ascontiguousarray(part, dtype="<f8")
            sha.update(data.data if times == 1 else data.tobytes() * times)
    heads = sha256()
    for line in parts["heads"]:
        heads.update(line)
    return _digest(name, heads.hexdigest(), sha.hexdigest())


def _runs(parts: Iterable[FloatArray]) -> Iterator[tuple[FloatArray, int]]:
    """Return parts that are the very same, one after the other, once, with their number; `PIECE` at most."""
    for _, same in groupby(parts, key=id):
        run = list(same)
        most = max(PIECE // max(run[0].nbytes, 1), 1)
        for start in range(0, len(run), most):
            yield run[0], min(most, len(run) - start)


def _digest(name: str, heads: str, arrays: str) -> str:
    return json_digest(
        {
            "format": FORMAT,
            "format_version": 1,
            "name": name,
            "heads": heads,
            "arrays": arrays,
        }
    )


def heads_of(packed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each entry says of itself but its numbers, not checked any further.

    Raises
    ------
    LibraryFormatError, ValueError
        They are cut off, too many or no JSON objects.
    """
    return _heads(packed["heads"].tobytes())


def axes_of(packed: dict[str, Any], heads: Sequence[dict[str, Any]]) -> list[FloatArray]:
    """Return the axis of each entry; entries of one axis share it.

    Raises
    ------
    LibraryFormatError, KeyError, TypeError
        The arrays do not fit together.
    """
    counts = [head["channels"] for head in heads]
    if not all(type(count) is int and count > 0 for count in counts):
        raise LibraryFormatError("an entry has no channels")
    # Before anything is made of them: few bytes of a shared axis could stand for any amount of work.
    if sum(counts) != packed["intensity"].size:
        raise LibraryFormatError("its entries have more channels than the file, or fewer")
    axes = packed["axis"]
    axes.setflags(write=False)
    which = packed["axis_of"].tolist()
    if len(which) != len(counts):
        raise LibraryFormatError("it does not say which entry has which axis")
    found: list[FloatArray] = []
    start = 0
    for place, count in zip(which, counts, strict=True):
        if place == len(found) and count <= axes.size - start:
            found.append(axes[start : start + count])
            start += count
        elif place >= len(found) or found[place].size != count:
            raise LibraryFormatError("an entry has more channels than the file")
    if start != axes.size:
        raise LibraryFormatError("it holds an axis that belongs to no entry")
    return [found[place] for place in which]


def unpack(
    packed: dict[str, Any],
    heads: Sequence[dict[str, Any]],
    axes: Sequence[FloatArray],
) -> tuple[ReferenceEntry, ...]:
    """Rebuild the entries from the arrays of a library.

    Parameters
    ----------
    packed
        The arrays; they become read-only, and entries hold parts of them.
    heads, axes
        Those of the entries, see `heads_of` and `axes_of`.

    Raises
    ------
    LibraryFormatError, ValueError, TypeError, KeyError
        The arrays do not fit together, or an entry is damaged.
    """
    entries, start, noisy = [], 0, 0
    intensities, noises = packed["intensity"], packed["noise"]
    for array in (intensities, noises):
        array.setflags(write=False)
    if not np.isfinite(intensities).all() or not np.isfinite(noises).all() or (noises < 0).any():
        raise LibraryFormatError("it holds numbers that are not finite, or a noise below 0")
    last, same = np.empty(0), b""
    alike: dict[tuple[Any, ...], Spectrum] = {}
    for head, axis in zip(heads, axes, strict=True):
        count = axis.size
        if count > intensities.size - start:
            raise LibraryFormatError("an entry has more channels than the file")
        if axis is not last and (numbers := axis.tobytes()) != same:
            last, same = axis, numbers
        noise = noises[noisy : noisy + count] if head["noise"] else None
        part = intensities[start : start + count]
        entries.append(entry_of_head(head, axis=last, intensity=part, noise=noise, alike=alike))
        start, noisy = start + count, noisy + (count if head["noise"] else 0)
    if (start, noisy) != (intensities.size, noises.size):
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
