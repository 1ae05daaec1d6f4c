"""The soak's bench process: ``soak_process.py FOLDER OUT --scans N``.

Several benches in threads of one process, so that time-outs pass side by side.
"""

import argparse
import gc
import json
import os
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from figures import progress
from soak_bench import FAULT_SHARE, SoakBench, Tally

from service.archive.journal import Archive
from service.errors import ArchiveError

#: Benches side by side.
BENCHES = 6
#: Share of the scans before what is held is measured for the first time.
WARM_UP = 0.15
#: Between two looks at what is held, a share of the scans.
LOOKS = 5
#: Time for threads and connections of the last scans to end, s.
SETTLE_S = 1.5


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds at rest."""

    scans: int
    rss_mib: float
    files: int
    threads: int
    """Counted by the system, not by Python."""


def held(pid: int, scans: int) -> Held | None:
    """Return what a process holds; None where it is gone."""
    process = Path("/proc") / str(pid)
    try:
        status = dict(
            line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
        )
        files = len(list((process / "fd").iterdir()))
    except OSError:
        return None
    # Resident memory without the pages of shared libraries, kB (proc(5)).
    return Held(scans, int(status["RssAnon"].split()[0]) / 1024, files, int(status["Threads"]))


def main() -> None:
    """Scan, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scans", type=int, required=True)
    parser.add_argument("--benches", type=int, default=BENCHES)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("stopped"))
    archive = Archive(given.folder / "archive")
    benches: list[SoakBench] = []
    began = time.monotonic()
    try:
        benches += [SoakBench(number, archive) for number in range(given.benches)]
        found = _soak(benches, given.scans)
    finally:
        for bench in benches:
            bench.close()
    found["unreadable"] = _unreadable(archive, found.pop("archived"))
    found["seconds"] = round(time.monotonic() - began, 1)
    given.out.write_text(json.dumps(found, indent=1), "utf-8")


def _soak(benches: list[SoakBench], scans: int) -> dict[str, Any]:
    tally, looks = Tally(), []
    guardians = [bench.guardian_pid for bench in benches]
    looked: dict[int, list[Held | None]] = {pid: [] for pid in (os.getpid(), *guardians)}
    marks = [round(scans * (WARM_UP + (1 - WARM_UP) * number / LOOKS)) for number in range(LOOKS + 1)]
    # The same threads from the first scan to the last: new ones would bring memory of their own.
    with ThreadPoolExecutor(len(benches)) as pool:
        for mark in marks:
            list(pool.map(lambda bench, mark=mark: _run_until(bench, tally, mark), benches))
            time.sleep(SETTLE_S)
            gc.collect()
            for pid, seen in looked.items():
                seen.append(held(pid, mark))
            looks.append(looked[os.getpid()][-1])
            progress(f"{mark} scans: {looks[-1]}; {dict(tally.errors)}")
    return {
        **{name: getattr(tally, name) for name in ("begun", "complete", "aborted", "frameless", "unnamed")},
        "errors": dict(tally.errors),
        "words": tally.words,
        "slowest": tally.slowest,
        "archived": sorted(tally.archived),
        "kept": len(tally.archived),
        "faults": dict(sum((bench.faults() for bench in benches), Counter())),
        "share": FAULT_SHARE,
        "looks": [asdict(look) for look in looks if look is not None],
        "guardians": [_pair(looked[pid]) for pid in guardians],
    }


def _pair(looks: list[Held | None]) -> list[dict[str, Any] | None]:
    return [asdict(look) if look is not None else None for look in (looks[0], looks[-1])]


def _run_until(bench: SoakBench, tally: Tally, mark: int) -> None:
    """Scan until so many scans were begun on all benches together."""
    while True:
        with tally.lock:
            if tally.begun >= mark:
                return
            tally.begun += 1
            number = tally.begun
        bench.scan(f"SOAK-{number}", tally)


def _unreadable(archive: Archive, archived: list[str]) -> list[str]:
    """Read every scan that was kept."""
    bad = [f"{scan_id[:12]}: not there" for scan_id in archived if scan_id not in archive]
    for scan_id in archived:
        try:
            archive.get(scan_id)
        except ArchiveError as error:
            bad.append(f"{scan_id[:12]}: {error}")
    return bad


if __name__ == "__main__":
    main()
