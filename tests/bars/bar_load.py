"""Durable result posts: how many a second, and how long one takes, with the load generator on the same machine.

The server is a process of its own on SQLite with ``synchronous=FULL``. Screenings, and the rows of scans, are put
before the clock starts; what is measured are single ``PUT /api/v1/results/{id}`` requests with bodies of everyday
size, sent by another process over kept connections.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from figures import Sheet, progress, run

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from load_server import Server, make_tokens, put_screenings, result_body, start_server
from sqlalchemy import select

from service.api.database import Database
from service.api.events.verification import verify_chain
from service.api.permissions import Role
from service.api.tables import Result

#: What the bar asks for: posts a second for so long, and a 99th percentile at a rate.
POSTS, SECONDS, RATE, P99_MS = 300, 60.0, 100, 50.0
#: Kept connections: a bench has one.
CONNECTIONS = 16
#: Results there are places for, s times a rate no machine of this kind reaches.
_MOST = 900


def measure(sheet: Sheet) -> None:
    """Send results as fast as they are answered, then at a rate; then look whether all are there."""
    given = sheet.given
    home = sheet.work / "home"
    path = home / "server" / "opioscan.sqlite3"
    sheet.tell("fsync of a page appended, median and p99", _fsync(sheet.work))
    with Database(path) as database:
        token = make_tokens(database, Role.BENCH)[Role.BENCH]
        needed = round(given.seconds * _MOST + given.rate_seconds * RATE)
        progress(f"opening screenings for {needed} results")
        places = put_screenings(database, needed)
    at = round(given.seconds * _MOST)
    server = start_server(home)
    try:
        order = {"host": server.host, "port": server.port, "token": token, "body": result_body()}
        progress("as fast as they are answered")
        fast = _send(server, order, places[:at], CONNECTIONS, given.seconds, 0.0)
        progress(f"at {RATE} a second")
        slow = _send(server, order, places[at:], CONNECTIONS, given.rate_seconds, RATE)
        memory = server.memory("VmHWM")
    finally:
        server.stop()
    count = len(fast["accepted"]) / fast["seconds"]
    sheet.add(
        f"durable result posts a second over {given.seconds:g} s, {CONNECTIONS} connections",
        f"≥ {POSTS}",
        f"{count:.0f}",
        passed=count >= POSTS,
    )
    sheet.tell("the same: p50, p95, p99", _percentiles(fast["took"]))
    sheet.tell("processor time a post, server and generator", _busy(fast))
    p99 = quantiles(slow["took"], n=100)[98] * 1000
    sheet.at_most(f"p99 at {RATE} posts a second over {given.rate_seconds:g} s", P99_MS, p99, "ms")
    sheet.tell("the same: p50, p95, p99", _percentiles(slow["took"]))
    sheet.tell("server's memory at most", f"{memory:.0f} MB")
    refused = {status: n for one in (fast, slow) for status, n in one["statuses"].items() if status != "201"}
    sheet.none_of("posts not answered with 201", [f"{n} × {status}" for status, n in refused.items()])
    _check(sheet, path, [*fast["accepted"], *slow["accepted"]])


def _send(
    server: Server, order: dict[str, Any], places: Any, connections: int, seconds: float, rate: float
) -> dict[str, Any]:
    whole = {**order, "places": places, "connections": connections, "seconds": seconds, "rate": rate}
    before = server.busy()
    command = [sys.executable, str(Path(__file__).with_name("load_client.py"))]
    done = subprocess.run(
        command,
        input=json.dumps(whole) + "\n",
        capture_output=True,
        text=True,
        timeout=seconds * 3 + 60,
        check=False,
    )
    if done.returncode:
        sys.exit(f"the generator failed: {done.stderr.strip()[-400:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "server_busy": server.busy() - before}


def _busy(found: dict[str, Any]) -> str:
    count = max(1, len(found["took"]))
    return f"{found['server_busy'] / count * 1000:.2f} ms, {found['busy'] / count * 1000:.2f} ms"


def _percentiles(took: list[float]) -> str:
    cuts = quantiles(took, n=100)
    return ", ".join(f"{cuts[at - 1] * 1000:.1f}" for at in (50, 95, 99)) + " ms"


def _check(sheet: Sheet, path: Path, accepted: list[str]) -> None:
    progress("looking whether all are there")
    with Database(path) as database, database.read() as session:
        kept = set(session.scalars(select(Result.result_id)))
        faults = verify_chain(session)
    sheet.none_of("accepted results that are not there", sorted(set(accepted) - kept))
    sheet.none_of("results there that nobody was told of", sorted(kept - set(accepted)))
    sheet.none_of("faults of the chain and the records", [f"{one.where} {one.what}" for one in faults])


def _fsync(folder: Path) -> str:
    took = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(300):
            file.write(os.urandom(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return f"{median(took) * 1000:.2f} ms, {quantiles(took, n=100)[98] * 1000:.2f} ms"


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=SECONDS, help="as fast as they are answered, s")
    parser.add_argument("--rate-seconds", type=float, default=SECONDS / 2, help=f"at {RATE} a second, s")


if __name__ == "__main__":
    run(measure, _options)
