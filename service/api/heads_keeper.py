"""The thread that signs heads of the chain and keeps them outside the database.

It looks at what is committed, so that it takes no time from those who write and never signs what may still be
undone. A crash of the server can lose the heads of the last quarter of a second (the events are there, and
stand under the head that is signed at the next start); a power cut also those that were not yet appended to
``heads.jsonl``, which is flushed.
"""

import errno
import fcntl
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Self

from sqlalchemy import select

from .clock import utc_now
from .database import Database
from .events import chain
from .heads_key import keys_before, load_or_make, public_of
from .heads_signed import HASHES, KEPT, LATEST, MAX_LINE, SignedHead, read_heads, sign_head
from .tables import ChainHead, Event

_LOG = logging.getLogger(__name__)

#: How often it is looked for new events, s (chosen: a look with new events takes 2 ms of the processor).
LOOK_S = 0.25
#: A head is appended to the kept ones after this many events, or this long, s.
EVERY_EVENTS, EVERY_S = 1000, 300.0

#: More processes than any server has.
_MOST_PROCESSES = 64


class HeadKeeper:
    """Signs and keeps the heads of a database; a context manager.

    Parameters
    ----------
    database
        Where the chain is.
    folder
        The server's folder: the key is in it, the heads are in ``heads/`` below.

    Raises
    ------
    AuditKeyUnusable
        The key cannot be used.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._key = load_or_make(folder)
        self._key_id = public_of(self._key).key_id
        self._before = keys_before(folder, public_of(self._key))
        self._folder = folder / "heads"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._held, name = _own_name(self._folder)
        self._latest = self._folder / f"{name}{LATEST}"
        self._kept = self._folder / f"{name}{KEPT}"
        self._hashes = self._folder / f"{name}{HASHES}"
        self._lock = threading.Lock()
        self._newest: SignedHead | None = None
        self._written_seq = -1
        self._kept_seq, self._kept_at = -1, time.monotonic()
        self._failed = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heads", daemon=True)

    def __enter__(self) -> Self:
        self._take_up()
        self._note(keep=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._note(keep=True)
        os.close(self._held)

    def newest(self) -> SignedHead:
        """Return a signed head of everything that is committed now."""
        with self._database.read() as session:
            row = session.get_one(ChainHead, 1)
            seq, last, counts = row.seq, row.hash, row.counts
        with self._lock:
            if self._newest is None or (self._newest.seq, self._newest.hash) != (seq, last):
                self._newest = sign_head(
                    self._key,
                    self._key_id,
                    seq=seq,
                    last=last,
                    counts=json.loads(counts),
                    at=utc_now(),
                    succeeds=self._before,
                )
            return self._newest

    def _run(self) -> None:
        while not self._end.wait(LOOK_S):
            self._note()

    def _note(self, *, keep: bool = False) -> None:
        """Write the newest head where it is new; what fails is tried again."""
        try:
            head = self.newest()
            if head.seq != self._written_seq:
                self._write(head)
            due = keep or time.monotonic() - self._kept_at >= EVERY_S
            if head.seq != self._kept_seq and (due or head.seq - self._kept_seq >= EVERY_EVENTS):
                self._keep(head)
        except Exception as error:
            # Heads are no reason to stop screening; what is wrong is said once.
            if str(error) != self._failed:
                self._failed = str(error)
                _LOG.exception("no signed head could be written")
        else:
            self._failed = ""

    def _write(self, head: SignedHead) -> None:
        self._list_hashes()
        draft = self._latest.with_name(f".{self._latest.name}")
        draft.write_text(head.line() + "\n")
        draft.replace(self._latest)
        self._written_seq = head.seq

    def _list_hashes(self) -> None:
        """Note the hashes of new events, 32 bytes each: they tell where a chain made anew begins."""
        with self._hashes.open("ab") as file:
            file.truncate(file.tell() // 32 * 32)
            while True:
                noted = file.tell() // 32
                with self._database.read() as session:
                    wanted = select(Event.hash).where(Event.seq > noted).order_by(Event.seq)
                    found = session.scalars(wanted.limit(EVERY_EVENTS)).all()
                file.write(b"".join(map(bytes.fromhex, found)))
                if len(found) < EVERY_EVENTS:
                    return

    def _keep(self, head: SignedHead) -> None:
        descriptor = os.open(self._kept, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _append(descriptor, f"{head.line()}\n".encode())
        finally:
            os.close(descriptor)
        self._kept_seq, self._kept_at = head.seq, time.monotonic()

    def _take_up(self) -> None:
        """Keep the last head of before, which the next one replaces, and say so where the chain denies it."""
        _end_last_line(self._kept)
        if not self._latest.exists():
            return
        head = next(read_heads(self._latest), None)
        if head is None:
            return
        self._keep(head)
        with self._database.read() as session:
            event = session.get(Event, head.seq)
        if (event.hash if event is not None else chain.FIRST) != head.hash:
            _LOG.warning(
                "the chain does not fit the head signed at %s (event %d): a backup was restored, or records "
                "were altered; see opioscan audit verify",
                head.at,
                head.seq,
            )


def _own_name(folder: Path) -> tuple[int, str]:
    """Return a held lock, and what this process's files begin with: several may serve one database."""
    for number in range(1, _MOST_PROCESSES):
        descriptor = os.open(folder / f".lock-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        return descriptor, "" if number == 1 else f"process-{number}-"
    raise RuntimeError(f"more than {_MOST_PROCESSES} processes keep heads in {folder}")


def _append(descriptor: int, line: bytes) -> None:
    """Write a line whole or not at all: a full disk must not leave half of one before the next."""
    before = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, "no room for a signed head")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, before)
        raise


def _end_last_line(path: Path) -> None:
    """Cut off the half line that a power cut left."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        # Ten years of heads are some hundred megabytes; a half line is at its end.
        begin = max(0, file.seek(0, os.SEEK_END) - MAX_LINE)
        file.seek(begin)
        last = file.read().rfind(b"\n")
        if last >= 0 or begin == 0:
            file.truncate(begin + last + 1)
