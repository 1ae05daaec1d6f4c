"""The chain walked from its first event to its last, and held against what was signed and noted outside."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from sqlalchemy import Connection, select

from ..tables import ChainHead, Event
from . import chain
from .faults import Faults
from .paging import pages
from .replay import Replay
from .sealing import rows_told

Told = Callable[[float], None]

#: Kind of the events by which an upgrade sealed what was there before.
SEALED = "records.sealed"


class Walk:
    """One walk over the chain.

    Parameters
    ----------
    replay
        Takes what events tell of rows; gives the signed heads.
    faults
        Takes what is wrong.
    lists
        Open files of hashes noted outside the database, and how many of them count.
    """

    def __init__(self, replay: Replay, faults: Faults, lists: Sequence[tuple[BinaryIO, int]] = ()) -> None:
        self.seq = 0
        self.upgraded = 0
        self.signed = 0
        self._replay, self._faults = replay, faults
        self._lists = list(lists)
        self._links = {chain.FIRST}
        self._last = chain.FIRST
        self._counts: Counter[str] = Counter()
        self._heads = replay.heads()
        self._head = next(self._heads, None)
        self._denied = False

    def run(self, connection: Connection, told: Told) -> None:
        """Walk the whole chain, and look whether head and signed heads end where it does."""
        self._at_head()
        for page in pages(connection, Event.__table__):  # type: ignore[arg-type]
            rows: list[tuple[str, str | None, int]] = []
            for link in page:
                rows += self._step(link)
            self._replay.tell(rows)
            told(len(page))
        self._end(connection)

    def _step(self, link: Mapping[str, Any]) -> Iterator[tuple[str, str | None, int]]:
        seq = link["seq"]
        if seq != self.seq + 1:
            self._faults.chain(self.seq + 1, f"is missing; the next one present is {seq}")
        found = _hash(link)
        intact = found == link["hash"]
        if not intact:
            self._faults.chain(seq, "was altered: its hash does not fit its content")
        elif link["prev_hash"] not in self._links and seq == self.seq + 1:
            self._faults.chain(max(self.seq, 1), "was replaced: the event after it was made for another one")
        self.seq, self._last, self._links = seq, link["hash"], {link["hash"], found}
        self._counts[str(link["type"])] += 1
        if link["type"] == SEALED:
            self.upgraded = seq
        self._at_list()
        self._at_head()
        return ((key, digest, seq) for key, digest in rows_told(_data(link["data"])))

    def _at_list(self) -> None:
        for one in list(self._lists):
            file, many = one
            if not 1 <= self.seq <= many:
                continue
            file.seek(32 * (self.seq - 1))
            if file.read(32).hex() != self._last:
                self._faults.chain(self.seq, "is not the one whose hash was noted outside the database")
                self._lists.remove(one)

    def _at_head(self) -> None:
        while self._head is not None and self._head[0] <= self.seq:
            seq, hash_, counts, at, source = self._head
            if seq == self.seq and (hash_, dict(counts)) == (self._last, dict(self._counts)):
                self.signed = seq
            elif not self._denied:
                self._denied = True
                what = f"or one after it up to {seq} is not what was signed at {at} ({source})"
                self._faults.between(self.signed + 1, seq, what)
            self._head = next(self._heads, None)

    def _end(self, connection: Connection) -> None:
        end = connection.execute(
            select(ChainHead.seq, ChainHead.hash, ChainHead.counts).where(ChainHead.only == 1)
        ).one_or_none()
        if end is None:
            self._faults.other("head", "is missing")
        elif (end.seq, end.hash) != (self.seq, self._last):
            event = min(int(end.seq), self.seq) + (end.seq != self.seq)
            self._faults.chain(event, f"says {end.seq} events, the chain ends at {self.seq}", where="head")
        elif _data(end.counts) != dict(self._counts):
            self._faults.other("head", "counts other events than there are")
        for _, many in self._lists:
            if many > self.seq:
                self._faults.chain(self.seq + 1, "is missing: its hash was noted outside the database")
        if self._head is not None:
            seq, _, _, at, source = self._head
            self._faults.chain(
                self.seq + 1, f"is missing: {seq} events were there when a head was signed at {at} ({source})"
            )


def _hash(link: Mapping[str, Any]) -> str:
    try:
        return chain.link_hash(link)
    except ValueError:  # bytes that are no text
        return ""


def _data(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
