"""Clients of others, which were not written for this project, against ``opioscan emulate``."""

import shlex
import subprocess
import sys

from figures import Sheet, opioscan, run

#: Script and how many cases it has. The laser's client is GPL and needs an environment of its own.
SCRIPTS = {"seabreeze_obp.py": 6, "spektralwerk_scpi.py": 1}


def measure(sheet: Sheet) -> None:
    """Count the cases that the independent clients pass."""
    folder = sheet.needs_shared() / "conformance"
    for script, cases in SCRIPTS.items():
        done = subprocess.run(
            [sys.executable, str(folder / script), "--emulate", shlex.join([opioscan(), "emulate"])],
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
