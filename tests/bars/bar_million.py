"""Reading at a million results: lists, the queue, events, a parcel, a screening, measures; and the server's memory.

The results are simulated and made by the database itself (`million_fill`); what is timed are requests to a server
that is a process of its own on SQLite. Beside what a question takes stands what it takes of the server's processor,
since the first depends on what else the machine does.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

import httpx
from figures import Sheet, progress, run

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from load_server import Server, make_tokens, start_server
from million_counts import count
from million_fill import EACH, RARE, USUAL, fill, uuid_of

from service.api.database import Database
from service.api.permissions import Role

#: What the bar asks for.
P95_MS, MEMORY_MB = 50.0, 300.0
SIZES = (10_000, 100_000, 1_000_000)
#: Requests of each kind at each size, after some that are not timed.
REQUESTS, WARM = 100, 10
API = "/api/v1"

#: All that stands in the rollups, and pieces of them; the longest periods that are told day by day.
MEASURES = (
    "",
    "by=month",
    "by=site",
    "by=bench",
    "by=day",
    "by=week",
    "by=month&since=2025-10-10&until=2026-11-20",
    "by=month&site=site-1&include=training,emulated",
    "by=day&since=2026-08-01&until=2026-11-01",
)


@dataclass(frozen=True, slots=True)
class Took:
    """What requests of one kind took, ms."""

    p50: float
    p95: float
    processor: float

    def __str__(self) -> str:
        return f"{self.p50:.1f} / {self.p95:.1f} / {self.processor:.1f}"


def measure(sheet: Sheet) -> None:
    """Fill a database step by step, and time the same questions at each."""
    home = sheet.work / "home"
    path = home / "server" / "opioscan.sqlite3"
    with Database(path) as database:
        tokens = make_tokens(database, Role.ADMIN, Role.PARCEL_SYSTEM)
    found: dict[int, dict[str, Took]] = {}
    facts: list[list[str]] = []
    before = 0
    for size in (size for size in SIZES if size <= sheet.given.most):
        progress(f"filling to {size} results")
        began = time.monotonic()
        fill(path, before, size)
        counts = count(path, size)
        filled, before = time.monotonic() - began, size
        found[size], memory = _timed(home, size, tokens)
        load = f"{os.getloadavg()[0]:.1f}"
        stored = f"{path.stat().st_size / 1e6:.0f}"
        facts.append([f"{size:,}", f"{memory:.0f}", stored, str(counts), f"{filled:.0f}", load])
    for what, took in found[before].items():
        told = f"{what} at {before:,} results: p95 (p50 {took.p50:.1f} ms, processor {took.processor:.1f} ms)"
        sheet.at_most(told, P95_MS, took.p95, "ms")
    sheet.at_most(f"server's memory at {before:,} results", MEMORY_MB, memory, "MB")
    head = ("ms p50 / p95 / processor", *(f"{size:,}" for size in found))
    sheet.table(head, ([what, *(str(each[what]) for each in found.values())] for what in found[before]))
    sheet.table(("results", "memory, MB", "file, MB", "counts", "filled in, s", "load"), facts)


def _timed(home: Path, size: int, tokens: dict[Role, str]) -> tuple[dict[str, Took], float]:
    server = start_server(home)
    try:
        found = {}
        for role, questions in ((Role.ADMIN, _questions), (Role.PARCEL_SYSTEM, _outside)):
            headers = {"Authorization": f"Bearer {tokens[role]}"}
            with httpx.Client(base_url=server.address + API, headers=headers, timeout=60) as client:
                for what, paths in questions(client, size).items():
                    found[what] = _asked(server, client, paths)
        return found, server.memory("VmHWM")
    finally:
        server.stop()


def _questions(client: httpx.Client, size: int) -> dict[str, Iterator[str]]:
    choice = random.Random(7)

    def each(make: Callable[[int], str]) -> Iterator[str]:
        while True:
            yield make(choice.randrange(size))

    return {
        "parcels": _following(client, "/parcels?limit=50"),
        "results": _following(client, "/results?limit=50"),
        "queue": _following(client, "/parcels/queue?limit=50"),
        "queue of a site": _following(client, "/parcels/queue?limit=50&site=site-1"),
        "a parcel": each(lambda n: f"/parcels/{uuid_of(1, n // EACH)}"),
        "results of a parcel": each(lambda n: f"/parcels/{uuid_of(1, n // EACH)}/results"),
        "parcels of a label": each(lambda n: f"/parcels?item_id=SIMULATED{n // EACH:09d}"),
        "a screening": each(lambda n: f"/screenings/{uuid_of(2, n // EACH)}"),
        "a result": each(lambda n: f"/results/{uuid_of(3, n)}"),
        "events": each(lambda n: f"/events?after={n}"),
        "events of a kind": each(lambda n: f"/events?after={n}&type={USUAL[-1]}"),
        "events of a rare kind": each(lambda n: f"/events?after={n}&type={RARE[0]}"),
        "events of five kinds": each(
            lambda n: f"/events?after={n}&" + "&".join(f"type={one}" for one in (*USUAL[:3], *RARE[:2]))
        ),
        "events of a subject": each(lambda n: f"/events?subject=things/{n // 5}"),
        **{
            f"measures {what}".strip(): each(lambda _, what=what: f"/measures?{what}")  # type: ignore[misc]
            for what in MEASURES
        },
    }


def _outside(client: httpx.Client, size: int) -> dict[str, Iterator[str]]:
    """What a parcel system asks most often."""
    asked = _questions(client, size)
    names = ("parcels", "results of a parcel", "a parcel", "events", "events of a subject")
    return {f"{name}, parcel system": asked[name] for name in names}


def _following(client: httpx.Client, path: str) -> Iterator[str]:
    """Yield the addresses of a list's pages, one after the other, from the beginning again at its end."""
    cursor = ""
    while True:
        here = path + (f"&cursor={cursor}" if cursor else "")
        cursor = client.get(here).json()["next_cursor"] or ""
        yield here


def _asked(server: Server, client: httpx.Client, paths: Iterator[str]) -> Took:
    wanted = list(islice(paths, WARM + REQUESTS))
    for path in wanted[:WARM]:
        _once(client, path)
    before = server.busy()
    took = [_once(client, path) * 1000 for path in wanted[WARM:]]
    processor = (server.busy() - before) * 1000 / REQUESTS
    return Took(median(took), quantiles(took, n=100)[94], processor)


def _once(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    took = time.perf_counter() - began
    if answer.status_code != 200:
        sys.exit(f"{path}: {answer.status_code} {answer.text[:300]}")
    return took


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--most", type=int, default=SIZES[-1], help="results at the end")


if __name__ == "__main__":
    run(measure, _options)
