"""Changing a library under its lock, and the journal beside it that says who changed what and why.

The journal of ``LIB.h5`` is ``LIB.changes.jsonl``: one JSON object a line, written and forced to disk before
the library is replaced. A line whose ``after`` is not the digest of any later state tells of a change that
a power cut prevented; no change is without its line.
"""

import json
import os
from collections.abc import Callable, Sequence
from errno import ENOSPC
from pathlib import Path
from typing import Any

from spectra.references import ReferenceEntry

from .equivalents import link_equivalents
from .errors import LibraryFormatError, LibraryNotWritten, LibraryUnreadable
from .replacing import folder_lock
from .store import Library, content_digest, read_library, write_library

#: Begins a line of an entry's history that tells of an edit; `library.editing` writes it.
EDITED = "edited "

#: A longer journal is none of ours.
MAX_JOURNAL_BYTES = 256 << 20

#: Field of a record that stands behind a line its writer did not finish.
FOLLOWS = "follows_cut_off"

#: Takes a library, returns its new entries and what the journal says about the change.
Change = Callable[[Library], tuple[Sequence[ReferenceEntry], dict[str, Any]]]


def change_library(path: Path, change: Change, *, timeout_s: float = 30.0) -> Library:
    """Change a library in one step: the old one or the new one is there at any moment.

    Parameters
    ----------
    path
        The library; it must be there.
    change
        Returns the new entries, and JSON values for the journal.
    timeout_s
        How long to wait for another program that is changing a library in the same folder, s.

    Raises
    ------
    LibraryError
        It cannot be read, changed or written; it is left as it was.
    """
    path = Path(path)
    with folder_lock(path.absolute().parent, timeout_s=timeout_s):
        before = read_library(path)
        entries, said = change(before)
        linked = link_equivalents(entries)
        after = content_digest(linked, name=before.name)
        _append(changes_path(path), {**said, "before": before.digest, "after": after})
        return write_library(path, linked, name=before.name)


def changes_path(path: Path) -> Path:
    """Return where the journal of a library lies."""
    return path.with_name(f"{path.stem}.changes.jsonl")


def read_changes(path: Path) -> tuple[dict[str, Any], ...]:
    """Return the journal of a library, oldest first; empty where it was never changed by hand.

    Raises
    ------
    LibraryUnreadable
        The operating system will not let us read it.
    LibraryFormatError
        It is damaged, other than by a line that was cut off and is known as such.
    """
    journal = changes_path(Path(path))
    try:
        if not journal.exists():
            return ()
        if journal.stat().st_size > MAX_JOURNAL_BYTES:
            raise LibraryFormatError(f"{journal}: larger than a journal can be")
        lines = journal.read_bytes().split(b"\n")
    except OSError as error:
        raise LibraryUnreadable(f"{journal}: cannot be read: {error.strerror}") from error
    found = [_record(line) for line in lines[:-1] if line]
    for place, one in enumerate(found):
        if one is None:
            if not (found[place + 1 :] and (found[place + 1] or {}).get(FOLLOWS)):
                raise LibraryFormatError(f"{journal}: damaged; move it aside and keep it")
            found[place] = {"action": "cut off"}
    return tuple(one for one in found if one)


def _record(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line; None where it holds none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _append(journal: Path, record: dict[str, Any]) -> None:
    try:
        handle = os.open(journal, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(handle).st_size
            # The last writer was stopped within a line; what follows begins a new one, and says so.
            cut_off = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            told = {**record, FOLLOWS: True} if cut_off else record
            line = json.dumps(told, ensure_ascii=False, allow_nan=False, sort_keys=True)
            data = (("\n" if cut_off else "") + line + "\n").encode()
            if os.write(handle, data) != len(data):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise LibraryNotWritten(
            f"{journal}: the change was not recorded, and not made: {error.strerror}"
        ) from error
