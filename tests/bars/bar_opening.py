"""Bar: a library of 25,000 entries, opened ready for search."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from figures import Sheet, progress, run

REFERENCES = 25_000
#: Times that each kind of opening is tried, each in a process of its own.
OPENINGS = {"warm": 7, "cold": 3}
#: The longest each may take, s.
MOST_S = {"warm": 1.0, "cold": 5.0}
#: Decisions run with one BLAS thread, as the command line starts them.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def measure(sheet: Sheet) -> None:
    """Store a method of generated references, then open it, warm and cold."""
    folder = sheet.work / "methods"
    made = program(sheet, "speed_library.py", sheet.needs_shared(), REFERENCES, folder)
    progress(f"{made['references']} references stored")
    sheet.tell("prepared once, when the method was fitted (simulated references)", f"{made['prepared_s']} s")
    program(sheet, "speed_opening.py", folder, "warm")
    for kind, times in OPENINGS.items():
        told = [program(sheet, "speed_opening.py", folder, kind) for _ in range(times)]
        opened = [one["opened_s"] for one in told]
        assert {one["references"] for one in told} == {REFERENCES}
        words = f"{REFERENCES} entries opened ready for search, {kind}, longest of {times}"
        sheet.at_most(words, MOST_S[kind], max(opened))
        first = [one["first_identification_s"] for one in told]
        sheet.tell(f"first identification after it, {kind}, longest", f"{max(first):.2f} s")
        sheet.tell(f"memory at its peak, {kind}", f"{max(one['peak_mb'] for one in told):.0f} MB")
        sheet.facts[kind] = told


def program(sheet: Sheet, name: str, *arguments: object) -> dict[str, Any]:
    """Run a program beside this one; return what it says."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(name)), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(sheet.root), **dict.fromkeys(BLAS_THREADS, "1")},
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, Any] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    run(measure)
