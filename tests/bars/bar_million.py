"""Reading at a million results: lists, a parcel's results, a screening, measures; and the server's memory.

The results are simulated and put in by plain statements (`million_fill`); what is timed are requests to a server
that is a process of its own on SQLite.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles

import httpx
from figures import Sheet, progress, run

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from load_server import make_tokens, start_server
from million_fill import fill
from sqlalchemy import select

from service.api.database import Database
from service.api.permissions import Role
from service.api.tables import Screening

#: What the bar asks for.
P95_MS, MEMORY_MB = 50.0, 300.0
SIZES = (10_000, 100_000, 1_000_000)
#: Requests of each kind at each size.
REQUESTS = 100
API = "/api/v1"

Ask = Callable[[httpx.Client], httpx.Response]


def measure(sheet: Sheet) -> None:
    """Fill a database step by step, and time the same questions at each."""
    home = sheet.work / "home"
    path = home / "server" / "opioscan.sqlite3"
    sizes = [size for size in SIZES if size <= sheet.given.most]
    rows, before, parcels = [], 0, []
    with Database(path) as database:
        token = make_tokens(database, Role.ADMIN)[Role.ADMIN]
    for size in sizes:
        progress(f"filling to {size} results")
        began = time.monotonic()
        with Database(path) as database:
            parcels += fill(database, before, size)
        filled, before = time.monotonic() - began, size
        found, memory = _timed(sheet, home, path, token, parcels)
        rows.append(
            [
                f"{size:,}",
                *(f"{median(took) * 1000:.1f} / {_p95(took):.1f}" for took in found.values()),
                f"{memory:.0f}",
                f"{path.stat().st_size / 1e6:.0f}",
                f"{filled:.0f}",
            ]
        )
    for what, took in found.items():
        sheet.at_most(f"{what} at {size:,} results: p95", P95_MS, _p95(took), "ms")
    sheet.at_most(f"server's memory at {size:,} results", MEMORY_MB, memory, "MB")
    head = ("results", *(f"{what}, ms p50 / p95" for what in found), "memory, MB", "file, MB", "filled in, s")
    sheet.table(head, rows)


def _timed(
    sheet: Sheet, home: Path, path: Path, token: str, parcels: list[str]
) -> tuple[dict[str, list[float]], float]:
    choice = random.Random(7)
    with Database(path) as database, database.read() as session:
        wanted = select(Screening.screening_id).where(Screening.parcel_id.in_(parcels[-50:]))
        screenings = list(session.scalars(wanted))
    server = start_server(home)
    try:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.address + API, headers=headers, timeout=60) as client:
            asks: dict[str, Iterator[str]] = {
                "list of parcels": _following(client, "/parcels"),
                "list of results": _following(client, "/results"),
                "results of a parcel": iter(lambda: f"/parcels/{choice.choice(parcels)}/results", ""),
                "a parcel": iter(lambda: f"/parcels/{choice.choice(parcels)}", ""),
                "a screening": iter(lambda: f"/screenings/{choice.choice(screenings)}", ""),
                "measures": iter(lambda: "/measures?by=day", ""),
            }
            if client.get("/measures?by=day").status_code == 404:
                sheet.tell("measures", "no such route yet")
                del asks["measures"]
            found = {
                what: [_once(client, next(paths)) for _ in range(REQUESTS)] for what, paths in asks.items()
            }
        return found, server.memory("VmHWM")
    finally:
        server.stop()


def _following(client: httpx.Client, path: str) -> Iterator[str]:
    """Yield the addresses of a list's pages, one after the other; the fetching for a cursor is not timed."""
    cursor = ""
    while True:
        here = f"{path}?limit=50" + (f"&cursor={cursor}" if cursor else "")
        yield here
        cursor = client.get(here).json()["next_cursor"] or ""


def _once(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    took = time.perf_counter() - began
    if answer.status_code != 200:
        sys.exit(f"{path}: {answer.status_code} {answer.text[:300]}")
    return took


def _p95(took: list[float]) -> float:
    return quantiles(took, n=100)[94] * 1000


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--most", type=int, default=SIZES[-1], help="results at the end")


if __name__ == "__main__":
    run(measure, _options)
