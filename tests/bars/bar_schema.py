"""The whole OpenAPI document against a real server: Schemathesis with every check, as every role and as nobody.

What is counted comes from the server's own log, not from the client: how many requests it answered, that none was
a 5xx, and that no token got through where the table of permissions says no. The data are random and stay in a
database of their own.
"""

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from figures import Sheet, progress, run
from served import serving, tokens_of

from service.api.permissions import PUBLIC, Role, allowed

#: Requests in all.
WANTED = 20_000
#: Cases for each operation and caller besides those that cover its parameters; seven callers.
EXAMPLES = 3
#: Answers to somebody who may not: who are you, you may not, nothing here, no such method, too large, too slow,
#: no JSON at all, too many.
REFUSED = frozenset({400, 401, 403, 404, 405, 408, 413, 422, 429})
#: Longest for one caller, s.
LIMIT_S = 600.0
_FAILURE = re.compile(r"^- (ST\d+ .*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the server's log tells it."""

    operation: str
    token: str
    status: int


def measure(sheet: Sheet) -> None:
    """Run Schemathesis as every caller, two at a time, and read the server's log."""
    home, log = sheet.work / "home", sheet.work / "server.log"
    tokens = tokens_of(home)
    seed = random.SystemRandom().randrange(2**31)
    secrets = {**{role.value: one.secret for role, one in tokens.items()}, "nobody": ""}
    with serving(home, log, rate_per_s=0) as address:
        failures = _runs(sheet, address, secrets, seed)
    seen = _read(log)
    roles = {one.token_id: role for role, one in tokens.items()}
    sheet.tell("seed of the random data", str(seed))
    sheet.add(
        "requests over the whole OpenAPI, all checks",
        f"≥ {WANTED}",
        str(len(seen)),
        passed=len(seen) >= WANTED,
    )
    sheet.none_of("answers 5xx", [f"{one.operation} {one.status}" for one in seen if one.status >= 500])
    sheet.none_of("failed checks (schema, status, headers, data, auth)", failures)
    sheet.none_of("let through without permission", _holes(seen, roles))
    callers = Counter(roles[one.token].value if one.token in roles else "nobody" for one in seen)
    reached = {(one.operation, one.token) for one in seen if one.status < 300 and one.token in roles}
    sheet.table(
        ["caller", "requests", "operations answered 2xx"],
        [
            [name, str(count), str(sum(roles[token].value == name for _, token in reached))]
            for name, count in sorted(callers.items())
        ],
    )


def _runs(sheet: Sheet, address: str, secrets: dict[str, str], seed: int) -> list[str]:
    failures: list[str] = []
    waiting = list(secrets.items())
    while waiting:
        pair, waiting = waiting[:2], waiting[2:]
        running = [(name, _start(sheet, address, name, secret, seed)) for name, secret in pair]
        for name, process in running:
            code = process.wait(LIMIT_S)
            found = _FAILURE.findall((sheet.work / f"{name}.txt").read_text("utf-8", "replace"))
            progress(f"{name}: exit {code}, {len(found)} failures")
            failures += [f"{name}: {one}" for one in found]
            if code and not found:
                failures.append(f"{name}: schemathesis ended with {code}")
    return failures


def _start(sheet: Sheet, address: str, name: str, secret: str, seed: int) -> "subprocess.Popen[bytes]":
    program, config = (
        Path(sys.executable).with_name("schemathesis"),
        Path(__file__).with_name("schemathesis.toml"),
    )
    command = [str(program), "--config-file", str(config), "run", f"{address}/api/v1/openapi.json"]
    command += ["--checks", "all", "--max-examples", str(EXAMPLES), "--seed", str(seed)]
    command += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-shrink"]
    # It never ends by itself; its own tests read it.
    command += ["--exclude-operation-id", "stream_events"]
    command += ["--suppress-health-check", "all", "--request-timeout", "20", "--warnings", "off"]
    command += ["-H", f"Authorization:Bearer {secret}"] if secret else []
    folder = sheet.work / f"run-{name}"
    folder.mkdir()
    with (sheet.work / f"{name}.txt").open("wb") as said:
        hooks = str(Path(__file__).with_name("schemathesis_hooks.py"))
        env = {**os.environ, "NO_COLOR": "1", "SCHEMATHESIS_HOOKS": hooks}
        return subprocess.Popen(command, stdout=said, stderr=said, cwd=folder, env=env)


def _read(log: Path) -> list[Seen]:
    lines = (json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{"))
    return [Seen(one["operation"], one["token"], one["status"]) for one in lines if "operation" in one]


def _holes(seen: list[Seen], roles: dict[str, Role]) -> list[str]:
    """Return the requests that were answered although their caller may not ask that."""
    found = {
        f"{one.operation} as {roles[one.token].value if one.token in roles else 'nobody'}: {one.status}"
        for one in seen
        if one.operation not in PUBLIC | {"none", "openapi"} and one.status not in REFUSED
        if one.token not in roles or not allowed(one.operation, roles[one.token])
    }
    return sorted(found)


if __name__ == "__main__":
    run(measure)
