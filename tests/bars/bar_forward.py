"""Store and forward: thousands of results over a bad network to a server that is killed: none lost, none doubled.

Benches are processes with the real outbox, flusher and uplink; their results are made up, and labelled so.
"""

import argparse
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from figures import Sheet, opioscan, progress, run
from forward_proxy import BadNetwork
from station import Program

RESULTS, BENCHES = 10_000, 4
#: Pause between troubles, s: a server is killed, or the whole network is away for some seconds, in turn.
PAUSE_S, CUT_S = (15.0, 30.0), 3.0
#: Longest that a run may take, s.
LIMIT_S = 600.0
PAGE = 200


class Servers:
    """One or more server processes on one database, of which one at a time is killed."""

    def __init__(self, sheet: Sheet, database: list[str], count: int) -> None:
        self._env = {**os.environ, "OPIOSCAN_HOME": str(sheet.work / "server"), "NO_COLOR": "1"}
        # The bar asks more than any parcel system does.
        self._env["OPIOSCAN_RATE_PER_S"] = "0"
        self._log, self._database = sheet.work / "programs.log", database
        self.ports = [_free_port() for _ in range(count)]
        self.programs = [self._start(port) for port in self.ports]
        self.kills = 0

    def token(self, role: str) -> str:
        """Return a token of a role."""
        made = self._program("token", "create", "--role", role, "--json")
        made.stop()
        return str(made.about["token"])

    def kill_one(self, which: int) -> None:
        """SIGKILL a server and start it again."""
        self.programs[which].kill()
        self.kills += 1
        time.sleep(0.5)
        self.programs[which] = self._start(self.ports[which])

    def stop(self) -> None:
        """Stop them all."""
        for one in self.programs:
            one.stop()

    def _start(self, port: int) -> Program:
        return self._program("serve", "--port", str(port), "--json")

    def _program(self, *arguments: str) -> Program:
        return Program(*arguments, *self._database, env=self._env, log=self._log)


def measure(sheet: Sheet) -> None:
    """Let the benches work through a bad network, then ask the server for everything."""
    with ExitStack() as stack:
        database, count = _database(sheet, stack)
        servers = Servers(sheet, database, count)
        stack.callback(servers.stop)
        network = BadNetwork(servers.ports, seed=sheet.given.seed)
        stack.callback(network.close)
        tokens = [servers.token("bench") for _ in range(BENCHES)]
        admin = servers.token("admin")
        began = time.monotonic()
        told = _work(sheet, servers, network, tokens)
        took = time.monotonic() - began
        progress("asking the server for everything")
        _judge(sheet, servers, told, admin)
        _figures(sheet, told, took, servers.kills, network.done)
        _chain(sheet, database)


def _work(sheet: Sheet, servers: Servers, network: BadNetwork, tokens: list[str]) -> list[dict[str, Any]]:
    """Run the benches while the network and the servers fail; return what each bench says."""
    each = sheet.given.results // BENCHES
    benches = [_bench(sheet, f"bench-{n + 1}", each, network.port, tokens[n]) for n in range(BENCHES)]
    over = threading.Event()
    trouble = threading.Thread(target=_trouble, args=(servers, network, over), daemon=True)
    trouble.start()
    told = []
    for one in benches:
        out, _ = one.communicate(timeout=LIMIT_S + 200)
        told.append(json.loads(out))
    over.set()
    trouble.join(60)
    return told


