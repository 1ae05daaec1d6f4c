"""Libraries on disk: one HDF5 file, replaced whole, verified whenever it is opened.

Layout, format version 2::

    /                attributes: format, format_version, name, digest
    /heads           uint8: for each entry one RFC 8785 JSON object and a line feed
    /axis            float64: the axes, each once, one after the other, cm⁻¹
    /axis_of         uint32: for each entry which of them it has, numbered as they first come
    /intensity       float64: their intensities
    /noise           float64: the noise of those entries that have one

Nothing is chunked or compressed, so no file holds more than its size; HDF5 checks the metadata
(superblock 3), the digest covers the rest. Large files are mapped, not read (`library.mapping`).
"""

import gc
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

from spectra.references import ReferenceEntry

from .errors import (
    EntryNotFound,
    LibraryError,
    LibraryFormatError,
    LibraryNotFound,
    LibraryUnreadable,
    LibraryVersionError,
)
from .mapping import MAPPED_FROM, Mapped
from .names import fold_name
from .packing import (
    ARRAYS,
    FORMAT,
    FORMAT_VERSION,
    KINDS,
    axes_of,
    digest_of_parts,
    heads_of,
    parts_of,
    unpack,
)
from .replacing import replace_file
from .writing import write_file

#: Bound of what is read; a larger library is a mistake or an attack.
MAX_FILE_BYTES = 8 << 30

#: Longest text among the attributes, bytes: a name of 200 characters.
MAX_TEXT_BYTES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """A library as read from disk; it never changes."""

    name: str
    """Name, as answers cite it."""
    digest: str
    """SHA-256 over name and entries, 64 hexadecimal digits."""
    format_version: int
    """Version of the file format it was read from."""
    entries: tuple[ReferenceEntry, ...]
    """The entries, ascending by `reference_id`."""
    path: Path
    """Where it was read."""
    _by_id: dict[str, ReferenceEntry] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {entry.reference_id: entry for entry in self.entries})

    def entry(self, key: str) -> ReferenceEntry:
        """Return the entry with an identifier, or the only one of a substance name or synonym.

        Raises
        ------
        EntryNotFound
            None, or several, could be meant; the message names the nearest.
        """
        if key in self._by_id:
            return self._by_id[key]
        folded = fold_name(key)
        named = [e for e in self.entries if fold_name(e.substance.name) == folded] or [
            e for e in self.entries if folded in {fold_name(name) for name in e.substance.synonyms}
        ]
        if len(named) == 1:
            return named[0]
        if named:
            ids = ", ".join(entry.reference_id for entry in named[:5])
            raise EntryNotFound(
                f"{len(named)} entries of {self.name!r} are called {key!r}: name one of {ids}"
            )
        known = [*(entry.substance.name for entry in self.entries), *self._by_id]
        near = ", ".join(get_close_matches(key, known, n=3)) or "see `opioscan library list`"
        raise EntryNotFound(f"library {self.name!r} has no entry {key!r}; near: {near}")


def write_library(
    path: Path, entries: Iterable[ReferenceEntry], *, name: str, replace: bool = True
) -> Library:
    """Write a library in one step: a reader, or a power cut, meets the old file or the new one.

    Parameters
    ----------
    path
        File to write; its folder must exist.
    entries
        In any order; they are kept in the order of their identifiers.
    name
        Name of the library, 1 to 200 characters.
    replace
        False to refuse where there is a file already.

    Raises
    ------
    LibraryFormatError
        Two entries share an identifier, or something is too large or has no JSON form.
    LibraryExists
        There is a file and `replace` is False.
    LibraryNotWritten
        The operating system refused; what was there is untouched.
    """
    kept = tuple(sorted(entries, key=lambda entry: entry.reference_id))
    parts = parts_of(kept, name)
    digest = digest_of_parts(name, parts)
    replace_file(Path(path), lambda temporary: write_file(temporary, name, digest, parts), replace=replace)
    return Library(name, digest, FORMAT_VERSION, kept, Path(path))


def content_digest(entries: Iterable[ReferenceEntry], *, name: str) -> str:
    """Return the digest a library of these entries would have; see `library.packing.digest_of_parts`."""
    kept = tuple(sorted(entries, key=lambda entry: entry.reference_id))
    return digest_of_parts(name, parts_of(kept, name))


def read_library(path: Path) -> Library:
    """Open a library read-only, verify its digest and return it.

    Raises
    ------
    LibraryNotFound
        There is no such file.
    LibraryUnreadable
        The operating system will not let us read it.
    LibraryVersionError
        It is a library of another format version.
    LibraryFormatError
        It is no library, is damaged, or is beyond the bounds.
    """
    path = Path(path)
    try:
        _require_readable(path)
        # One handle for all: a file that is replaced meanwhile cannot be mixed up with the new one.
        with path.open("rb") as handle:
            return _read(handle, path)
    except LibraryFormatError as error:
        raise LibraryFormatError(f"{path}: {error}; take a copy that is whole, or import again") from error
    except LibraryVersionError as error:
        raise LibraryVersionError(f"{path}: {error}") from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
        if isinstance(error, LibraryNotFound | LibraryUnreadable):
            raise
        raise LibraryFormatError(
            f"{path}: not an opioscan library, or cut off; take a copy that is whole, or import again"
        ) from error


