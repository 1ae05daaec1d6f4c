"""The record of a conversation: every byte, when it went which way, chained by hashes.

One entry is a JSON line ``{"ns": …, "dir": "w" | "r" | "n", "hex": …, "chain": …}``: monotonic nanoseconds,
written, read or a note, the bytes, and the SHA-256 of the previous link followed by the line without its
link. A changed, missing or moved line therefore breaks every later link.
"""

import hashlib
import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from ..errors import ProtocolError

#: Link before the first entry.
GENESIS = "0" * 64
#: Bytes of conversation kept by default: some hundred spectra of the largest detector.
DEFAULT_LIMIT = 4 << 20
#: What an entry takes besides its bytes, in memory and as a line: many short ones must not grow without end.
ENTRY_BYTES = 128
_DIRECTIONS = frozenset("wrn")


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of a conversation."""

    ns: int
    """Monotonic clock, ns."""
    direction: str
    """``w`` written to the device, ``r`` read from it, ``n`` a note of ours in UTF-8."""
    data: bytes
    """What went over the wire."""
    chain: str
    """Link of the hash chain, 64 hexadecimal digits."""


class Transcript:
    """A bounded, hash-chained record of one device's conversation.

    Parameters
    ----------
    limit
        Bytes of conversation kept. Beyond it the oldest entries go; the record then starts with the number
        of lost entries and the link of the last of them, so that what is left can still be checked.
    """

    def __init__(self, *, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._dropped = 0
        self._start = GENESIS
        self._head = GENESIS

    def record(self, direction: str, data: bytes) -> None:
        """Add one piece; ``direction`` is ``w``, ``r`` or ``n``."""
        if direction not in _DIRECTIONS:
            raise ValueError(f"direction {direction!r} is none of w, r, n")
        with self._lock:
            ns = time.monotonic_ns()
            self._head = _link(self._head, ns, direction, data)
            self._entries.append(Entry(ns, direction, bytes(data), self._head))
            self._size += len(data) + ENTRY_BYTES
            while self._size > self._limit and len(self._entries) > 1:
                oldest = self._entries.popleft()
                self._size -= len(oldest.data) + ENTRY_BYTES
                self._dropped += 1
                self._start = oldest.chain

    def note(self, text: str) -> None:
        """Add a remark of ours, for example why bytes were thrown away."""
        self.record("n", text.encode())

    def restart(self) -> None:
        """Forget everything: the next scan gets a record of its own."""
        with self._lock:
            self._entries.clear()
            self._size = self._dropped = 0
            self._start = self._head = GENESIS

    def entries(self) -> tuple[Entry, ...]:
        """Return what is kept, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def to_bytes(self) -> bytes:
        """Return the record as JSON lines, the first one being its header."""
        with self._lock:
            head = {"transcript": 1, "dropped": self._dropped, "start": self._start}
            lines = [_dump(head), *(_dump({**_body(e), "chain": e.chain}) for e in self._entries)]
        return ("\n".join(lines) + "\n").encode()

    def sha256(self) -> str:
        """Return the SHA-256 of `to_bytes`, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def read_transcript(data: bytes) -> tuple[Entry, ...]:
    """Read a record back and check every link of it.

    Raises
    ------
    ProtocolError
        The bytes are no transcript, or a line was changed, moved or taken out.
    """
    try:
        lines = [json.loads(line) for line in data.decode().splitlines()]
        if lines[0]["transcript"] != 1:
            raise ProtocolError("a transcript of another version")
        link = str(lines[0]["start"])
        entries = [_entry(line) for line in lines[1:]]
        broken = _first_broken(link, entries)
    except ProtocolError:
        raise
    # UnicodeError, a ValueError, where a link holds half a surrogate pair.
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise ProtocolError(f"the bytes are no transcript: {error}") from error
    if broken:
        raise ProtocolError(f"entry {broken} of the transcript does not follow from the one before")
    return tuple(entries)


def _first_broken(link: str, entries: list[Entry]) -> int:
    """Return the number of the first entry that does not follow from the one before; 0 for none."""
    for number, entry in enumerate(entries, start=1):
        link = _link(link, entry.ns, entry.direction, entry.data)
        if link != entry.chain:
            return number
    return 0


def _entry(line: dict[str, Any]) -> Entry:
    return Entry(int(line["ns"]), str(line["dir"]), bytes.fromhex(line["hex"]), str(line["chain"]))


def _body(entry: Entry) -> dict[str, Any]:
    return {"ns": entry.ns, "dir": entry.direction, "hex": entry.data.hex()}


def _link(previous: str, ns: int, direction: str, data: bytes) -> str:
    line = _dump({"ns": ns, "dir": direction, "hex": data.hex()})
    return hashlib.sha256(f"{previous}{line}".encode()).hexdigest()


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
