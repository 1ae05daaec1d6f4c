"""Export a library as files that read back to the same entries.

A folder holds one spectrum file for each entry and ``entries.json`` with everything but the numbers;
`library.exported` reads it back. JCAMP-DX has no place for the noise of channels: entries that have it are
written as CSV there too.
"""

import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spectra.digest import array_digest
from spectra.formats import encode_csv, encode_jcamp
from spectra.references import ReferenceEntry

from .entry_json import entry_head
from .errors import LibraryExists, LibraryNotWritten
from .exported import FACTS, SCHEMA
from .names import slug
from .replacing import replace_file
from .store import Library


def export_folder(
    library: Library, folder: Path, *, form: str = "jdx", progress: Callable[[int], None] = lambda _done: None
) -> int:
    """Write every entry of a library to a new folder; the folder is there whole or not at all.

    Parameters
    ----------
    library
        The library.
    folder
        Folder to make; there must be nothing of that name.
    form
        ``jdx`` or ``csv``.
    progress
        Called with 1 after each file.

    Returns
    -------
    int
        Files of spectra written.

    Raises
    ------
    LibraryExists
        There is something of that name.
    LibraryNotWritten
        The operating system refused.
    """
    folder = Path(folder)
    if folder.exists():
        raise LibraryExists(f"{folder} exists already; it was left as it is")
    making = folder.parent / f".{folder.name[:100]}.{secrets.token_hex(6)}.part"
    try:
        making.mkdir()
        listed = []
        for number, entry in enumerate(library.entries, start=1):
            name, data = _file(entry, number, form)
            (making / name).write_bytes(data)
            listed.append({"file": name, **_facts(entry)})
            progress(1)
        (making / FACTS).write_text(_json(library, listed), "utf-8")
        making.rename(folder)
    except OSError as error:
        raise LibraryNotWritten(f"{folder} could not be written: {error.strerror}") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return len(listed)


def export_facts(library: Library, path: Path) -> None:
    """Write the facts of all entries, without their numbers, as one JSON file.

    Raises
    ------
    LibraryExists
        There is a file already.
    LibraryNotWritten
        The operating system refused.
    """
    text = _json(library, [_facts(entry) for entry in library.entries])
    replace_file(Path(path), lambda temporary: temporary.write_text(text, "utf-8"), replace=False)


def _file(entry: ReferenceEntry, number: int, form: str) -> tuple[str, bytes]:
    stem = f"{number:05d}-{slug(entry.reference_id)}"
    if form == "csv" or entry.spectrum.noise is not None:
        return f"{stem}.csv", encode_csv(entry.spectrum)
    return f"{stem}.jdx", encode_jcamp(entry.spectrum, entry.substance.name)


def _facts(entry: ReferenceEntry) -> dict[str, Any]:
    spectrum = entry.spectrum
    numbers = array_digest(spectrum.axis, spectrum.intensity, spectrum.noise)
    return {"numbers": numbers, "entry": entry_head(entry)}


def _json(library: Library, listed: list[dict[str, Any]]) -> str:
    head = {"schema": SCHEMA, "name": library.name, "digest": library.digest, "entries": listed}
    return json.dumps(head, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
