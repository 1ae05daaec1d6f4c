"""Measure the bars of an issue and print every figure; started by ``.ci/bars``. Standard library only."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from environment import python_for_bars, tree_state

ROOT = Path(__file__).resolve().parents[2]
#: All bars together, with the environment they need, s.
BUDGET_S = 40 * 60.0
#: Issue → bar → the longest it may take, s; in the order of measuring, the short ones first.
BARS = {
    1: {
        "help": 60.0,
        "conformance": 600.0,
        "panel": 300.0,
        "emulated_samples": 400.0,
        "demo": 300.0,
        "interrupt": 300.0,
        "kill": 1200.0,
        "tests": 1200.0,
    },
    2: {
        "conformance": 300.0,
        "adaptive": 300.0,
        "soak": 480.0,
        "fuzz": 480.0,
        "laser_off": 720.0,
        "faults": 900.0,
    },
    3: {
        "sig": 400.0,
        "leave_one_out": 200.0,
        "near_miss": 200.0,
        "harmless": 200.0,
        "nulls": 300.0,
        "mixtures": 600.0,
        "limits": 400.0,
        "fluorescence": 400.0,
        "ftir_class": 700.0,
        "speed": 900.0,
        "recall": 1500.0,
    },
    4: {
        "vendor_files": 60.0,
        "opening": 400.0,
        "releases": 300.0,
        "kills": 700.0,
        "library_quality": 600.0,
        "mutations": 660.0,
    },
    5: {
        "axis": 600.0,
        "response": 120.0,
        "drift": 600.0,
    },
    6: {
        "first_hour": 120.0,
        "offline": 300.0,
        "pages": 300.0,
        "bench_page": 240.0,
        "load": 360.0,
        "webhooks": 400.0,
        "tamper": 500.0,
        "recompute": 600.0,
        "schema": 600.0,
        "trigger": 600.0,
        "million": 900.0,
        "forward": 700.0,
        "forward_postgresql": 700.0,
    },
}
#: Bar → the program that measures it, and its options, where they are not called alike.
PROGRAMS = {"forward_postgresql": ("forward", "--database", "postgres")}
#: Bars that mostly wait → the bar beside which they are measured.
BESIDE = {"forward_postgresql": "forward"}
#: Bars that run two processes of their own: one BLAS thread each, as decisions do.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
#: Inputs of a fuzzer where nobody says otherwise; more of them take longer in proportion.
FUZZ_INPUTS = 100_000
#: How long a bar that took too long may take to end its programs, s.
CLEAN_UP_S = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """What is measured, and where things are."""

    issue: int
    """Issue whose bars they are."""
    inputs: int
    """Inputs of a fuzzer for each parser."""
    state: Path
    """Folder of the figures of this issue."""
    python: Path
    """Python with opioscan."""
    shared: Path | None
    """Shared data."""
    tree: str
    """State of the tree."""


@dataclass(frozen=True, slots=True)
class Program:
    """A bar that is being measured."""

    process: "subprocess.Popen[bytes]"
    out: Path
    """Where it writes its figures."""
    log: Path
    """What it says meanwhile."""
    until: float
    """When it must have ended, monotonic time, s."""


def main() -> int:
    """Measure what is not measured yet and print the table; return 1 if any figure fails."""
    given = _options()
    deadline = time.monotonic() + BUDGET_S * max(1.0, given.inputs / FUZZ_INPUTS)
    state = ROOT / ".ci" / "state"
    tree = tree_state(ROOT)
    folder = state / f"bars-{given.issue}"
    folder.mkdir(parents=True, exist_ok=True)
    python = python_for_bars(ROOT, state, tree, fresh=given.fresh_environment)
    place = Place(given.issue, given.inputs, folder, python, _shared(), tree)
    bars = BARS[given.issue]
    wanted = given.only or list(bars)
    missing = []
    for bar in bars:
        if bar not in wanted:
            continue
        if _kept(place, bar) is not None and not given.again:
            print(f"bars: {bar}: measured before for {tree}", file=sys.stderr)
            continue
        missing.append(bar)
    for bar in missing:
        if BESIDE.get(bar) not in missing:
            _measure(place, [bar, *(one for one in missing if BESIDE.get(one) == bar)], deadline)
    return _print_figures(place, wanted)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=".ci/bars", description=__doc__)
    parser.add_argument("--issue", type=int, choices=list(BARS), required=True, help=argparse.SUPPRESS)
    parser.add_argument("--again", action="store_true", help="measure again what was measured before")
    names = "; ".join(f"{issue}: {', '.join(bars)}" for issue, bars in BARS.items())
    parser.add_argument("--only", action="append", metavar="BAR", help=names)
    parser.add_argument("--fresh-environment", action="store_true", help="install into a new environment")
    parser.add_argument(
        "--inputs", type=int, default=FUZZ_INPUTS, metavar="N", help="fuzzed inputs for each parser"
    )
    given = parser.parse_args()
    unknown = sorted(set(given.only or ()) - set(BARS[given.issue]))
    if unknown:
        parser.error(
            f"no bar {', '.join(unknown)} of {given.issue}; there are {', '.join(BARS[given.issue])}"
        )
    return given


def _shared() -> Path | None:
    given = os.environ.get("OPIOSCAN_SHARED", "")
    place = Path(given) if given else ROOT.parent / "shared"
    return place.resolve() if place.is_dir() else None


def _kept(place: Place, bar: str) -> dict[str, Any] | None:
    """Return what was measured for this state of the tree, None if it has to be measured."""
    try:
        found: dict[str, Any] = json.loads((place.state / f"{bar}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    fits = found.get("tree") == place.tree and (bar != "fuzz" or found.get("inputs") == place.inputs)
    return found if fits and not found.get("broken") else None


def _measure(place: Place, bars: list[str], deadline: float) -> None:
    """Measure some bars at the same time, and keep what each says."""
    running = []
    try:
        for bar in bars:
            if deadline - time.monotonic() < 1.0:
                _keep(place, bar, {"broken": f"no time left of {BUDGET_S / 60:g} minutes"})
                continue
            print(f"bars: {bar}: measuring", file=sys.stderr, flush=True)
            running.append((bar, _start(place, bar, deadline)))
        for bar, program in running:
            _finish(place, bar, program)
    finally:
        for _, program in running:
            _end(program.process)


def _start(place: Place, bar: str, deadline: float) -> Program:
    longest = BARS[place.issue][bar]
    if bar == "fuzz":
        longest *= max(1.0, place.inputs / FUZZ_INPUTS)
    work, out, log = (place.state / part for part in (f"work/{bar}", f"{bar}.part.json", f"{bar}.log"))
    out.unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)
    program, *options = PROGRAMS.get(bar, (bar,))
    command = [str(place.python), str(ROOT / "tests" / "bars" / f"bar_{program}.py"), *options]
    command += ["--work", str(work), "--out", str(out), "--issue", str(place.issue)]
    command += ["--inputs", str(place.inputs)] if bar == "fuzz" else []
    command += ["--shared", str(place.shared)] if place.shared else []
    env = {**os.environ, "PATH": f"{place.python.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    # The installed packages are measured, not whatever lies in the way.
    env.pop("PYTHONPATH", None)
    env |= ONE_THREAD if place.issue in {3, 4, 5} and bar != "speed" else {}
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=env, stdout=said, stderr=said, start_new_session=True)
    return Program(process, out, log, time.monotonic() + min(longest, deadline - time.monotonic()))


def _finish(place: Place, bar: str, program: Program) -> None:
    """Wait for a bar and keep its figures, or why it came to nothing."""
    broken = _wait(program, BARS[place.issue][bar])
    load = round(os.getloadavg()[0], 1)
    head = {"load": load, "measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    head |= {"inputs": place.inputs} if bar == "fuzz" else {}
    if broken or not program.out.exists():
        _keep(place, bar, {**head, "broken": broken or "it wrote no figures"})
        return
    _keep(place, bar, {**head, **json.loads(program.out.read_text("utf-8"))})
    program.out.unlink()


def _wait(program: Program, longest: float) -> str:
    """Return why a bar came to nothing, empty if it did not."""
    try:
        code = program.process.wait(max(0.1, program.until - time.monotonic()))
    except subprocess.TimeoutExpired:
        _end(program.process)
        return f"it took longer than {longest:.0f} s, or all together too long"
    lines = [line for line in program.log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return f"exit {code}: {lines[-1][:200] if lines else ''}" if code else ""


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(CLEAN_UP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _keep(place: Place, bar: str, found: dict[str, Any]) -> None:
    # Figures of a tree that was edited meanwhile are shown, but not taken for any state's.
    tree = place.tree if tree_state(ROOT) == place.tree else f"{place.tree} and edited meanwhile"
    path = place.state / f"{bar}.json"
    path.write_text(json.dumps({"bar": bar, "tree": tree, **found}, indent=1, ensure_ascii=False), "utf-8")


def _print_figures(place: Place, wanted: list[str]) -> int:
    rows, failed, loads, tables = [["bar", "figure", "wanted", "measured", ""]], 0, [], []
    for bar in (bar for bar in BARS[place.issue] if bar in wanted):
        found = json.loads((place.state / f"{bar}.json").read_text("utf-8"))
        loads.append(found.get("load", 0.0))
        tables += [(bar, table) for table in found.get("tables", ())]
        if found.get("broken"):
            rows.append([bar, "", "", f"not measured: {found['broken']} (see {bar}.log)", "FAIL"])
            failed += 1
        for figure in found.get("figures", ()):
            verdict = {True: "pass", False: "FAIL", None: ""}[figure["passed"]]
            failed += figure["passed"] is False
            rows.append([bar, figure["what"], figure["wanted"], figure["measured"], verdict])
    for bar, table in tables:
        print(f"\n{bar}:")
        _print_table(table)
    print()
    _print_table(rows)
    cores = os.cpu_count()
    print(f"\ntree {place.tree}; {cores} cores, load {min(loads)}–{max(loads)}; details in {place.state}")
    print(f"{failed} figure(s) fail" if failed else "all bars met")
    return 1 if failed else 0


def _print_table(rows: list[list[str]]) -> None:
    widths = [min(max(map(len, column)), 70) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
