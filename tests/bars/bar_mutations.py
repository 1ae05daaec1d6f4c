"""Random damage to valid files of every format: no crash, no hang, no memory without bound, no silent error."""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from figures import Sheet, progress, run
from mutations_seeds import Seed, seeds_by_reader
from mutations_worker import LANES, MEMORY, OUTCOMES, planned

MUTATIONS = 100_000
#: Inputs that may end a worker's process before the lane is given up.
CRASHES = 20
#: A worker that does not finish an input in this time is ended; its own watch counts processor time, s.
STUCK_S = 30.0


def measure(sheet: Sheet) -> None:
    """Read randomly damaged files of every format in two processes."""
    total = sheet.given.mutations
    seeds = seeds_by_reader(sheet.shared)
    (sheet.work / "outcomes").write_bytes(bytes(total))
    with ThreadPoolExecutor(LANES) as pool:
        broken = [why for why in pool.map(lambda lane: _lane(sheet, lane), range(LANES)) if why]
    outcomes = (sheet.work / "outcomes").read_bytes()
    counts = _counted(outcomes, seeds)
    told = [json.loads(path.read_text()) for path in sheet.work.glob("told.*")]
    slowest = _slowest(told)
    peak = max((one["peak_mib"] for one in told), default=0.0)
    failures = [json.loads(line) for path in sheet.work.glob("failures.*") for line in path.open()]
    sheet.facts |= {"failures": failures, "broken": broken, "seeds": _named(seeds)}
    done = sum(letter != 0 for letter in outcomes)
    files = sum(map(len, seeds.values()))
    sheet.add(
        f"mutations of {files} valid files over {len(seeds)} readers", f"≥ {MUTATIONS}", str(done),
        passed=done >= MUTATIONS,
    )  # fmt: skip
    sheet.none_of("processes that could not go on", broken)
    sheet.none_of("exceptions outside the error tree, or crashes", _some(failures, counts, "XK"))
    sheet.none_of("inputs without an end after 2 s", _some(failures, counts, "H"))
    sheet.at_most("most memory of a process", MEMORY / 2**20, peak, "MiB")
    sheet.none_of("damage a check covers, decoded silently to other numbers", _some(failures, counts, "W"))
    every = sum(counts["reader"].values(), Counter())
    for letter in "ctm":
        sheet.tell(OUTCOMES[letter], str(every[letter]))
    sheet.tell("slowest input, processor time", f"{max(slowest.values(), default=0):.2f} s")
    sheet.table(_head("reader", "slowest ms"), _rows(counts["reader"], slowest))
    sheet.table(_head("kind of damage"), _rows(counts["kind"]))


def _lane(sheet: Sheet, lane: int) -> str:
    """Run one lane's worker, again behind each input that ended it; return why it was given up."""
    total, start = sheet.given.mutations, 0
    for _ in range(CRASHES + 1):
        command = [sys.executable, str(Path(__file__).with_name("mutations_worker.py")), "--lane", str(lane)]
        command += ["--start", str(start), "--mutations", str(total), "--folder", str(sheet.work)]
        command += ["--shared", str(sheet.shared)] if sheet.shared else []
        last = sheet.work / f"last.{lane}"
        last.write_bytes(b"")
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        watch = threading.Thread(target=_watch, args=(process, last, lane), daemon=True)
        watch.start()
        _, said = process.communicate()
        watch.join()
        if process.returncode == 0:
            return ""
        number = int.from_bytes(last.read_bytes()[:8], "little") if last.stat().st_size >= 8 else None
        if process.returncode > 0 or number is None:
            return f"lane {lane}: exit {process.returncode}: {(said.strip().splitlines() or [''])[-1][:200]}"
        with (sheet.work / "outcomes").open("r+b") as file:
            file.seek(number)
            file.write(b"K")
        start = number + 1
    return f"lane {lane}: more than {CRASHES} inputs ended the process"


def _watch(process: "subprocess.Popen[str]", last: Path, lane: int) -> None:
    """Tell how far a worker is, and end it where it stays with one input."""
    before, since, said = b"", time.monotonic(), 0.0
    while process.poll() is None:
        time.sleep(0.2)
        now, at = last.read_bytes()[:8], time.monotonic()
        if now != before:
            before, since = now, at
        if at - said > 20.0:
            said = at
            progress(f"lane {lane}: at input {int.from_bytes(now, 'little')}")
        # An empty file: the worker still reads its seeds.
        if at - since > STUCK_S * (1 if now else 4):
            process.kill()


def _counted(outcomes: bytes, seeds: dict[str, list[Seed]]) -> dict[str, dict[str, "Counter[str]"]]:
    """Count the letters by reader and by kind; what an input was follows from its number."""
    counts: dict[str, dict[str, Counter[str]]] = {"reader": {}, "kind": {}}
    for number, letter in enumerate(outcomes):
        if letter:
            _, reader, _, kind = planned(number, seeds)
            for group, name in (("reader", reader), ("kind", kind)):
                counts[group].setdefault(name, Counter())[chr(letter)] += 1
    return counts


def _slowest(told: Iterable[dict[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in told:
        for reader, taken in one["slowest_s"].items():
            found[reader] = max(found.get(reader, 0.0), taken)
    return found


def _some(
    failures: list[dict[str, Any]], counts: dict[str, dict[str, "Counter[str]"]], letters: str
) -> list[str]:
    """Return one line for each failure; those that ended a process or were not kept are only counted."""
    wanted = {OUTCOMES[letter] for letter in letters}
    shown = [
        f"{one['reader']} ({one['seed']}, {one['kind']}, number {one['number']}) {one['error']} {one['place']}"
        for one in failures
        if one["what"] in wanted
    ]
    total = sum(found[letter] for found in counts["reader"].values() for letter in letters)
    return shown + [f"another of {total}"] * (total - len(shown))


def _head(first: str, *more: str) -> tuple[str, ...]:
    return (
        first, "inputs", "decoded", "refused", "covered: refused", "true", "told", "silent", "failed", *more
    )  # fmt: skip


def _rows(
    counts: dict[str, "Counter[str]"], slowest: dict[str, float] | None = None
) -> Iterable[tuple[str, ...]]:
    for name, found in sorted(counts.items()):
        row = [found.total(), *(found[letter] for letter in "drctmW"), sum(found[x] for x in "XHK")]
        more = () if slowest is None else (f"{1000 * slowest.get(name, 0.0):.0f}",)
        yield (name, *map(str, row), *more)


def _named(seeds: dict[str, list[Seed]]) -> dict[str, list[str]]:
    return {reader: [seed.name for seed in held] for reader, held in seeds.items()}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mutations", type=int, default=MUTATIONS, help="damaged files over all readers")


if __name__ == "__main__":
    run(measure, _options)
