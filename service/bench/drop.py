"""The drop desk: what exported files bring to a bench, and what the officer decides about it.

A scan that comes as a file joins the item open at the bench by the officer's word, or by the item's exact
identifier in the file. Otherwise it waits. It is never joined by time.
"""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instrument.config import load_config
from instrument.drop_folder.journal import Journal
from instrument.drop_folder.keeping import Quarantine
from instrument.errors import DeviceURLError

from ..archive.journal import ArchivedScan
from ..errors import UsageError
from . import drop_join
from .drop_queue import Drop, DropQueue
from .drop_requests import DiscardRequest, DropVerifyRequest, JoinRequest
from .drop_watching import FolderWatcher, is_folder
from .item import clean_label
from .notes import rfc3339, utc_now

if TYPE_CHECKING:
    from .agent import Bench

Answer = dict[str, Any]

#: How often the configuration is looked at for new folders, s.
REFRESH_S = 2.0
#: How long the end of an agent waits for a last look, s.
_END_S = 1.0


class DropDesk:
    """Watches the folders of all configured closed handhelds, and keeps their scans until somebody decides.

    Parameters
    ----------
    bench
        What archives, identifies and tells the server.
    """

    def __init__(self, bench: "Bench") -> None:
        self._bench = bench
        self._home: Path = bench.settings.home / "drops"
        self._queue = DropQueue(self._home / "queue.sqlite3")
        self._lock = threading.Lock()
        self._watchers: dict[str, FolderWatcher] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drop-desk", daemon=True)

    def start(self) -> None:
        """Begin to watch, in the background."""
        self._thread.start()

    def end(self) -> None:
        """Watch no more; returns soon even while a drive hangs."""
        self._ending.set()
        with self._lock:
            watchers = list(self._watchers.values())
        for watcher in watchers:
            watcher.end()
        if self._thread.is_alive():
            self._thread.join(_END_S)
        for watcher in watchers:
            watcher.wait_ended(_END_S)

    def queue(self) -> list[Answer]:
        """Return the scans that wait for a decision, oldest first."""
        return [_view(drop) for drop in self._queue.waiting()]

    def settled(self) -> list[Answer]:
        """Return what became of the last scans, newest first."""
        return [_view(drop) | {"outcome": drop.outcome} for drop in self._queue.settled()]

    def drop(self, scan_id: str) -> Answer | None:
        """Return one scan with what became of it; None for one that never came."""
        found = self._queue.get(scan_id)
        return None if found is None else _view(found) | {"outcome": found.outcome}

    def described(self) -> Answer:
        """Return queue, folders and quarantine as JSON values."""
        with self._lock:
            watchers = list(self._watchers.values())
        return {
            "drops": self.queue(),
            "folders": [watcher.described() for watcher in watchers],
            "quarantine": self.quarantined(),
            "open_items": sorted(self._bench.outbox.open_screenings()),
        }

    def quarantined(self) -> list[Answer]:
        """Return the files nobody could read, with the reasons."""
        return Quarantine(self._home / "quarantine").listed()

    def open_item(self, text: str) -> Answer:
        """Open a screening of an item here, so that scans may join it; no label: `UsageError`."""
        item = clean_label(text)
        if not item:
            raise UsageError("scan the barcode of the item first")
        self._bench.renew_method(item)
        return {"item": item, "screening_id": self._bench.outbox.open_screening(item)}

    def join(self, scan_id: str, item: str, **options: Any) -> Answer:
        """Make a waiting scan one of the item open at the bench; see `drop_join.join`."""
        request = JoinRequest(scan_id=scan_id, item=item, **options)
        return drop_join.join(self._bench, self._queue, request)

    def verify(self, scan_id: str, standard: str = "polystyrene") -> Answer:
        """Take a waiting scan for that of a standard; see `drop_join.verify`."""
        return drop_join.verify(
            self._bench, self._queue, DropVerifyRequest(scan_id=scan_id, standard=standard)
        )

    def discard(self, scan_id: str, reason: str) -> Answer:
        """Take a scan off the queue; see `drop_join.discard`."""
        return drop_join.discard(self._queue, DiscardRequest(scan_id=scan_id, reason=reason))

    def retry(self) -> Answer:
        """Read what is in quarantine once more, for when a person has stated what the files do not say."""
        with self._lock:
            watchers = list(self._watchers.values())
        return {"retried": sum(watcher.retry() for watcher in watchers)}

    def note_taken(self, archived: ArchivedScan) -> None:
        """Take note of a file that a scan brought to the archive: it is not imported again."""
        named = archived.scan.settings.get("original")
        if isinstance(named, dict):
            journal = Journal(self._home / "journal.sqlite3")
            journal.note(str(named["sha256"]), str(named["name"]), "done", at=rfc3339(utc_now()))

    def refresh(self) -> None:
        """Watch the folders that are configured now, and no others; a damaged file changes nothing."""
        try:
            configs = load_config(self._bench.settings.devices_path)
        except DeviceURLError:
            return
        wanted = {name: config for name, config in configs.items() if is_folder(config)}
        with self._lock:
            for name, watcher in list(self._watchers.items()):
                if wanted.get(name) != watcher.config:
                    watcher.end()
                    del self._watchers[name]
            for name in wanted.keys() - self._watchers.keys():
                if not self._ending.is_set():
                    watcher = FolderWatcher(self._bench, self._queue, self._home, wanted[name])
                    self._watchers[name] = watcher
                    watcher.start()

    def _run(self) -> None:
        while True:
            self.refresh()
            if self._ending.wait(REFRESH_S):
                return


def _view(drop: Drop) -> Answer:
    return {
        "scan_id": drop.scan_id,
        "device": drop.device,
        "state": drop.state,
        "settled_at": drop.settled_at,
        **drop.facts,
    }
