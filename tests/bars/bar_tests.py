"""The test command as it is, without shared data: how long, how green, how much of the shipped lines."""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from figures import Sheet, progress, run

LIMIT_S = 300.0
COVERED = 90.0


def measure(sheet: Sheet) -> None:
    """Run the test command as it is for its time, then once more with coverage, which slows it down."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("OPIOSCAN_")}
    env["COVERAGE_FILE"] = str(sheet.work / ".coverage")
    taken = _pytest(sheet, env, "pytest without shared data", "--durations=25")
    sheet.at_most("pytest without shared data, wall time", LIMIT_S, taken)
    taken = _pytest(sheet, env, "the same with coverage", "--cov", "--cov-report=")
    sheet.tell("wall time with coverage", f"{taken:.0f} s")
    _cover(sheet, env)


def _pytest(sheet: Sheet, env: dict[str, str], what: str, *options: str) -> float:
    """Run pytest, keep whether it is green, and return the wall time, s."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options],
        cwd=sheet.root,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    taken = time.monotonic() - began
    lines = done.stdout.strip().splitlines()
    last = lines[-1].strip("= ") if lines else done.stderr.strip()[-200:]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    sheet.facts[what] = {"seconds": taken, "output": lines[-80:], "errors": done.stderr[-2000:]}
    progress(f"{what}: {last}")
    sheet.add(what, "green", last, passed=done.returncode == 0)
    if failed:
        sheet.tell("failed", "; ".join(line[:100] for line in failed[:5]))
    return taken


def _cover(sheet: Sheet, env: dict[str, str]) -> None:
    def coverage(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "coverage", *arguments]
        return subprocess.run(command, cwd=sheet.root, env=env, capture_output=True, text=True, check=False)

    # pytest-cov combines at its end; programs that ended after it left files of their own.
    if list(sheet.work.glob(".coverage.*")):
        coverage("combine", "--append")
    out = sheet.work / "coverage.json"
    made = coverage("json", "-o", str(out))
    if made.returncode:
        sheet.add(
            "shipped lines covered", f"≥ {COVERED:g} %", (made.stdout + made.stderr)[-200:], passed=False
        )
        return
    found = json.loads(out.read_text())
    lines: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    worst = []
    for name, facts in found["files"].items():
        summary = facts["summary"]
        package = lines[Path(name).parts[0]]
        package[0] += summary["covered_lines"]
        package[1] += summary["num_statements"]
        if summary["num_statements"]:
            worst.append((summary["percent_covered"], name, summary["missing_lines"]))
    percent = found["totals"]["percent_covered"]
    sheet.add("shipped lines covered", f"≥ {COVERED:g} %", f"{percent:.1f} %", passed=percent >= COVERED)
    told = ", ".join(
        f"{name} {100 * hit / max(all_, 1):.0f} %" for name, (hit, all_) in sorted(lines.items())
    )
    sheet.tell("by package", told)
    sheet.facts["least_covered"] = [list(one) for one in sorted(worst)[:25]]


if __name__ == "__main__":
    run(measure)
