"""Events at a million: pages after a number, of few kinds, of rare kinds, about one thing, as each role sees them."""

import argparse
import hashlib
import json
import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from bar_webhooks import HERE, Process
from figures import Sheet, progress, run

from service.api.database import Database
from service.api.permissions import Role
from service.api.tokens.repository import create_token

EVENTS = 1_000_000
ASKED = 300
LIMIT_MS = 50.0

#: Kinds as a screened parcel makes them; the last ones are rare.
USUAL = ("parcel.registered", "screening.opened", "scan.stored", "result.accepted", "screening.completed")
RARE = ("result.flagged", "calibration.stored", "disposition.recorded")
DATA = {"screening_id": "6d7c7a0e-6a50-4d1d-a0f3-8a6f3f1f2d11", "rows": {"x/1": "a" * 64}, "more": "x" * 400}


def measure(sheet: Sheet) -> None:
    """Fill a database with events, and ask for pages of them."""
    folder = sheet.work / "server"
    folder.mkdir()
    path = folder / "opioscan.sqlite3"
    with Database(path) as database, database.write("bar") as change:
        tokens = {role: create_token(change, role)[0] for role in (Role.AUDITOR, Role.PARCEL_SYSTEM)}
    count = sheet.given.events
    progress(f"writing {count} events")
    _fill(path, count)
    server = Process(HERE / "webhook_server.py", folder, 0)
    try:
        url = str(json.loads(server.said)["address"])
        for role, token in tokens.items():
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60) as client:
                for what, params in _questions(count).items():
                    _ask(sheet, client, server, f"{role}: {what}", params)
    finally:
        server.end()


def _questions(count: int) -> dict[str, Callable[[], dict[str, Any]]]:
    def anywhere() -> int:
        return random.randrange(count)  # noqa: S311

    return {
        "50 events from anywhere": lambda: {"after": anywhere()},
        "200 events from anywhere": lambda: {"after": anywhere(), "limit": 200},
        "the newest": lambda: {"after": count},
        "50 of a usual kind from anywhere": lambda: {"after": anywhere(), "type": "screening.completed"},
        "50 of a rare kind from anywhere": lambda: {"after": anywhere(), "type": "result.flagged"},
        "50 of five kinds from anywhere": lambda: {"after": anywhere(), "type": [*USUAL[:3], *RARE[:2]]},
        "of a kind that never was": lambda: {"after": 0, "type": "parcel.merged"},
        "about one subject": lambda: {"subject": f"things/{anywhere() // 5}"},
    }


def _ask(
    sheet: Sheet, client: httpx.Client, server: Process, what: str, params: Callable[[], dict[str, Any]]
) -> None:
    took, before = [], server.cpu_s()
    for _ in range(sheet.given.asked):
        began = time.perf_counter()
        client.get("/events", params=params()).raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    cpu = (server.cpu_s() - before) / len(took) * 1000
    told = f"p95 of {len(took)} (p50 {p50:.1f} ms, processor {cpu:.1f} ms)"
    sheet.at_most(f"{what}, {told}", LIMIT_MS, p95, "ms")


def _fill(path: Path, count: int) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        seq, last = raw.execute("SELECT seq, hash FROM chain_head").fetchone()
        raw.execute("PRAGMA synchronous=OFF")
        rows = _rows(seq, count - seq, last)
        raw.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        found = raw.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        raw.execute("UPDATE chain_head SET seq = ?, hash = ?", found)


def _rows(after: int, count: int, last: str) -> Iterator[tuple[Any, ...]]:
    """Yield events whose hashes look like hashes; nobody checks them here."""
    data = json.dumps(DATA)
    for seq in range(after + 1, after + count + 1):
        kind = RARE[seq // 5000 % 3] if seq % 5000 == 0 else USUAL[seq % 5]
        found = hashlib.sha256(last.encode()).hexdigest()
        place = f"things/{seq // 5}"
        yield seq, kind, "2026-11-22T12:00:00.000000Z", "token:x", place, data, last, found
        last = found


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=EVENTS, help="events in the database")
    parser.add_argument("--asked", type=int, default=ASKED, help="requests of each kind")


if __name__ == "__main__":
    run(measure, _options)
