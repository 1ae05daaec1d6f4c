"""Clients of others, which were not written for this project, against ``opioscan emulate``."""

import shlex
import subprocess
import sys
from pathlib import Path

from environment import python_apart
from figures import Sheet, opioscan, run

#: Script and how many cases it has.
SCRIPTS = {"seabreeze_obp.py": 6, "spektralwerk_scpi.py": 1}
#: The laser's client is GPL-3: a test tool in an environment of its own, never beside our packages.
APART = {"cobolt_laser.py": 1}
APART_PACKAGES = ("pylablib-lightweight", "pyserial")


def measure(sheet: Sheet) -> None:
    """Count the cases that the independent clients pass."""
    for script, cases in SCRIPTS.items():
        _count(sheet, Path(sys.executable), script, cases)
    if sheet.given.issue == 1:
        return
    python = python_apart(sheet.root / ".ci" / "state" / "venv-cobolt", APART_PACKAGES)
    for script, cases in APART.items():
        _count(sheet, python, script, cases)


def _count(sheet: Sheet, python: Path, script: str, cases: int) -> None:
    done = subprocess.run(
        [
            str(python),
            str(sheet.needs_shared() / "conformance" / script),
            *("--emulate", shlex.join([opioscan(), "emulate"])),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("PASS", "FAIL"))]
    right = sum(line.startswith("PASS") for line in lines)
    sheet.facts[script] = {"exit": done.returncode, "lines": lines, "errors": done.stderr[-2000:]}
    sheet.all_of(f"conformance/{script}", right, len(lines), want=cases)


if __name__ == "__main__":
    run(measure)
