"""Where the pages find libraries: in method files, beside released methods, and the one that ships."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from library.browsing import Pieces
from library.entry_json import entry_head
from library.errors import LibraryError, LibraryFormatError
from library.packing import ARRAYS, KINDS
from library.store import Library
from spectra.references import ReferenceEntry

from ..methods.files import path_of
from ..requests import Store
from ..settings import ServerSettings
from ..tables import MethodFile

#: Bytes before the name of a member of a ZIP file (APPNOTE.TXT, 4.3.7).
_LOCAL_SIZE = 30


class Shelf(Protocol):
    """A library that is looked through and never held whole."""

    def heads(self) -> Iterator[dict[str, Any]]:
        """Return what each entry says of itself."""

    def entry(self, reference_id: str) -> ReferenceEntry | None:
        """Return an entry with its numbers; None for none."""


@dataclass(frozen=True, slots=True)
class Held:
    """A small library that is in memory anyway."""

    library: Library

    def heads(self) -> Iterator[dict[str, Any]]:
        """Return what each entry says of itself."""
        return map(entry_head, self.library.entries)

    def entry(self, reference_id: str) -> ReferenceEntry | None:
        """Return an entry with its numbers; None for none."""
        return next((one for one in self.library.entries if one.reference_id == reference_id), None)


def shelf_of(store: Store, session: Session, digest: str) -> Shelf | None:
    """Return the library with a digest; None where the server does not have it.

    Raises
    ------
    LibraryError
        It is here and cannot be read.
    """
    if digest == _starter().digest:
        return Held(_starter())
    if (file := _beside_releases(store.settings, digest)) is not None:
        return Pieces.of_library(file)
    wanted = select(MethodFile.file_id).where(MethodFile.library_digest == digest).order_by(MethodFile.row)
    file_id = session.scalar(wanted.limit(1))
    return None if file_id is None else _in_method_file(path_of(store.settings.methods_path, file_id))


def libraries_here(store: Store, session: Session, digests: set[str]) -> frozenset[str]:
    """Return which of some libraries the server can show."""
    kept = set(
        session.scalars(select(MethodFile.library_digest).where(MethodFile.library_digest.in_(digests)))
    )
    beside = {one for one in digests if _beside_releases(store.settings, one) is not None}
    return frozenset((kept | beside | {_starter().digest}) & digests)


def _starter() -> Library:
    # The numerics that come with it are not needed to start a server.
    from ...method_file import starter_library

    return starter_library()


def _beside_releases(settings: ServerSettings, digest: str) -> Path | None:
    if settings.releases_path is None:
        return None
    # Released methods lie in the home's folder of methods, beside that of releases (`Settings.methods_dir`).
    file = settings.releases_path.parent / "methods" / f"library-{digest}.h5"
    return file if file.is_file() else None


def _in_method_file(path: Path) -> Pieces:
    """Find the arrays of the library in a method file, whose members are stored as they are."""
    places = {}
    try:
        with zipfile.ZipFile(path) as file:
            for name in ARRAYS:
                member = file.getinfo(f"library/{name}")
                if member.compress_type != zipfile.ZIP_STORED:
                    raise LibraryFormatError(f"{path.name}: its members are compressed")
                # `service.plain_zip`, checked when the file came, has no extra field before the data.
                at = member.header_offset + _LOCAL_SIZE + len(member.filename)
                places[name] = (at, member.file_size // _size_of(name))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise LibraryError(f"method file {path.name} cannot be read") from error
    return Pieces(path, places)


def _size_of(name: str) -> int:
    return int(np.dtype(KINDS[name]).itemsize)
