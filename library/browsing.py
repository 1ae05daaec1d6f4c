"""Libraries read piece by piece: what entries say of themselves one after the other, and the numbers of one.

A library of 25,000 references takes 200 MB; who only looks through it holds one page of it. Nothing is
verified beyond the form of what is read: answers are never made from here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from spectra.references import ReferenceEntry
from spectra.values import FloatArray

from .entry_json import entry_of_head
from .errors import LibraryFormatError
from .packing import KINDS, MAX_ENTRIES, MAX_HEAD_BYTES
from .store import read_layout

Head = dict[str, Any]

#: Most channels of an entry that is drawn (chosen: no instrument of this field has a tenth of them).
MAX_CHANNELS = 1 << 20


@dataclass(frozen=True, slots=True)
class Pieces:
    """A file in which the arrays of a library lie as they are, and where."""

    path: Path
    """The file."""
    places: Mapping[str, tuple[int, int]]
    """First byte and number of elements of each array of `library.packing.ARRAYS`, little-endian."""

    @classmethod
    def of_library(cls, path: Path) -> "Pieces":
        """Take a library's own file; raises as `library.store.read_layout`."""
        return cls(path, read_layout(path)[2])

    def heads(self) -> Iterator[Head]:
        """Return what each entry says of itself, but for its numbers, one after the other.

        Raises
        ------
        LibraryFormatError
            They are cut off, too long, too many or no JSON objects.
        """
        offset, size = self.places["heads"]
        with self._opened() as file:
            file.seek(offset)
            left, count = size, 0
            while left > 0:
                line = file.readline(min(left, MAX_HEAD_BYTES))
                left, count = left - len(line), count + 1
                if not line.endswith(b"\n") or count > MAX_ENTRIES:
                    raise LibraryFormatError(f"{self.path}: its entries are cut off, too long or too many")
                yield _head(line, self.path)

    def entry(self, reference_id: str) -> ReferenceEntry | None:
        """Return an entry with its numbers; None where there is none of that identifier.

        Raises
        ------
        LibraryFormatError
            The arrays do not fit together, or the entry is damaged.
        """
        with self._opened() as file:
            which = self._array(file, "axis_of", 0, self.places["axis_of"][1])
            start, noisy, axes = 0, 0, _Axes()
            for number, head in zip(which.tolist(), self.heads(), strict=False):
                channels = axes.taken(number, head, self.path)
                if head.get("reference_id") == reference_id:
                    axis = self._array(file, "axis", axes.starts[number], channels)
                    intensity = self._array(file, "intensity", start, channels)
                    noise = self._array(file, "noise", noisy, channels) if head["noise"] else None
                    return _entry(head, axis, intensity, noise, self.path)
                start, noisy = start + channels, noisy + (channels if head.get("noise") else 0)
        return None

    def _opened(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise LibraryFormatError(f"{self.path}: cannot be read: {error.strerror}") from error

    def _array(self, file: BinaryIO, name: str, start: int, count: int) -> Any:
        offset, size = self.places[name]
        kind = np.dtype(KINDS[name]).newbyteorder("<")
        if start + count > size:
            raise LibraryFormatError(f"{self.path}: an entry has more channels than the file")
        file.seek(offset + start * kind.itemsize)
        data = file.read(count * kind.itemsize)
        if len(data) != count * kind.itemsize:
            raise LibraryFormatError(f"{self.path}: it is cut off")
        return np.frombuffer(data, kind).astype(KINDS[name])


class _Axes:
    """Where each axis begins; they lie in the order in which entries first have them."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self._end = 0

    def taken(self, number: int, head: Head, path: Path) -> int:
        """Note the axis of the next entry, and return how many channels it has."""
        channels = head.get("channels")
        if type(channels) is not int or not 0 < channels <= MAX_CHANNELS or number > len(self.starts):
            raise LibraryFormatError(f"{path}: an entry has no channels, too many, or no axis")
        if number == len(self.starts):
            self.starts.append(self._end)
            self._end += channels
        return channels


def find_heads(heads: Iterator[Head], wanted: Any, *, start: int, count: int) -> tuple[list[Head], bool]:
    """Return some of the entries that fit, and whether there are more after them.

    Parameters
    ----------
    heads
        All entries.
    wanted
        Says whether one fits.
    start, count
        How many that fit are passed over, and how many are wanted then.
    """
    found = list(islice((head for head in heads if wanted(head)), start, start + count + 1))
    return found[:count], len(found) > count


def _head(line: bytes, path: Path) -> Head:
    try:
        head: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LibraryFormatError(f"{path}: an entry is no JSON object") from error
    if not isinstance(head, dict) or not isinstance(head.get("substance"), dict):
        raise LibraryFormatError(f"{path}: an entry is no JSON object")
    return head


def _entry(
    head: Head, axis: FloatArray, intensity: FloatArray, noise: FloatArray | None, path: Path
) -> ReferenceEntry:
    try:
        return entry_of_head(head, axis=axis, intensity=intensity, noise=noise)
    except (ValueError, TypeError, KeyError) as error:
        raise LibraryFormatError(f"{path}: an entry is damaged: {error}") from error
