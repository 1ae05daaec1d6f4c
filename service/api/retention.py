"""Erasing personal data past retention, by the running server itself: once a day, in small batches.

Off where no retention is set. Of several server processes on one database the one that has the lock does it.
"""

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import Self

from .clock import utc_text
from .database import Database
from .purging import Purged, purge
from .settings import ServerSettings

LOG = logging.getLogger("opioscan.retention")

#: Who erased, as events name it.
ACTOR = "server:retention"
#: Lock that one of several processes has while it erases (chosen: "opir" in ASCII).
_LOCK = 0x6F706972
#: Rest between two batches, s (chosen: so that writers who wait have their turn).
_REST_S = 0.05


class Retention:
    """The thread that erases; a context manager.

    Parameters
    ----------
    database
        Whose personal data.
    settings
        After how many days, and how often it is looked.
    """

    def __init__(self, database: Database, settings: ServerSettings) -> None:
        self._database = database
        self._settings = settings
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._settings.retention_days > 0:
            self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        wait = self._settings.purge_first_s
        while not self._end.wait(wait):
            wait = self._settings.purge_every_s
            try:
                with self._database.alone(_LOCK) as mine:
                    if mine:
                        self._erase()
            except Exception:
                # Screening goes on; the next day tries again.
                LOG.exception("personal data past retention could not be erased")

    def _erase(self) -> None:
        moment = utc_text(datetime.now(UTC) - timedelta(days=self._settings.retention_days))
        done = purge(
            self._database,
            ACTOR,
            moment,
            told=self._rest,
            ended=self._end.is_set,
        )
        LOG.info("%s", _words(done))

    def _rest(self, _many: float) -> None:
        self._end.wait(_REST_S)


def _words(done: Purged) -> str:
    rows = ", ".join(f"{many} of {name}" for name, many in sorted(done.rows.items())) or "nothing"
    return f"personal data of before {done.before} erased: {rows}; legal holds in force: {done.holds_kept}"