def read_layout(path: Path) -> tuple[str, str, dict[str, tuple[int, int]]]:
    """Return name and digest that a library says of itself, and where each of its arrays lies.

    Nothing else is read, and nothing verified: for `library.browsing`, which holds no library whole.

    Returns
    -------
    name, digest, places
        Of each array of `library.packing.ARRAYS` the first byte and the number of its elements.

    Raises
    ------
    LibraryFormatError, LibraryVersionError, LibraryNotFound, LibraryUnreadable
        As `read_library`.
    """
    try:
        _require_readable(path)
        with h5py.File(path, "r") as file:
            name, digest = _read_attributes(file)
            found = {key: _place(file, key) for key in ARRAYS}
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
        if isinstance(error, LibraryError):
            raise
        raise LibraryFormatError(f"{path}: not an opioscan library, or cut off") from error
    return name, digest, {key: (at, size) for key, (at, (size,)) in found.items()}


def _read(handle: BinaryIO, path: Path) -> Library:
    with h5py.File(handle, "r") as file:
        name, digest = _read_attributes(file)
        places = {key: _place(file, key) for key in ARRAYS}
        mapped = _mapped(handle, places)
        if mapped is None:
            packed = {key: file[key][()] for key in ARRAYS}
        else:
            packed = {key: mapped.array(KINDS[key], *places[key]) for key in ARRAYS}
    with _no_collection():
        heads = heads_of(packed)
        axes = axes_of(packed, heads)
        parts = {"axis": axes, **{key: [packed[key]] for key in ("intensity", "noise", "heads")}}
        with ThreadPoolExecutor(1) as beside:
            # Hashing needs no interpreter: entries are made meanwhile, and count only if it comes out right.
            found = beside.submit(digest_of_parts, name, parts)
            try:
                entries = unpack(packed, heads, axes)
            finally:
                right = found.result() == digest
    if not right:
        raise LibraryFormatError("its content does not match its digest: it was damaged or altered")
    if mapped is not None:
        mapped.release()
    return Library(name, digest, FORMAT_VERSION, entries, path)


def _mapped(handle: BinaryIO, places: dict[str, tuple[int, tuple[int]]]) -> Mapped | None:
    """Map a large file; None for a small one, and for one written elsewhere whose numbers lie askew."""
    askew = any(at % np.dtype(KINDS[key]).itemsize for key, (at, _) in places.items())
    if os.fstat(handle.fileno()).st_size < MAPPED_FROM or askew:
        return None
    return Mapped.of(handle)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Have nobody look for garbage while many objects are made that are none: a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _require_readable(path: Path) -> None:
    if not path.exists():
        raise LibraryNotFound(f"{path}: no such library; make one with `opioscan library init`")
    if not path.is_file():
        raise LibraryFormatError("it is no file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise LibraryFormatError(f"it is larger than the {MAX_FILE_BYTES} bytes a library may have")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise LibraryUnreadable(f"{path}: cannot be read: {error.strerror}") from error


def _read_attributes(file: h5py.File) -> tuple[str, str]:
    version = file.attrs.get_id("format_version")
    said = int(file.attrs["format_version"]) if version.dtype.kind in "iu" and version.shape == () else None
    if said is not None and said != FORMAT_VERSION:
        raise LibraryVersionError(
            f"library format version {said}; this program reads version {FORMAT_VERSION}: "
            "use the program that wrote it, or import again"
        )
    if said is None or _text(file, "format") != FORMAT:
        raise LibraryFormatError("it is an HDF5 file, but not an opioscan library")
    return _text(file, "name"), _text(file, "digest")


def _text(file: h5py.File, key: str) -> str:
    """Return a text of fixed length."""
    # Another kind lies elsewhere in the file, and HDF5 may look without end where that place is damaged.
    kind = file.attrs.get_id(key)
    if kind.dtype.kind != "S" or kind.dtype.itemsize > MAX_TEXT_BYTES or kind.shape != ():
        raise LibraryFormatError("it is an HDF5 file, but not an opioscan library")
    return bytes(file.attrs[key]).decode("utf-8")


def _place(file: h5py.File, key: str) -> tuple[int, tuple[int]]:
    """Return where a dataset lies and its shape, if it is stored plainly (no link, filter or other file)."""
    dataset = file.get(key) if isinstance(file.get(key, getlink=True), h5py.HardLink) else None
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype != KINDS[key] or dataset.ndim != 1:
        raise LibraryFormatError(f"its dataset {key!r} is missing or of the wrong kind")
    if dataset.chunks or dataset.external or dataset.is_virtual or dataset.nbytes > MAX_FILE_BYTES:
        raise LibraryFormatError(f"its dataset {key!r} is not stored plainly")
    return int(dataset.id.get_offset() or 0), (int(dataset.size),)
