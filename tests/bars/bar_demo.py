"""``opioscan demo`` in a fresh home: how long it takes, and whether every verdict is right."""

import json
import os
import subprocess
import time
from pathlib import Path

from figures import Sheet, opioscan, run

LIMIT_S = 60.0
FEWEST = 7


def measure(sheet: Sheet) -> None:
    """Run the demonstration once, as the first thing after an installation."""
    home, folder = sheet.work / "home", sheet.work / "demo"
    began = time.monotonic()
    done = subprocess.run(
        [opioscan(), "demo", "--json", "--folder", str(folder)],
        env={**os.environ, "OPIOSCAN_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    taken = time.monotonic() - began
    shown = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    rows = [row for row in shown if "parcel" in row]
    sheet.facts["rows"] = [{key: row[key] for key in ("parcel", "title", "wrong", "outward")} for row in rows]
    sheet.facts["errors"] = done.stderr[-2000:]
    right = sum(bool(row["right"]) for row in rows)
    sheet.at_most("opioscan demo after installation", LIMIT_S, taken)
    enough = right == len(rows) >= FEWEST and done.returncode == 0
    said = f"{right}/{len(rows)}, exit {done.returncode}"
    sheet.add(
        "parcels with the right verdict, posted and completed", f"all of ≥ {FEWEST}", said, passed=enough
    )
    alarms = [row for row in rows if row["identification"]["training"] and row["outward"] == "hold"]
    sheet.add("TRAINING targets that alarm", "≥ 1", str(len(alarms)), passed=bool(alarms))
    sheet.none_of("programs left behind", _left_behind(folder))


def _left_behind(folder: Path) -> list[str]:
    """Return the command lines of processes that work in the demonstration's folder (Linux only)."""
    wanted, found = os.fsencode(f"OPIOSCAN_HOME={folder}") + b"\0", []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes():
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                found.append(command.decode(errors="replace").strip())
        except OSError:
            continue
    return found


if __name__ == "__main__":
    run(measure)
