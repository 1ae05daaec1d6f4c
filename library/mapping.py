"""Large files mapped into memory instead of read: nothing is copied, and memory can be given back.

The files are never changed in place but replaced whole (`library.replacing`), so that a mapping keeps showing
what was opened. Small files are read: a mapping of a file that somebody cuts short ends the process (SIGBUS),
and is worth that risk only where a copy would be large.
"""

import mmap
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

#: Size from which files are mapped, bytes. Chosen.
MAPPED_FROM = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """A file mapped for reading."""

    whole: mmap.mmap
    """The mapping; it lasts as long as an array of it."""

    @classmethod
    def of(cls, file: BinaryIO) -> "Mapped":
        """Map an open file; the file may be closed afterwards.

        Raises
        ------
        OSError, ValueError
            It cannot be mapped, or is empty.
        """
        return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def array(self, kind: npt.DTypeLike, offset: int, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return a part as a read-only array.

        Raises
        ------
        ValueError
            It does not lie within the file.
        """
        count = int(np.prod(shape, dtype=object))
        if offset < 0 or offset + count * np.dtype(kind).itemsize > len(self.whole):
            raise ValueError("a part of the file is missing")
        if not count:
            return np.zeros(shape, kind)
        return np.frombuffer(self.whole, kind, count, offset).reshape(shape)

    def release(self) -> None:
        """Give back the memory of what was looked at; it is read from the file again when needed."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.whole.madvise(mmap.MADV_DONTNEED)
