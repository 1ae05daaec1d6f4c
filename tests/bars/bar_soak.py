"""Two thousand scans with a fault in one of a hundred exchanges: nothing leaks and no scan is lost.

One process has several benches open, each a spectrometer and a laser behind its guardian, and scans on all
of them side by side, always with the same objects. Every scan ends in the archive, complete or as an aborted
record, or in a named error before its first frame.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from figures import Sheet, run

SCANS = 2000
GROWTH_MIB = 20.0
WITHIN_S = 460.0


def measure(sheet: Sheet) -> None:
    """Run the soak in a process of its own, and read what it wrote."""
    out = sheet.work / "soak.json"
    command = [sys.executable, str(Path(__file__).with_name("soak_process.py")), str(sheet.work), str(out)]
    subprocess.run([*command, "--scans", str(sheet.given.scans)], check=True, timeout=WITHIN_S)
    found = json.loads(out.read_text("utf-8"))
    sheet.facts["soak"] = found
    _tell_scans(sheet, found)
    _tell_leaks(sheet, found)


def _tell_scans(sheet: Sheet, found: dict[str, Any]) -> None:
    scans = found["begun"]
    sheet.add("scans", f"≥ {SCANS}", str(scans), passed=scans >= SCANS)
    faults = sum(found["faults"].values())
    sheet.add(
        f"faults, {100 * found['share']:g} % of the exchanges", "≥ 100", str(faults), passed=faults >= 100
    )
    sheet.none_of("scans that ended in an error without a name", found["unnamed"])
    accounted = found["complete"] + found["aborted"] + found["frameless"]
    sheet.all_of("scans archived, or ended in a named error", accounted, scans, want=scans)
    sheet.tell(
        "complete; aborted records; errors before the first frame",
        f"{found['complete']}; {found['aborted']}; {found['frameless']}",
    )
    sheet.tell("named errors", ", ".join(f"{count} {name}" for name, count in found["errors"].items()))
    kept = found["complete"] + found["aborted"]
    sheet.all_of("scans in the archive", found["kept"], kept, want=kept)
    sheet.none_of("scans in the archive that cannot be read", found["unreadable"])


def _tell_leaks(sheet: Sheet, found: dict[str, Any]) -> None:
    first, last = found["looks"][0], found["looks"][-1]
    grown = last["rss_mib"] - first["rss_mib"]
    after = f"from scan {first['scans']} to {last['scans']}"
    sheet.at_most(f"growth of memory {after}", GROWTH_MIB, grown, "MiB")
    sheet.tell("memory, first and last", f"{first['rss_mib']:.0f} and {last['rss_mib']:.0f} MiB")
    for what in ("files", "threads"):
        sheet.at_most(f"growth of open {what}", 0, last[what] - first[what], "")
    pairs = [pair for pair in found["guardians"] if None not in pair]
    ended = len(found["guardians"]) - len(pairs)
    sheet.at_most("guardians that ended and were started again", 0, ended, "")
    for what, limit, unit in (("rss_mib", GROWTH_MIB, "MiB"), ("files", 0, ""), ("threads", 0, "")):
        worst = max((pair[1][what] - pair[0][what] for pair in pairs), default=0)
        sheet.at_most(f"guardians: growth of {what}, most", limit, worst, unit)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scans", type=int, default=SCANS)


if __name__ == "__main__":
    run(measure, _options)
