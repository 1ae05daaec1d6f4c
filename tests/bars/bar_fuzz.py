"""Hostile inputs for every parser: no exception outside the error tree, no unbounded memory, none slow."""

import argparse
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from figures import Sheet, progress, run
from fuzz_target import targets

INPUTS = 100_000
#: Parsers at the same time.
PROCESSES = 2
#: A parser may take so long for each input on average, besides its start, s.
EACH_S = 0.01
START_S = 60.0
#: Inputs that may end the worker's process before it is given up.
CRASHES = 20
#: The slowest first, so that none of them runs alone at the end.
SLOW_FIRST = ("scan file: description", "devices.toml", "spectra: JCAMP-DX", "control line", "scan file")


def measure(sheet: Sheet) -> None:
    """Fuzz every parser, two at a time."""
    names = sorted(targets(), key=lambda name: (SLOW_FIRST.index(name) if name in SLOW_FIRST else 99, name))
    wanted = sheet.given.parser or names
    lock = threading.Lock()

    def fuzz(number: int, name: str) -> dict[str, Any]:
        folder = sheet.work / f"{number:02d}"
        folder.mkdir(exist_ok=True)
        found = _fuzzed(folder / "last", name, sheet.given.inputs)
        with lock:
            progress(f"{name}: {_words(found)}")
        return found

    with ThreadPoolExecutor(PROCESSES) as pool:
        results = dict(zip(wanted, pool.map(fuzz, range(len(wanted)), wanted), strict=True))
    sheet.facts["parsers"] = results
    least = min(found.get("inputs", 0) for found in results.values())
    sheet.add(
        f"inputs for each of {len(results)} parsers",
        f"≥ {INPUTS}",
        str(least),
        passed=least >= INPUTS,
    )
    sheet.none_of("parsers that could not be fuzzed", _with(results, "broken"))
    sheet.none_of("exceptions outside the error tree", list(_failures(results)))
    sheet.none_of("parsers that grew without bound", _with(results, "unbounded"))
    sheet.none_of("parsers with an input slower than 1 s", _with(results, "slow"))
    sheet.table(
        ("parser", "inputs", "accepted", "refused", "failed", "slowest ms", "growth MiB", "s"),
        [_row(name, found) for name, found in results.items()],
    )


def _fuzzed(last: Path, name: str, inputs: int) -> dict[str, Any]:
    """Run the worker of a parser, again behind each input that ended it; return what came out in all."""
    total: dict[str, Any] = {"inputs": 0, "failures": {}}
    deadline = time.monotonic() + START_S + EACH_S * inputs
    for _ in range(CRASHES + 1):
        last.unlink(missing_ok=True)
        command = [sys.executable, str(Path(__file__).with_name("fuzz_worker.py")), name]
        command += ["--start", str(total["inputs"]), "--inputs", str(inputs), "--last", str(last)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=deadline - time.monotonic()
            )
        except subprocess.TimeoutExpired:
            return {**total, "broken": f"only {total['inputs']} inputs in time"}
        for line in done.stdout.splitlines()[-1:]:
            _add(total, json.loads(line))
        if done.returncode == 0:
            return total
        said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        under_way = _under_way(last)
        if done.returncode > 0 or under_way is None:
            return {**total, "broken": f"exit {done.returncode}: {said[:200]}"}
        number, data = under_way
        kind = f"the process ended by {signal.Signals(-done.returncode).name}"
        failure = {"words": said[:200], "input": data.hex()[:20000], "count": 0}
        total["failures"].setdefault(kind, failure)["count"] += 1
        total["failed"] = total.get("failed", 0) + 1
        total["inputs"] = number + 1
    return {**total, "broken": f"more than {CRASHES} inputs ended the process"}


def _add(total: dict[str, Any], found: dict[str, Any]) -> None:
    """Add what one run of the worker told."""
    for key in ("inputs", "accepted", "refused", "failed", "seconds"):
        total[key] = round(total.get(key, 0) + found[key], 1)
    for key in ("slowest_s", "growth_mib", "slow", "unbounded"):
        total[key] = max(total.get(key, 0), found[key])
    for kind, failure in found["failures"].items():
        known = total["failures"].setdefault(kind, {**failure, "count": 0})
        known["count"] += failure["count"]


def _under_way(last: Path) -> tuple[int, bytes] | None:
    """Return number and bytes of the input a worker last began with."""
    data = last.read_bytes() if last.exists() else b""
    if len(data) < 16:
        return None
    number, size = (int.from_bytes(data[at : at + 8], "little") for at in (0, 8))
    return number, data[16 : 16 + size]


def _with(results: dict[str, dict[str, Any]], what: str) -> list[str]:
    return [f"{name} ({found[what]})" for name, found in results.items() if found.get(what)]


def _failures(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, found in results.items():
        for kind, failure in found.get("failures", {}).items():
            yield f"{name}: {failure['count']} × {kind}"


def _words(found: dict[str, Any]) -> str:
    if "broken" in found:
        return f"{found['broken']}; {found['failures'] and list(found['failures'])}"
    return (
        f"{found['failed']} of {found['inputs']} failed, {found['accepted']} accepted, {found['seconds']} s"
    )


def _row(name: str, found: dict[str, Any]) -> tuple[str, ...]:
    counts = [f"{found.get(key, 0):.0f}" for key in ("inputs", "accepted", "refused", "failed")]
    return (
        name,
        *counts,
        f"{1000 * found.get('slowest_s', 0):.0f}",
        f"{found.get('growth_mib', 0):.0f}",
        f"{found.get('seconds', 0):.0f}",
    )


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inputs", type=int, default=INPUTS, help="fuzzed inputs for each parser")
    parser.add_argument("--parser", action="append", help="only this one")


if __name__ == "__main__":
    run(measure, _options)
