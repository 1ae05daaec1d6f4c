"""Document the entries a library holds already: who vouches for those that nobody vouches for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectra.references import Grade, ReferenceEntry

from .changes import change_library
from .documenting import Papers, moment_of, with_papers
from .editing import differences, with_history
from .errors import EditRefused
from .store import Library


@dataclass(frozen=True, slots=True)
class Vouched:
    """What documenting a library did."""

    library: Library
    """The library as it is now."""
    entries: tuple[ReferenceEntry, ...]
    """Entries that are documented now and were not."""
    left_out: tuple[tuple[str, str], ...]
    """Entries without an authentication that got none, each with why; those of no sample are not named."""


def document_all(path: Path, papers: Papers, *, by: str, at: str, reason: str = "") -> Vouched:
    """Document every measured entry of a library that nobody vouches for yet.

    Parameters
    ----------
    path
        The library.
    papers
        Who vouches, when and on what grounds.
    by, at, reason
        Who changes the library, when (RFC 3339) and why; kept in each history and in the journal.

    Raises
    ------
    EditRefused
        There is no entry to document.
    AuthenticationRefused
        Nobody can vouch like that.
    LibraryError
        The library cannot be read or written; it is left as it was.
    """
    done: dict[str, ReferenceEntry] = {}
    left_out: list[tuple[str, str]] = []

    def change(library: Library) -> tuple[Sequence[ReferenceEntry], dict[str, Any]]:
        moment = moment_of(at)
        listed: tuple[tuple[str, str, str], ...] = ()
        for entry in library.entries:
            if entry.grade is not Grade.MEASURED or entry.authentication is not None:
                continue
            if "(emulated)" in entry.instrument:
                left_out.append((entry.reference_id, "an emulated device measured no real sample"))
                continue
            new = with_papers(entry, papers, now=moment)
            listed = differences(entry, new)
            done[entry.reference_id] = with_history(new, listed, by=by, at=at, reason=reason)
        if not done:
            raise EditRefused(f"{path}: there is no measured entry that nobody vouches for")
        changes = [{"field": field, "old": was, "new": now} for field, was, now in listed]
        said = {"action": "document", "at": at, "by": by, "entries": sorted(done), "reason": reason}
        return [done.get(one.reference_id, one) for one in library.entries], {**said, "changes": changes}

    library = change_library(path, change)
    return Vouched(library, tuple(library.entry(key) for key in done), tuple(left_out))
