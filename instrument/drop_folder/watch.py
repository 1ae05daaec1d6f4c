"""Which files of a folder are finished and new, look after look; the folder may come and go."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from ..errors import ConnectionLost
from .listing import Entry, list_files
from .source import Source
from .taking import MAX_FILE, take

#: A file that stays empty for so long will never be a spectrum, s: chosen, longer than any device's pause.
EMPTY_S = 30.0


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one stem in one folder: a spectrum and its reports, or several exports of it."""

    entries: tuple[Entry, ...]
    """The files, by name; all are finished, and at least one is new."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found."""

    present: bool
    """Whether the folder is there."""
    groups: tuple[Group, ...] = ()
    """Finished files nobody has dealt with yet."""
    unfinished: int = 0
    """Files that are still being written, or have not rested long enough."""
    complete: bool = True
    """False where the folder holds more names than are looked at."""
    words: str = ""
    """Why it is not there."""


class FolderWatch:
    """Looks into a folder again and again.

    It remembers only what lies there now: after an unplugging everything counts as new, and what the
    files hold tells whether it is (the names and times of a device tell nothing).

    Parameters
    ----------
    source
        The folder.
    clock
        Monotonic time, s.
    """

    def __init__(self, source: Source, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.source = source
        self.settle_s = source.settle_s
        """How long a file must not have changed, s."""
        self._clock = clock
        self._identity: tuple[int, int] | None = None
        self._since: dict[tuple[str, ...], tuple[Entry, float]] = {}
        self._done: dict[tuple[str, ...], Entry] = {}

    @property
    def root(self) -> Path:
        """The folder."""
        return self.source.root

    def look(self) -> Look:
        """Look once; never raises for a folder that is not there."""
        try:
            listing = list_files(self.root, depth=self.source.depth)
        except ConnectionLost as error:
            self.forget()
            return Look(False, words=str(error))
        if listing.identity != self._identity:
            self.forget()
            self._identity = listing.identity
        rested = self._settled(listing.entries)
        groups, waiting = self._grouped(listing.entries, rested)
        return Look(True, groups, waiting, listing.complete)

    def everything(self) -> tuple[Entry, ...]:
        """Return every file that lies there now, finished or not; nothing where the folder is absent."""
        try:
            return list_files(self.root, depth=self.source.depth).entries
        except ConnectionLost:
            return ()

    def read(self, entry: Entry, *, limit: int = MAX_FILE) -> bytes:
        """Return a file's bytes; raises as `take`."""
        return take(self.root, entry, limit=limit)

    def done(self, group: Group) -> None:
        """Offer these files no more, unless they change."""
        self._done |= {entry.parts: entry for entry in group.entries}

    def forget(self) -> None:
        """Take everything for new at the next look."""
        self._identity = None
        self._since.clear()
        self._done.clear()

    def _settled(self, entries: tuple[Entry, ...]) -> dict[tuple[str, ...], bool]:
        """Return whether each file has rested long enough; one that stays empty is left out in the end."""
        now = self._clock()
        before, self._since = self._since, {}
        rested = {}
        for entry in entries:
            seen, since = before.get(entry.parts, (None, now))
            since = since if seen == entry else now
            self._since[entry.parts] = (entry, since)
            if entry.size or now - since < EMPTY_S:
                # An empty file is one whose first byte has not come yet.
                rested[entry.parts] = entry.size > 0 and now - since >= self.settle_s
        return rested

    def _grouped(
        self, entries: tuple[Entry, ...], rested: dict[tuple[str, ...], bool]
    ) -> tuple[tuple[Group, ...], int]:
        self._done = {entry.parts: entry for entry in entries if self._done.get(entry.parts) == entry}
        by_stem: dict[tuple[str, ...], list[Entry]] = {}
        for entry in entries:
            if entry.parts in rested:
                stem = PurePath(entry.name).stem.casefold()
                by_stem.setdefault((*entry.parts[:-1], stem), []).append(entry)
        groups, waiting = [], 0
        for members in by_stem.values():
            fresh = [entry.parts for entry in members if entry.parts not in self._done]
            rough = [parts for parts in fresh if not rested[parts]]
            waiting += len(rough)
            if fresh and not rough:
                groups.append(Group(tuple(members)))
        return tuple(groups), waiting
