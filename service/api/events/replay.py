"""What the chain tells of rows, kept in a temporary file while the rows are held against it."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from ..heads_signed import SignedHead

#: Page cache, KiB: the rest is on disk (chosen: a proof takes less memory than the server).
_CACHE_KIB = 48 * 1024


class Replay:
    """Digests of rows by key, and signed heads by number; gone with the process."""

    def __init__(self) -> None:
        # An empty name is a temporary file that nobody else sees: https://www.sqlite.org/inmemorydb.html
        self._file = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}"):
            self._file.execute(f"PRAGMA {pragma}").close()
        self._file.execute("CREATE TABLE told (key TEXT PRIMARY KEY, digest BLOB, seq INT) WITHOUT ROWID")
        self._file.execute("CREATE TABLE heads (seq INT, hash TEXT, counts TEXT, at TEXT, source TEXT)")
        self._file.execute("CREATE TABLE seen (key TEXT PRIMARY KEY) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def tell(self, rows: Iterable[tuple[str, str | None, int]]) -> None:
        """Keep key, digest and event of rows, in the order of the chain: the last word counts."""
        said = ((key, None if digest is None else _raw(digest), seq) for key, digest, seq in rows)
        self._file.execute("BEGIN")
        self._file.executemany("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", said)
        self._file.execute("COMMIT")

    def told(self, keys: Sequence[str]) -> dict[str, tuple[str | None, int]]:
        """Return digest and event of rows, by key; nothing for one no event tells of."""
        marks = ",".join("?" * len(keys))
        found = self._file.execute(f"SELECT key, digest, seq FROM told WHERE key IN ({marks})", keys)  # noqa: S608
        return {key: (None if raw is None else raw.hex(), seq) for key, raw, seq in found}

    def living(self, table: str) -> int:
        """Return how many rows of a table there have to be."""
        query = "SELECT count(*) FROM told WHERE key > ? AND key < ? AND digest IS NOT NULL"
        found: int = self._file.execute(query, _range(table)).fetchone()[0]
        return found

    def missing(self, table: str, present: Iterable[Sequence[str]]) -> Iterator[tuple[str, int]]:
        """Yield key and event of the rows of a table that have to be there and are not."""
        self._file.execute("DELETE FROM seen")
        for keys in present:
            self._file.executemany("INSERT OR IGNORE INTO seen VALUES (?)", ((key,) for key in keys))
        query = (
            "SELECT key, seq FROM told WHERE key > ? AND key < ? AND digest IS NOT NULL "
            "AND key NOT IN (SELECT key FROM seen) ORDER BY seq"
        )
        yield from self._file.execute(query, _range(table))

    def add_head(self, head: SignedHead, source: str) -> None:
        """Keep a signed head, and where it was found."""
        row = (head.seq, head.hash, json.dumps(head.counts), head.at, source)
        self._file.execute("INSERT INTO heads VALUES (?, ?, ?, ?, ?)", row)

    def heads(self) -> Iterator[tuple[int, str, Mapping[str, Any], str, str]]:
        """Yield number, hash, counts, time and source of the signed heads, in the order of the chain."""
        for seq, hash_, counts, at, source in self._file.execute("SELECT * FROM heads ORDER BY seq, at"):
            yield seq, hash_, json.loads(counts), at, source


def _raw(digest: str) -> bytes:
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return b""


def _range(table: str) -> tuple[str, str]:
    return f"{table}/", f"{table}0"
