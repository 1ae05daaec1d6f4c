"""One file of a method: all that is needed to rebuild it to the last bit, wherever it was fitted.

A ZIP file of one form (`service.plain_zip`), named by its SHA-256, with

- ``method.json``: JSON, keys in order, with ``format``, ``format_version``, ``method``
  (`library.method_json`: recipes, null tables, negatives, class models, watch list), ``method_digest``,
  ``report``, and ``digests`` of library, recipes and reason table;
- ``rows/…``: what the recipes made of the references where the method was used (`service.method_rows`); left
  out where the file would be too large;
- ``library/…``: the arrays of its library (`library.library_image`): references with their spectra.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from library.errors import LibraryError
from library.library_image import library_image, library_of_image
from library.method_json import MAX_TEXT, method_head, method_of_head
from library.method_store import MAX_VERSION
from library.packing import ARRAYS
from library.packing import FORMAT_VERSION as LIBRARY_FORMAT
from library.starter import NAME, starter_entries
from library.store import Library, content_digest
from spectra.digest import bytes_digest, json_digest
from spectra.method import Method
from spectra.reasons import REASONS
from spectra.values import Technique

from .errors import EvidenceDamaged, EvidenceMissing
from .method_head import MAX_BYTES, MethodFileHead
from .method_rows import rows_image, with_rows
from .plain_zip import read_zip, write_zip

FORMAT, FORMAT_VERSION = "opioscan.method-file", 1

#: Largest ``method.json`` in it, bytes (chosen: null tables of 100,000 scans and as many negatives fit).
MAX_HEAD_BYTES = 64 << 20

_HEAD = "method.json"
_MEMBERS = {_HEAD, *(f"library/{name}" for name in ARRAYS)}
_ROWS = {f"rows/{technique}": str(technique) for technique in Technique}
_FIELDS = {"format", "format_version", "method", "method_digest", "report", "digests"}


@dataclass(frozen=True, slots=True, eq=False)
class MethodFile:
    """A method as read from its file, rebuilt and verified."""

    file_id: str
    """SHA-256 of the file."""
    method: Method
    """The method."""
    library: Library
    """What it was fitted from; its path names no file."""
    report: dict[str, Any]
    """How it was made and how reliable it is, JSON values."""
    digests: dict[str, Any]
    """Digests of the library, of each recipe and of the table of reasons when the file was made."""


def method_file(method: Method, library: Library | None, report: dict[str, Any]) -> bytes:
    """Return the file of a method; equal methods, libraries and reports give equal bytes.

    Parameters
    ----------
    method
        Stored, released, or fitted in memory only.
    library
        What it was fitted from; None for the starter library.
    report
        How it was made and how reliable it is, JSON values; empty for unknown.

    Raises
    ------
    EvidenceMissing
        The library is not the one it was fitted from.
    EvidenceDamaged
        The file would be larger than `MAX_BYTES`.
    """
    library = starter_library() if library is None else library
    if library.digest != method.library_digest:
        raise EvidenceMissing(
            f"the library {method.library_name!r} that method {method.name!r} was fitted from"
        )
    head = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "method": method_head(method),
        "method_digest": method.digest,
        "report": report,
        "digests": _digests(method),
    }
    members = {f"library/{name}": data for name, data in library_image(library).items()}
    members[_HEAD] = _text(head)
    size = sum(len(data) for data in members.values())
    rows = {f"rows/{name}": data for name, data in rows_image(method).items()}
    if (whole := size + sum(map(len, rows.values()))) <= MAX_BYTES - 4096:
        members, size = members | rows, whole
    if size > MAX_BYTES - 4096 or len(members[_HEAD]) > MAX_HEAD_BYTES:
        raise EvidenceDamaged(f"method {method.name!r} takes {size} bytes; its file may have {MAX_BYTES}")
    return write_zip(members)


def file_id_of(data: bytes | memoryview) -> str:
    """Return the name under which a method file is kept and cited."""
    return bytes_digest(data)


def read_method_head(data: bytes | memoryview) -> MethodFileHead:
    """Read what a method file says of itself, without rebuilding the method.

    Raises
    ------
    EvidenceDamaged
        It is no method file, damaged, or too large.
    """
    said, _ = _parsed(data)
    head = said["method"]
    library = head.get("library")
    told = (
        head.get("name"),
        said["method_digest"],
        library.get("digest") if isinstance(library, dict) else None,
    )
    texts = [one for one in told if isinstance(one, str) and 0 < len(one) <= MAX_TEXT]
    version = head.get("version")
    if len(texts) < len(told) or type(version) is not int or not 0 < version <= MAX_VERSION:
        raise EvidenceDamaged("the method file does not say which method it holds")
    return MethodFileHead(bytes_digest(data), texts[0], version, texts[1], texts[2])


def read_method_file(data: bytes | memoryview) -> MethodFile:
    """Rebuild the method of a file, every digest verified.

    Raises
    ------
    EvidenceDamaged
        It is no method file, damaged, altered, or too large.
    """
    said, members = _parsed(data)
    try:
        told = said["method"]["library"]
        image = {name: members[f"library/{name}"] for name in ARRAYS}
        library = library_of_image(image, name=told["name"], digest=told["digest"])
        method = method_of_head(said["method"], library)
    except (LibraryError, KeyError, TypeError, AttributeError, MemoryError) as error:
        raise EvidenceDamaged(f"the method file is damaged: {error}") from error
    method = with_rows(method, {name: members[key] for key, name in _ROWS.items() if key in members})
    if method.digest != said["method_digest"]:
        raise EvidenceDamaged(
            "the method rebuilt from the file has another digest: it was damaged or altered"
        )
    return MethodFile(bytes_digest(data), method, library, said["report"], said["digests"])


@cache
def starter_library() -> Library:
    """Return the shipped starter library, made in memory."""
    from pathlib import Path

    entries = tuple(sorted(starter_entries(), key=lambda entry: entry.reference_id))
    return Library(NAME, content_digest(entries, name=NAME), LIBRARY_FORMAT, entries, Path())


@cache
def reasons_digest() -> str:
    """Return the digest of the table of reasons: codes, what each blocks, next step and owner."""
    return json_digest({code: _plain(asdict(reason)) for code, reason in REASONS.items()})


def _text(value: Any) -> bytes:
    # Not RFC 8785: it writes the number 1.0 as 1, and what is a fraction would come back as a count.
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: sorted(map(str, one)) if isinstance(one, frozenset) else one for key, one in value.items()}


def _digests(method: Method) -> dict[str, Any]:
    recipes = {str(technique): refs.recipe.digest for technique, refs in method.sets.items()}
    return {"library": method.library_digest, "recipes": recipes, "reasons": reasons_digest()}


def _parsed(data: bytes | memoryview) -> tuple[dict[str, Any], dict[str, memoryview]]:
    members = read_zip(data, limit=MAX_BYTES)
    if members.keys() - _ROWS.keys() != _MEMBERS or members[_HEAD].nbytes > MAX_HEAD_BYTES:
        raise EvidenceDamaged("it is not the file of a method")
    text = bytes(members[_HEAD])
    try:
        said: Any = json.loads(text)
        if not isinstance(said, dict) or said.keys() != _FIELDS or said["format"] != FORMAT:
            raise EvidenceDamaged("it is not the file of a method")
        if said["format_version"] != FORMAT_VERSION:
            raise EvidenceDamaged(f"method files of version {said['format_version']!s:.20} are not read here")
        if _text(said) != text:
            raise EvidenceDamaged("the method file is not in canonical form: it was altered")
    except (ValueError, RecursionError) as error:
        if isinstance(error, EvidenceDamaged):
            raise
        raise EvidenceDamaged("the method file holds no JSON") from error
    if not all(isinstance(said[name], dict) for name in ("method", "report", "digests")):
        raise EvidenceDamaged("a part of the method file is missing")
    return said, members
