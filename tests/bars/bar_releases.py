"""Releases: attacks refused by their own names, a new method and a rollback in time."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from figures import Sheet, opioscan, progress, run
from release_attacks import ATTACKS, prepared
from release_lab import BenchHome, Lab, fitted_methods

from library.errors import LibraryError
from library.method_store import write_method
from library.methods import fit_method
from library.release_active import active_release, check_installed
from library.release_state import read_state
from library.starter import ensure_starter
from library.store import read_library
from spectra.method import WatchItem

#: The longest that an update and a rollback may take, s.
UPDATE_S, ROLLBACK_S = 10.0, 2.0
#: Measured so often; the slowest counts.
TIMES = 3


def measure(sheet: Sheet) -> None:
    """Play the attacks, and time a bench's update and rollback by the command line."""
    progress("fitting small methods")
    methods = fitted_methods(sheet.work / "methods", 2)
    _attacks(sheet, methods)
    _times(sheet)


def _attacks(sheet: Sheet, methods: Path) -> None:
    progress("attacks")
    lab, bench = prepared(sheet.work / "lab", methods)
    rows, refused = [], 0
    for number, attack in enumerate(ATTACKS):
        copy, home = sheet.work / f"copy-{number}", sheet.work / f"bench-{number}"
        shutil.copytree(lab.public, copy)
        shutil.copytree(bench.home, home, symlinks=True)
        victim = object.__new__(BenchHome)
        victim.home, victim.lab = home, lab
        victim.releases, victim.methods = home / "releases", home / "methods"
        try:
            attack.play(lab, victim, copy)
            said = "ACCEPTED"
        except LibraryError as error:
            said = type(error).__name__
            refused += type(error) is attack.refusal
        state = read_state(victim.releases)
        assert state.active is not None
        check_installed(victim.releases / state.metadata, victim.methods, state.active)
        rows.append([attack.what, said, str(state.active.version)])
    sheet.table(["attack", "refused as", "version active after it"], rows)
    sheet.all_of(
        "attacks refused by their own name, the method in force whole", refused, len(ATTACKS), want=24
    )


def _times(sheet: Sheet) -> None:
    """Time the commands on the whole starter library: what a bench fetches and rebuilds."""
    progress("updating and rolling back")
    base = sheet.work / "times"
    methods = base / "methods"
    library = read_library(ensure_starter(base / "libraries"))
    method = fit_method(
        library, name="ours", watch_list=[WatchItem("Metamizole", 0.1)], draws=60, false_alarm_rate=0.05
    )
    from dataclasses import replace

    for version in range(1, TIMES + 2):
        watched = (WatchItem("Metamizole", 0.1 + 0.01 * version),)
        write_method(methods, replace(method, version=version, watch_list=watched), library, {})
    lab = Lab(base / "lab", methods)
    lab.release(1)
    bench = BenchHome(base / "home", lab)
    updates, rollbacks = [], []
    _timed(base, "update", "--from", str(lab.public))
    for version in range(2, TIMES + 2):
        lab.release(version)
        updates.append(_timed(base, "update"))
        rollbacks.append(_timed(base, "rollback", "--why", "bar"))
        active = active_release(bench.releases)
        assert active is not None
        assert active.version == version - 1
        _timed(base, "update", "--reinstall")
    sheet.at_most(
        f"update to a new method of {len(library.entries)} references, command line", UPDATE_S, max(updates)
    )
    sheet.at_most("rollback, command line", ROLLBACK_S, max(rollbacks))


def _timed(base: Path, *arguments: str) -> float:
    began = time.monotonic()
    subprocess.run(
        [opioscan(), "method", *arguments],
        env={**os.environ, "OPIOSCAN_HOME": str(base / "home")},
        check=True,
        stdout=sys.stderr,
        timeout=120,
    )
    return time.monotonic() - began


if __name__ == "__main__":
    run(measure)
