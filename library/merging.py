"""Put entries into a library that may hold some already, in one step."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spectra.references import ReferenceEntry

from .equivalents import link_equivalents
from .errors import LibraryBusy
from .replacing import folder_lock
from .store import Library, read_library, write_library


@dataclass(frozen=True, slots=True)
class Merge:
    """What putting entries into a library did."""

    library: Library
    """The library as it is now."""
    added: int
    """Entries it did not have."""
    replaced: int
    """Entries it had under the same identifier; the new one stands."""
    created: bool
    """Whether there was no library before."""


def merge_into(
    path: Path, entries: Iterable[ReferenceEntry], *, examined: str | None = None, timeout_s: float = 30.0
) -> Merge:
    """Add entries to a library, or make it; equivalents are linked over all entries.

    Parameters
    ----------
    path
        The library; where there is none, it is made and named after the file.
    entries
        What to add; an entry of the same identifier is replaced.
    examined
        Digest of the library the entries were examined against, empty where there was none: they enter that
        one alone. None where nobody examined them.
    timeout_s
        How long to wait for another program that is changing a library in the same folder, s.

    Raises
    ------
    LibraryBusy
        Another program changed or made the library since the entries were examined.
    LibraryError
        The library there cannot be read, or the new one not written; it is left as it was.
    """
    path = Path(path)
    new = {entry.reference_id: entry for entry in entries}
    with folder_lock(path.absolute().parent, timeout_s=timeout_s):
        before = read_library(path) if path.exists() else None
        if examined is not None and (before.digest if before else "") != examined:
            raise LibraryBusy(
                f"{path}: another program changed it while the entries were examined; it was left as it is: "
                "import again"
            )
        held = {entry.reference_id: entry for entry in before.entries} if before else {}
        name = before.name if before else path.stem
        library = write_library(path, link_equivalents({**held, **new}.values()), name=name)
    return Merge(library, len(new.keys() - held.keys()), len(new.keys() & held.keys()), before is None)
