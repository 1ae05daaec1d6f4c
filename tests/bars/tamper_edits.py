"""Edits of a database by somebody who can write the file: of rows, of events, and of the whole chain after it."""

import json
import random
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from service.api.events import chain
from service.api.events.sealing import make_sealer, sealed_tables

EVENT = ("seq", "type", "at", "actor", "subject", "data", "prev_hash", "hash")


@dataclass(frozen=True, slots=True)
class Edit:
    """What was done, and what a proof has to say of it."""

    what: str
    """In words, for whoever asks."""
    event: int | None
    """Number of the first bad event; None where no event is concerned."""
    where: str
    """What has to be named: a row, the head; empty where the event is enough."""


class Tampered:
    """A copy of a database, open for edits.

    Parameters
    ----------
    raw
        The copy.
    rng
        Chooses.
    last
        Row → last event that tells of it, as the untouched chain has it.
    """

    def __init__(self, raw: sqlite3.Connection, rng: random.Random, last: dict[str, int]) -> None:
        self.raw, self.rng, self.last = raw, rng, last
        self.tables = [one for one in sealed_tables() if self._count(one.name)]
        self.events = self._count("events")

    def value_of_row(self) -> Edit:
        """Change one value of a row of any sealed table, its key included."""
        table = self.rng.choice(self.tables)
        key, place = self._row(table.name)
        column = self.rng.choice([one.name for one in table.columns])
        before = self._one(f"SELECT {column} FROM {table.name} WHERE {place[0]}", place[1])
        after = self._other(before, boolean=str(table.columns[column].type) == "BOOLEAN")
        self.raw.execute(f"UPDATE {table.name} SET {column} = ? WHERE {place[0]}", (after, *place[1]))
        return Edit(f"{key}.{column}: {before!r:.40} → {after!r:.40}", self.last[key], key)

    def row_removed(self) -> Edit:
        """Remove a row of any sealed table."""
        key, place = self._row(self.rng.choice(self.tables).name)
        self.raw.execute(f"DELETE FROM {key.partition('/')[0]} WHERE {place[0]}", place[1])
        return Edit(f"{key} removed", self.last[key], key)

    def rows_swapped(self) -> Edit:
        """Let two rows of a table change places."""
        table = self.rng.choice([one for one in self.tables if self._count(one.name) > 1])
        sealer = make_sealer(table)
        while True:
            found = self.raw.execute(f"SELECT * FROM {table.name} ORDER BY random() LIMIT 2")
            names = [one[0] for one in found.description]
            one, other = (dict(zip(names, row, strict=True)) for row in found.fetchall())
            swapped = [{**b, **{k: a[k] for k in sealer.keys}} for a, b in ((one, other), (other, one))]
            if swapped != [one, other]:
                break
            table = self.rng.choice([each for each in self.tables if self._count(each.name) > 1])
            sealer = make_sealer(table)
        keys = [sealer.key(row) for row in (one, other)]
        place = " AND ".join(f"{name} = ?" for name in sealer.keys)
        for row in (one, other):
            self.raw.execute(f"DELETE FROM {table.name} WHERE {place}", [row[k] for k in sealer.keys])
        for row in swapped:
            self._insert(table.name, row)
        changed = [key for key, a, b in zip(keys, (one, other), swapped, strict=True) if a != b]
        first = min(changed, key=self.last.__getitem__)
        return Edit(f"{keys} swapped", self.last[first], first)

    def row_inserted(self) -> Edit:
        """Put in a row that looks like another."""
        table = self.rng.choice(self.tables)
        found = self.raw.execute(f"SELECT * FROM {table.name} ORDER BY random() LIMIT 1")
        row = dict(zip([one[0] for one in found.description], found.fetchone(), strict=True))
        sealer = make_sealer(table)
        for column in table.columns:
            if column.name in sealer.keys or column.unique:
                number = isinstance(row[column.name], int)
                row[column.name] = self.rng.randint(10**6, 10**7) if number else uuid.uuid4().hex
        self._insert(table.name, row)
        return Edit(f"{sealer.key(row)} inserted", None, sealer.key(row))

    def use_changed(self) -> Edit:
        """Change or remove what a result is said to depend on."""
        row, kind, value = self.raw.execute(
            "SELECT result_row, kind, value FROM result_uses ORDER BY random() LIMIT 1"
        ).fetchone()
        place = "WHERE result_row = ? AND kind = ? AND value = ?"
        if self.rng.random() < 0.5:
            self.raw.execute(f"DELETE FROM result_uses {place}", (row, kind, value))
        else:
            self.raw.execute(f"UPDATE result_uses SET value = 'x' || value {place}", (row, kind, value))
        return Edit(f"use {kind} of result {row}", self.last[f"results/{row}"], f"results/{row}")

    def value_of_event(self) -> Edit:
        """Change one value of an event."""
        seq, column = self.rng.randint(1, self.events), self.rng.choice(EVENT)
        before = self._one(f"SELECT {column} FROM events WHERE seq = ?", (seq,))
        after = self.events + 10 if column == "seq" else self._other(before)
        self.raw.execute(f"UPDATE events SET {column} = ? WHERE seq = ?", (after, seq))
        return Edit(f"event {seq}.{column}", seq, "")

    def event_removed(self) -> Edit:
        """Remove an event."""
        seq = self.rng.randint(1, self.events)
        self.raw.execute("DELETE FROM events WHERE seq = ?", (seq,))
        return Edit(f"event {seq} removed", seq, "")

    def events_swapped(self) -> Edit:
        """Let two events change places."""
        one, other = sorted(self.rng.sample(range(1, self.events + 1), 2))
        for before, after in ((one, -1), (other, one), (-1, other)):
            self.raw.execute("UPDATE events SET seq = ? WHERE seq = ?", (after, before))
        return Edit(f"events {one} and {other} swapped", one, "")

    def tail_cut(self) -> Edit:
        """Cut events off the end, and write the head as if they had never been."""
        left = self.events - self.rng.randint(1, min(200, self.events - 1))
        self.raw.execute("DELETE FROM events WHERE seq > ?", (left,))
        self._head()
        if self.rng.random() < 0.5:
            # With the rows they tell of, as if nothing had happened.
            for table in self.tables:
                sealer = make_sealer(table)
                names = list(sealer.keys)
                for values in self.raw.execute(f"SELECT {', '.join(names)} FROM {table.name}").fetchall():
                    if self.last[sealer.key(dict(zip(names, values, strict=True)))] > left:
                        place = " AND ".join(f"{name} = ?" for name in names)
                        self.raw.execute(f"DELETE FROM {table.name} WHERE {place}", values)
        return Edit(f"cut after event {left}", left + 1, "")

    def head_replaced(self) -> Edit:
        """Write another head."""
        column = self.rng.choice(["seq", "hash", "counts"])
        before = self._one(f"SELECT {column} FROM chain_head", ())
        after = self._other(before)
        if column == "counts":
            after = json.dumps({**json.loads(str(before)), "result.accepted": 1})
        self.raw.execute(f"UPDATE chain_head SET {column} = ?", (after,))
        return Edit(f"head.{column}", None, "head")

    def event_slipped_in(self) -> Edit:
        """Slip in an event, number all after it anew, and make all hashes and the head fit."""
        seq = self.rng.randint(1, self.events)
        self._rebuilt(lambda links: links.insert(seq - 1, {**links[seq - 1], "actor": "cli:somebody"}))
        return Edit(f"event slipped in at {seq}", seq, "")

    def event_rewritten(self) -> Edit:
        """Write an event anew, and make all hashes and the head fit."""
        seq = self.rng.randint(1, self.events)
        self._rebuilt(lambda links: links[seq - 1].update(actor="cli:somebody"))
        return Edit(f"event {seq} rewritten", seq, "")

    def row_and_event_rewritten(self) -> Edit:
        """Change a verdict, the digest of its row in the event, and make all hashes and the head fit."""
        found = self.raw.execute("SELECT * FROM results ORDER BY random() LIMIT 1")
        row = dict(zip([one[0] for one in found.description], found.fetchone(), strict=True))
        row["verdict"] = "no_alarm" if row["verdict"] != "no_alarm" else "alarm_named"
        sealer = make_sealer(next(one for one in self.tables if one.name == "results"))
        self.raw.execute("UPDATE results SET verdict = ? WHERE row = ?", (row["verdict"], row["row"]))
        seq = self.last[sealer.key(row)]

        def rewrite(links: list[dict[str, object]]) -> None:
            data = json.loads(str(links[seq - 1]["data"]))
            data["rows"][sealer.key(row)], data["verdict"] = sealer.digest(row), row["verdict"]
            links[seq - 1]["data"] = chain.canonical(data)

        self._rebuilt(rewrite)
        return Edit(f"{sealer.key(row)} and event {seq} rewritten", seq, "")

    def _rebuilt(self, edit: Callable[[list[dict[str, object]]], None]) -> None:
        found = self.raw.execute(f"SELECT {', '.join(EVENT)} FROM events ORDER BY seq").fetchall()
        links = [dict(zip(EVENT, row, strict=True)) for row in found]
        edit(links)
        last = chain.FIRST
        self.raw.execute("DELETE FROM events")
        for number, link in enumerate(links, 1):
            link |= {"seq": number, "prev_hash": last}
            last = link["hash"] = chain.link_hash(link)
            self._insert("events", link)
        self._head()

    def _head(self) -> None:
        seq, last = self.raw.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        kinds = Counter(kind for (kind,) in self.raw.execute("SELECT type FROM events"))
        self.raw.execute(
            "UPDATE chain_head SET seq = ?, hash = ?, counts = ?", (seq, last, chain.counts_text(kinds))
        )

    def _row(self, table: str) -> tuple[str, tuple[str, list[object]]]:
        sealer = make_sealer(next(one for one in self.tables if one.name == table))
        found = self.raw.execute(f"SELECT {', '.join(sealer.keys)} FROM {table}").fetchall()
        values = self.rng.choice(found)
        place = " AND ".join(f"{name} = ?" for name in sealer.keys)
        return sealer.key(dict(zip(sealer.keys, values, strict=True))), (place, list(values))

    def _other(self, value: object, *, boolean: bool = False) -> object:
        if value is None:
            return self.rng.choice([1, "x"]) if not boolean else 1
        if isinstance(value, bytes):
            return self.rng.choice([b"", value + b"\0", bytes(one ^ 1 for one in value)])
        if isinstance(value, int):
            return 1 - value if boolean else value + self.rng.choice([1, 7, 10**6])
        if isinstance(value, float):
            return value + 0.5
        text = str(value)
        place = self.rng.randrange(len(text)) if text else 0
        swapped = "1" if text[place : place + 1] != "1" else "2"
        kept = text[:place] + swapped + text[place + 1 :]
        return self.rng.choice([kept, f"{text} ", text[:-1] if text else "x", "", None] if text else ["x"])

    def _insert(self, table: str, row: dict[str, object]) -> None:
        marks = ", ".join("?" * len(row))
        self.raw.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def _count(self, table: str) -> int:
        return int(str(self._one(f"SELECT count(*) FROM {table}", ())))

    def _one(self, query: str, values: object) -> object:
        return self.raw.execute(query, values).fetchone()[0]  # type: ignore[call-overload]


#: Kind of edit → how, and how many of a thousand.
KINDS: dict[str, tuple[Callable[[Tampered], Edit], int]] = {
    "value of a row changed": (Tampered.value_of_row, 330),
    "row removed": (Tampered.row_removed, 80),
    "rows swapped": (Tampered.rows_swapped, 80),
    "row inserted": (Tampered.row_inserted, 60),
    "use of a result changed": (Tampered.use_changed, 40),
    "value of an event changed": (Tampered.value_of_event, 150),
    "event removed": (Tampered.event_removed, 40),
    "events swapped": (Tampered.events_swapped, 40),
    "tail cut, head rewritten": (Tampered.tail_cut, 50),
    "head replaced": (Tampered.head_replaced, 30),
    "event slipped in, chain made anew": (Tampered.event_slipped_in, 40),
    "event rewritten, chain made anew": (Tampered.event_rewritten, 30),
    "row and event rewritten, chain made anew": (Tampered.row_and_event_rewritten, 30),
}
