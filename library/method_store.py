"""Methods on disk: immutable versions, each one file of JSON beside the library it was fitted from.

A folder of methods holds

- ``NAME@VERSION.json``: a JSON object with ``format``, ``format_version``, ``method`` (all that
  `library.method_json.method_head` says), ``method_digest`` (of the method as a value), ``report``
  (how it was made and how reliable it is) and ``digest``, the SHA-256 of the RFC 8785 form of all
  the others;
- ``library-DIGEST.h5``: libraries by their digest (`library.store`), shared by the versions that
  were fitted from them;
- ``prepared-KEY.bin``: what recipes make of large libraries (`library.keeping`), which may be deleted.

No version is ever changed or used twice. Whoever has both files can rebuild the method to the
last bit, whatever recipes ship by then.
"""

import json
import os
import re
import stat
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from spectra.digest import json_digest
from spectra.method import Method

from .errors import LibraryError, LibraryExists, LibraryNotWritten
from .keeping import keep_references
from .method_errors import MethodDamaged, MethodNotFound
from .method_json import method_head, method_of_head
from .method_names import METHOD_FILE, check_name
from .replacing import replace_file
from .store import Library, read_library, write_library

FORMAT, FORMAT_VERSION = "opioscan.method", 1

#: A larger file is a mistake or an attack.
MAX_FILE_BYTES = 128 << 20

#: Versions of one name; more are a program run wild.
MAX_VERSION = 99_999

_FIELDS = {"format", "format_version", "method", "method_digest", "report", "digest"}


@dataclass(frozen=True, slots=True, eq=False)
class StoredMethod:
    """A method as read from disk, with the report of its fitting."""

    method: Method
    """The method, rebuilt."""
    report: dict[str, Any]
    """How it was made and how reliable it is, JSON values."""
    path: Path
    """Its file."""


