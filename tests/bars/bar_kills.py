"""SIGKILL at random moments of import, release, update and edit: the old state or the new one, always valid."""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from figures import Sheet, progress, run
from import_kills import ENDED

#: Kills of each kind, and those aimed at the moments in which an import writes.
KILLS, AIMED = 100, 30
#: Programs that kill, side by side.
LANES = 2
#: Longest that one of them may take, s.
LONGEST_S = 900.0

#: What is killed, by which program with which options; the longest first, so that the lanes end together.
KINDS: dict[str, tuple[str, Sequence[str]]] = {
    "library import": ("import_kills.py", ("--aimed", str(AIMED))),
    "release": ("release_kills.py", ("--only", "release")),
    "update": ("release_kills.py", ("--only", "update")),
    "edit and merge": ("library_kills.py", ()),
}


def measure(sheet: Sheet) -> None:
    """Kill programs of every kind, two kinds at a time, and tell what they left."""
    with ThreadPoolExecutor(LANES) as pool:
        found = dict(zip(KINDS, pool.map(lambda kind: _killed(sheet, kind), KINDS), strict=True))
    kills = sheet.given.kills
    for kind, one in found.items():
        sheet.none_of(f"{kind}: neither the old nor the new state after {kills} SIGKILLs", one["wrong"])
        if left := one.get("outcomes"):
            told = ", ".join(f"{count} × {what}" for what, count in sorted(left.items()))
            sheet.tell(f"{kind}: left by {sum(left.values())} kills", told)
            killed = sum(count for what, count in left.items() if ENDED not in what)
            sheet.add(f"{kind}: kills", f"≥ {KILLS}", str(killed), passed=killed >= KILLS)


def _killed(sheet: Sheet, kind: str) -> dict[str, Any]:
    program, options = KINDS[kind]
    work = sheet.work / kind.replace(" ", "-")
    work.mkdir()
    command = [sys.executable, str(Path(__file__).with_name(program)), "--work", str(work)]
    progress(f"killing: {kind}")
    done = subprocess.run(
        [*command, "--kills", str(sheet.given.kills), *options],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [""])[-1]
        return {"wrong": [f"the trial came to nothing, exit {done.returncode}: {said[:300]}"]}
    progress(f"killed: {kind}")
    found: dict[str, Any] = json.loads(done.stdout)
    # Of several kinds, those that were asked for.
    return found if "wrong" in found else found[kind]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=KILLS, help="kills of each kind")


if __name__ == "__main__":
    run(measure, _options)
