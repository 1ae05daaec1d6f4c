"""One column of the fault matrix: ``faults_worker.py COLUMN --times N``; one JSON object a cell.

Several emulators of the device stand side by side, and each takes the next fault that is left: most of the
time is waiting for time-outs.
"""

import argparse
import json
import queue
import tempfile
import threading
from pathlib import Path

from emulated import Emulated
from fault_cell import CellRun
from fault_columns import COLUMNS, Column

from instrument.emulators.fault_table import APPLICABLE
from instrument.emulators.faults import FaultKind

LANES = 3


def main() -> None:
    """Measure all cells of a column."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("column", choices=list(COLUMNS))
    parser.add_argument("--times", type=int, required=True)
    parser.add_argument("--lanes", type=int, default=LANES)
    parser.add_argument("--fault", action="append", type=FaultKind, help="only this one")
    given = parser.parse_args()
    column = COLUMNS[given.column]
    kinds = [kind for kind in FaultKind if kind in APPLICABLE[column.faults_of]]
    left: queue.SimpleQueue[FaultKind] = queue.SimpleQueue()
    for kind in kinds:
        if not given.fault or kind in given.fault:
            left.put(kind)
    lanes = [
        threading.Thread(target=_lane, args=(given.column, column, left, given.times, number))
        for number in range(given.lanes)
    ]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()


def _lane(name: str, column: Column, left: "queue.SimpleQueue[FaultKind]", times: int, number: int) -> None:
    while True:
        try:
            kind = left.get_nowait()
        except queue.Empty:
            return
        # An emulator for each fault: what one left behind in a device is not the next one's.
        try:
            found = _cell(name, column, kind, times, number)
        # A cell that cannot be measured is told as such; the others go on.
        except Exception as error:
            found = {"fault": str(kind), "broken": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), flush=True)


def _cell(name: str, column: Column, kind: FaultKind, times: int, number: int) -> dict[str, object]:
    options = (*column.options, "--seed", str(number))
    with tempfile.TemporaryDirectory(prefix="opioscan-bar-") as folder:
        light = Path(folder) / "light.log"
        light.touch()
        where = light if column.light else None
        with Emulated(
            column.emulator, *options, serial=column.serial, light=where, files=column.folder
        ) as emulator:
            run = CellRun(name, column, emulator, lambda: column.open(emulator, light))
            try:
                return run.run(kind, times).to_json()
            finally:
                run.close()


if __name__ == "__main__":
    main()
