"""From a folder to arrivals: copied to our own disk first, noted by content, then sorted.

::

    intake = Intake(home, source, name="handheld")
    intake.collect()                       # look; copy what is finished and new
    for arrival in intake.waiting():       # also what a crash left
        found = intake.sorted(arrival)     # scans; the rest goes to quarantine
        ...                                # archive the scans
        intake.done(arrival)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from ..errors import ConnectionLost, DeviceNotReady, FileRefused
from .arrivals import Arrival, ArrivedFile, Sorted, arrival_scans
from .journal import Journal, Noted
from .keeping import Quarantine, RawCopies, digest_of, plain_name
from .listing import Entry
from .source import Source
from .watch import FolderWatch, Group

#: Most groups copied in one pass: chosen, so that a full drive does not hold up the newest file for minutes.
MAX_PER_PASS = 32
#: Larger groups are no spectrum with its reports: their files are taken one by one.
MAX_GROUP_FILES = 16
MAX_GROUP_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class PassReport:
    """What one look into the folder brought."""

    present: bool
    """Whether the folder is there."""
    words: str = ""
    """Why it is not, or what else is to be said."""
    taken: int = 0
    """Arrivals noted."""
    unfinished: int = 0
    """Files that are not finished, or could not be had yet."""
    more: int = 0
    """Groups left for the next pass."""


class Intake:
    """Takes files from one folder into our own home.

    Parameters
    ----------
    home
        Folder of the journal, the copies and the quarantine; several sources may share it.
    source
        The folder.
    name
        Name of the device, the same for ever.
    clock_state
        Tells the state of this machine's clock.
    watch
        Looks into the folder.

    Raises
    ------
    OSError, JournalDamaged
        Our own home cannot be used.
    """

    def __init__(
        self,
        home: Path,
        source: Source,
        *,
        name: str,
        clock_state: Callable[[], str] = lambda: "unknown",
        watch: FolderWatch | None = None,
    ) -> None:
        self.source = source
        self.name = name
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._journal = Journal(home / "journal.sqlite3")
        self._copies = RawCopies(home / "raw")
        self.quarantine = Quarantine(home / "quarantine")
        self._watch = watch or FolderWatch(source)
        self._clock_state = clock_state
        self.turn = Lock()
        """Held while an arrival is dealt with, from `sorted` to `done`, and while quarantine arrives again:
        what arrived again in between was taken for done, and never looked at."""

    def collect(self) -> PassReport:
        """Look once and copy what is finished and new; nothing in the folder is changed.

        Raises
        ------
        OSError, JournalDamaged
            Our own disk failed; what was not noted is taken at a later pass.
        """
        look = self._watch.look()
        if not look.present:
            return PassReport(False, look.words)
        taken, unfinished = 0, look.unfinished
        for group in look.groups[:MAX_PER_PASS]:
            try:
                taken += sum(map(self._admitted, _split(group)))
            except DeviceNotReady:
                unfinished += 1
                continue
            except ConnectionLost as error:
                self._watch.forget()
                return PassReport(False, str(error), taken, unfinished)
            self._watch.done(group)
        words = "" if look.complete else "more names lie there than are looked at; tidy the folder up"
        return PassReport(True, words, taken, unfinished, max(len(look.groups) - MAX_PER_PASS, 0))

    def waiting(self) -> tuple[Arrival, ...]:
        """Return what arrived and was not imported yet, oldest first; what lost its copy comes again."""
        found = []
        for noted in self._journal.waiting(self.name):
            arrival = self._arrival(noted)
            if arrival is None:
                self._journal.forget(noted.arrival_id, [one["sha256"] for one in noted.described["files"]])
                self._watch.forget()
            else:
                found.append(arrival)
        return tuple(found)

    def sorted(self, arrival: Arrival) -> Sorted:
        """Return what came of an arrival; what can be read by nobody is in quarantine then."""
        found = arrival_scans(arrival, self.source)
        now = _now()
        for file, reason in found.refused:
            self.quarantine.put(file, reason, source=self.name, at=now)
            self._journal.note(file.sha256, file.name, "quarantined", at=now)
        for file in found.late:
            self._journal.note(file.sha256, file.name, "late", at=now)
        for one in {beside.data for scan in found.scans for beside in scan.sidecars}:
            self.quarantine.release(digest_of(one))
        return found

    def done(self, arrival: Arrival) -> None:
        """Take note that an arrival is safe elsewhere; of its copies, late reports stay."""
        digests = [file.sha256 for file in arrival.files]
        self._journal.finish(arrival.arrival_id, digests)
        for sha256 in digests:
            if self._journal.state_of(sha256) != "late":
                self._copies.drop(sha256)

    def taken_elsewhere(self, sha256: str, name: str) -> None:
        """Take note of content that reached the archive by another way: it is not imported again."""
        self._journal.note(sha256, plain_name(name), "done", at=_now())

    def retry(self) -> int:
        """Let what is in quarantine arrive again, from our own copies; return how many files do.

        For when a person has stated what the files do not say, such as the technique.
        """
        with self.turn:
            return sum(map(self._arrives_again, self.quarantine.listed()))

    def _arrives_again(self, note: dict[str, Any]) -> bool:
        data = self.quarantine.copy_of(note) if note["source"] == self.name else None
        if data is None:
            return False
        file = ArrivedFile(note["name"], note["sha256"], data, note.get("claimed_written_ns"))
        self._admit([file])
        self._journal.note(file.sha256, file.name, "waiting", at=_now())
        self.quarantine.release(file.sha256)
        return True

    def late_report(self, sha256: str) -> bytes | None:
        """Return the copy of a report that came after its spectrum; None where there is none."""
        return self._copies.read(sha256)

    def _admitted(self, entries: tuple[Entry, ...]) -> bool:
        """Copy and note files of one stem; return whether anything is new."""
        files = [file for entry in entries if (file := self._copied(entry)) is not None]
        fresh = [file for file in files if file.is_new]
        if not fresh:
            return False
        self._admit(files)
        return True

    def _admit(self, files: Sequence[ArrivedFile]) -> None:
        for file in files:
            self._copies.keep(file.sha256, file.data)
        at = _now()
        heads = [
            {"name": one.name, "sha256": one.sha256, "mtime_ns": one.mtime_ns, "is_new": one.is_new}
            for one in files
        ]
        fresh = [one for one in files if one.is_new]
        arrival_id = digest_of("\n".join(sorted(one.sha256 for one in fresh)).encode())
        noted = Noted(arrival_id, {"files": heads, "taken_at": at, "clock": self._clock_state()})
        self._journal.admit(noted, self.name, [(one.sha256, one.name) for one in fresh], at=at)

    def _copied(self, entry: Entry) -> ArrivedFile | None:
        try:
            data = self._watch.read(entry)
        except FileRefused as error:
            self.quarantine.refuse(entry.path, entry.size, str(error), source=self.name, at=_now())
            return None
        digest = digest_of(data)
        is_new = self._journal.state_of(digest) is None
        return ArrivedFile(plain_name(entry.name), digest, data, entry.mtime_ns, is_new)

    def _arrival(self, noted: Noted) -> Arrival | None:
        files = []
        for head in noted.described["files"]:
            data = self._copies.read(head["sha256"])
            if data is None:
                return None
            files.append(ArrivedFile(head["name"], head["sha256"], data, head["mtime_ns"], head["is_new"]))
        described: dict[str, Any] = noted.described
        return Arrival(noted.arrival_id, tuple(files), described["taken_at"], described["clock"])


def _split(group: Group) -> tuple[tuple[Entry, ...], ...]:
    entries = group.entries
    if len(entries) > MAX_GROUP_FILES or sum(entry.size for entry in entries) > MAX_GROUP_BYTES:
        return tuple((entry,) for entry in entries)
    return (entries,)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
