"""The fault matrix: every fault that applies to a device, on every driver, seeded and again and again.

After each fault the driver has to name it or to help itself, to be usable again without being opened by
hand within five seconds, and never to return a spectrum the device did not make, or light it does not tell.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fault_cell import LIMIT_S
from fault_columns import COLUMNS
from figures import Sheet, progress, run

from instrument.emulators.fault_table import APPLICABLE
from instrument.emulators.faults import FaultKind

TIMES = 20
#: Longest for all columns together, s.
WITHIN_S = 840.0

Cells = dict[str, dict[str, Any]]


def measure(sheet: Sheet) -> None:
    """Measure all columns at the same time: they mostly wait."""
    wanted = sheet.given.column or list(COLUMNS)
    times, lock = sheet.given.times, threading.Lock()
    deadline = time.monotonic() + WITHIN_S

    def column(name: str) -> tuple[Cells, str]:
        return _measured(name, times, sheet, deadline, lock)

    with ThreadPoolExecutor(len(wanted)) as pool:
        found = dict(zip(wanted, pool.map(column, wanted), strict=True))
    matrix = {name: cells for name, (cells, _) in found.items()}
    sheet.facts["matrix"] = matrix
    sheet.facts["said"] = {name: said for name, (_, said) in found.items() if said}
    _tell(sheet, matrix, times)


def _measured(
    name: str, times: int, sheet: Sheet, deadline: float, lock: threading.Lock
) -> tuple[Cells, str]:
    """Run the worker of a column, and return its cells and what it said besides."""
    log = sheet.work / f"{name.replace(' ', '-')}.log"
    command = [sys.executable, str(Path(__file__).with_name("faults_worker.py")), name]
    command += ["--times", str(times)]
    for kind in sheet.given.fault or ():
        command += ["--fault", kind]
    cells: Cells = {}
    with log.open("wb") as said:
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said)
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), worker.kill)
        timer.start()
        assert worker.stdout is not None
        try:
            for line in worker.stdout:
                cell = json.loads(line)
                cells[cell["fault"]] = cell
                with lock:
                    progress(f"{name}, {cell['fault']}: {_words(cell)}")
            worker.wait()
        finally:
            timer.cancel()
            worker.kill()
            worker.stdout.close()
    return cells, log.read_text("utf-8", "replace")[-2000:]


def _tell(sheet: Sheet, matrix: dict[str, Cells], times: int) -> None:
    due = [(name, kind) for name in matrix for kind in _due(sheet, name)]
    cells = [(f"{name}, {kind}", matrix[name].get(kind, {"broken": "not measured"})) for name, kind in due]
    whole = [(where, cell) for where, cell in cells if "broken" not in cell]
    broken = [f"{where}: {cell['broken']}" for where, cell in cells if "broken" in cell]
    done = sum(cell["total"] == times for _, cell in whole)
    sheet.add(
        f"cells of the matrix with {TIMES} repetitions",
        f"{len(due)} of {len(due)}",
        f"{done} with {times}",
        passed=done == len(due) and times >= TIMES,
    )
    sheet.none_of("cells that could not be measured", broken)
    sheet.none_of("wrong spectra, or light not told", list(_all(whole, "wrong")))
    sheet.none_of("errors that do not name the fault", list(_all(whole, "misnamed")))
    sheet.none_of(f"drivers not usable again within {LIMIT_S:g} s", list(_all(whole, "lost")))
    worst = max((cell["worst_s"] for _, cell in whole), default=float("inf"))
    sheet.at_most("from the failed operation to the next good one, longest", LIMIT_S, worst)
    total, struck = (sum(cell[key] for _, cell in whole) for key in ("total", "struck"))
    sheet.all_of("repetitions in which the fault met a reply or the device", struck, total, want=total)
    named = sum(cell["named"] for _, cell in whole)
    sheet.tell("ended in a named error; the driver helped itself", f"{named}; {total - named}")
    sheet.table(
        ("fault", *matrix),
        [(str(kind), *(_entry(matrix[name], name, kind) for name in matrix)) for kind in FaultKind],
    )


def _due(sheet: Sheet, name: str) -> Iterator[str]:
    for kind in FaultKind:
        if kind in APPLICABLE[COLUMNS[name].faults_of] and kind in (sheet.given.fault or list(FaultKind)):
            yield str(kind)


def _all(cells: list[tuple[str, dict[str, Any]]], what: str) -> Iterator[str]:
    for where, cell in cells:
        for case in cell[what]:
            yield f"{where} {case}"


def _entry(cells: Cells, name: str, kind: FaultKind) -> str:
    if kind not in APPLICABLE[COLUMNS[name].faults_of]:
        return "-"
    cell = cells.get(str(kind))
    if cell is None or "broken" in cell:
        return "?"
    return f"{cell['ok']}/{cell['total']} {cell['worst_s']:.1f} s"


def _words(cell: dict[str, Any]) -> str:
    if "broken" in cell:
        return str(cell["broken"])
    bad = [*cell["wrong"], *cell["misnamed"], *cell["lost"]]
    return f"{cell['ok']}/{cell['total']} ok, worst {cell['worst_s']:g} s" + (f"; {bad[0]}" if bad else "")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--times", type=int, default=TIMES, help="repetitions of each fault")
    parser.add_argument("--column", action="append", choices=list(COLUMNS), help="only this one")
    parser.add_argument("--fault", action="append", choices=list(FaultKind), help="only this one")


if __name__ == "__main__":
    run(measure, _options)
