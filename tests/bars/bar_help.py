"""How long ``opioscan --help`` takes."""

import statistics
import subprocess
import time

from figures import Sheet, opioscan, run

TIMES = 5
LIMIT_S = 0.5


def measure(sheet: Sheet) -> None:
    """Measure the wall time of the help, median of five."""
    taken = []
    for _ in range(TIMES):
        began = time.monotonic()
        done = subprocess.run([opioscan(), "--help"], capture_output=True, text=True, check=True, timeout=30)
        taken.append(time.monotonic() - began)
        assert "opioscan COMMAND" in done.stdout
    sheet.facts["seconds"] = taken
    sheet.at_most(f"opioscan --help, median of {TIMES}", LIMIT_S, statistics.median(taken))


if __name__ == "__main__":
    run(measure)