def _bench(sheet: Sheet, name: str, results: int, port: int, token: str) -> "subprocess.Popen[str]":
    program = str(Path(__file__).with_name("forward_bench.py"))
    options = ["--home", str(sheet.work / name), "--bench", name, "--results", str(results)]
    bench = subprocess.Popen(
        [sys.executable, program, *options, "--server", f"http://127.0.0.1:{port}"],
        env={**os.environ, "PYTHONPATH": str(sheet.root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert bench.stdin is not None
    bench.stdin.write(token + "\n")
    bench.stdin.flush()
    return bench


def _trouble(servers: Servers, network: BadNetwork, over: threading.Event) -> None:
    chance = random.Random(7)  # noqa: S311
    for turn in itertools.count():
        if over.wait(chance.uniform(*PAUSE_S)):
            return
        if turn % 2:
            network.cut.set()
            over.wait(CUT_S)
            network.cut.clear()
        else:
            servers.kill_one(chance.randrange(len(servers.ports)))
        progress(f"trouble {turn + 1}: {dict(network.done)}, {servers.kills} kills")


def _judge(sheet: Sheet, servers: Servers, told: list[dict[str, Any]], admin: str) -> None:
    """Hold what the server has against what the benches sent."""
    sent = [name for one in told for name in one["ids"]]
    with httpx.Client(
        base_url=f"http://127.0.0.1:{servers.ports[0]}/api/v1",
        headers={"Authorization": f"Bearer {admin}"},
        timeout=60,
    ) as http:
        events = list(_events(http))
    accepted = [one["data"]["result_id"] for one in events if one["type"] == "result.accepted"]
    counted = Counter(accepted)
    sheet.none_of("results lost", [name for name in sent if name not in counted])
    sheet.none_of("results doubled", [name for name, number in counted.items() if number > 1])
    sheet.none_of("results of nobody", list(counted.keys() - set(sent)))
    place = {name: index for index, name in enumerate(accepted)}
    wrong = []
    for one in told:
        order = [place[name] for name in one["ids"] if name in place]
        wrong += [one["ids"][n] for n in range(1, len(order)) if order[n] < order[n - 1]]
    sheet.none_of("results out of their bench's order", wrong)
    sheet.none_of("results before their scan", _before_their_scan(events))
    refused = [words for one in told for words in one["refusals"]]
    sheet.none_of("operations refused", refused)
    completed = Counter(one["data"]["screening_id"] for one in events if one["type"] == "screening.completed")
    amended = sum(one["type"] == "screening.amended" for one in events)
    sheet.tell("screenings completed, amended", f"{len(completed)}, {amended}")
    sheet.none_of("screenings completed twice", [name for name, number in completed.items() if number > 1])
    sheet.facts["events"] = len(events)


def _before_their_scan(events: list[dict[str, Any]]) -> list[str]:
    stored: set[str] = set()
    wrong = []
    for one in events:
        if one["type"] == "scan.stored":
            stored.add(one["data"]["scan_id"])
        elif one["type"] == "result.accepted" and one["data"]["scan_id"] not in stored:
            wrong.append(one["data"]["result_id"])
    return wrong


def _events(http: httpx.Client) -> Any:
    after = 0
    while True:
        answer = http.get("/events", params={"after": after, "limit": PAGE})
        answer.raise_for_status()
        page = answer.json()
        yield from page["items"]
        if page["next_after"] == after or not page["items"]:
            return
        after = page["next_after"]


def _figures(sheet: Sheet, told: list[dict[str, Any]], took: float, kills: int, done: Counter[str]) -> None:
    total = sum(len(one["ids"]) for one in told)
    ops = sum(one["counts"]["done"] for one in told)
    sheet.add(
        "results sent by all benches",
        str(sheet.given.results),
        str(total),
        passed=total == sheet.given.results,
    )
    sheet.at_most("from the first result to the last one settled", LIMIT_S, took)
    sheet.tell("results and operations a second, all benches", f"{total / took:.1f}, {ops / took:.1f}")
    sheet.tell("servers killed by SIGKILL", str(kills))
    sheet.tell("what the network did", ", ".join(f"{count} × {what}" for what, count in sorted(done.items())))
    waiting = [one["counts"]["pending"] for one in told]
    sheet.add("left in the outboxes", "0", str(sum(waiting)), passed=not any(waiting))
    slowest = max(one["filled_s"] for one in told)
    sheet.tell("until the slowest bench had measured everything", f"{slowest:.1f} s")


def _chain(sheet: Sheet, database: list[str]) -> None:
    """Have the chain of records verified by the command."""
    env = {**os.environ, "OPIOSCAN_HOME": str(sheet.work / "server")}
    command = [opioscan(), "audit", "verify", *database, "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    said = (done.stdout.strip() or done.stderr.strip())[:300]
    sheet.add(
        "opioscan audit verify", "exit 0", f"exit {done.returncode}: {said}", passed=not done.returncode
    )


def _database(sheet: Sheet, stack: ExitStack) -> tuple[list[str], int]:
    """Return the options that name the database, and how many servers work on it."""
    if sheet.given.database == "sqlite":
        return ["--db", str(sheet.work / "server" / "opioscan.sqlite3")], 1
    sys.path.insert(0, str(sheet.root))
    from tests.service.api.postgres import new_database, postgres_server

    url = new_database(stack.enter_context(postgres_server()))
    assert url is not None
    return ["--db", url], 2


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--results", type=int, default=RESULTS)
    parser.add_argument("--seed", type=int, default=1)


if __name__ == "__main__":
    run(measure, _options)