def stored_versions(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the stored versions by name, both ascending; a folder that is not there holds none."""
    found: dict[str, list[int]] = {}
    try:
        with os.scandir(folder) as items:
            for item in items:
                if match := METHOD_FILE.fullmatch(item.name):
                    found.setdefault(match[1], []).append(int(match[2]))
    except FileNotFoundError:
        return {}
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def next_version(folder: Path, name: str) -> int:
    """Return the version a method of that name would get now."""
    return max(stored_versions(folder).get(name, (0,))) + 1


def write_method(folder: Path, method: Method, library: Library, report: dict[str, Any]) -> StoredMethod:
    """Store a method as the next version of its name.

    Parameters
    ----------
    folder
        Folder of methods; made where missing.
    method
        The method; should another program store its version first, it becomes the next one.
    library
        What it was fitted from.
    report
        How it was made and how reliable it is, JSON values.

    Raises
    ------
    LibraryNotWritten
        The operating system refused, or there are `MAX_VERSION` versions; nothing is half stored.
    ValueError
        The method cannot be called so, or the library is not its own.
    """
    check_name(method.name)
    if library.digest != method.library_digest:
        raise ValueError("a method is stored with the library it was fitted from")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LibraryNotWritten(f"the folder {folder} cannot be made: {error.strerror}") from error
    _keep_library(folder, library)
    keep_references(folder, library.digest, method.sets.values())
    while method.version <= MAX_VERSION:
        path = _path(folder, method.name, method.version)
        image = _image(method, report)
        try:
            replace_file(path, partial(Path.write_bytes, data=image), replace=False)
            return StoredMethod(method, report, path)
        except LibraryExists:
            method = replace(method, version=max(method.version + 1, next_version(folder, method.name)))
    raise LibraryNotWritten(
        f"{folder}: there are {MAX_VERSION} versions of {method.name!r}; use another name"
    )


def read_method(folder: Path, name: str, version: int | None = None) -> StoredMethod:
    """Read a stored method, verify every digest and rebuild it.

    Parameters
    ----------
    folder
        Folder of methods.
    name
        Name of the method.
    version
        Its version; the newest by default.

    Raises
    ------
    MethodNotFound
        There is no such method or version.
    MethodDamaged
        File or library is damaged, altered, of another format or too large.
    LibraryError
        The library beside it cannot be read.
    """
    path = find_method(folder, name, version)
    said = read_head(path)
    library = read_library(_library_path(folder, said["method"]["library"]["digest"]))
    try:
        method = method_of_head(said["method"], library, kept=folder)
        if method.digest != said["method_digest"]:
            raise MethodDamaged("the method rebuilt from it has another digest: it was damaged or altered")
    except MethodDamaged as error:
        raise MethodDamaged(f"{path}: {error}; take a copy that is whole, or fit it again") from error
    return StoredMethod(method, said["report"], path)


def find_method(folder: Path, name: str, version: int | None = None) -> Path:
    """Return the file of a stored method, the newest version by default.

    Raises
    ------
    MethodNotFound
        There is no such method or version; the message says what there is.
    """
    stored = stored_versions(folder)
    versions = stored.get(name, ())
    if not versions or (version is not None and version not in versions):
        asked = name if version is None else f"{name}@{version}"
        there = ", ".join(f"{name}@{one}" for one in versions[-5:]) or ", ".join([*stored][:20]) or "none"
        raise MethodNotFound(
            f"no method {asked!r:.100} is stored here; stored: {there} (opioscan method fit)"
        )
    return _path(folder, name, versions[-1] if version is None else version)


def read_head(path: Path) -> dict[str, Any]:
    """Read the file of a method and verify its digest, without rebuilding the method.

    Raises
    ------
    MethodDamaged
        It is damaged, altered, of another format or too large, or bears another's name.
    """
    try:
        said = _parsed(_read(path))
        head = said["method"]
        if f"{head.get('name')}@{head.get('version')}" != path.stem:
            raise MethodDamaged("its name is not that of its file")
    except MethodDamaged as error:
        raise MethodDamaged(f"{path}: {error}; take a copy that is whole, or fit it again") from error
    return said


def _image(method: Method, report: dict[str, Any]) -> bytes:
    said = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "method": method_head(method),
        "method_digest": method.digest,
        "report": report,
    }
    text = json.dumps({**said, "digest": json_digest(said)}, allow_nan=False, sort_keys=True)
    return f"{text}\n".encode()


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        said: Any = json.loads(data)
        if not isinstance(said, dict) or said.keys() != _FIELDS or said["format"] != FORMAT:
            raise MethodDamaged("it is not an opioscan method")
        if said["format_version"] != FORMAT_VERSION:
            raise MethodDamaged(
                f"method format version {said['format_version']!s:.20}; this program reads {FORMAT_VERSION}"
            )
        if json_digest({key: said[key] for key in _FIELDS - {"digest"}}) != said["digest"]:
            raise MethodDamaged("its content does not match its digest: it was damaged or altered")
        if not isinstance(said["report"], dict) or not isinstance(said["method"]["library"]["digest"], str):
            raise MethodDamaged("a part of it is missing")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, MethodDamaged):
            raise
        raise MethodDamaged("it is cut off, or no JSON") from error
    return said


def _read(path: Path) -> bytes:
    """Read a regular file of bounded size; a pipe put in its place does not hang us."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise MethodDamaged(f"it cannot be read: {error.strerror}") from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE_BYTES:
            raise MethodDamaged("it is no regular file, or larger than a method may be")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(handle)


def _keep_library(folder: Path, library: Library) -> None:
    """Put the library beside its methods unless a whole one is there."""
    path = _library_path(folder, library.digest)
    if path.exists() and _is(path, library.digest):
        return
    written = write_library(path, library.entries, name=library.name)
    if written.digest != library.digest:
        raise ValueError("the library's entries are not those its digest was made of")


def _is(path: Path, digest: str) -> bool:
    try:
        return read_library(path).digest == digest
    except LibraryError:
        return False


def _library_path(folder: Path, digest: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise MethodDamaged("the digest of its library is none")
    return folder / f"library-{digest}.h5"


def _path(folder: Path, name: str, version: int) -> Path:
    return folder / f"{name}@{version}.json"
