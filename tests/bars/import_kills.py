"""``library import`` killed by SIGKILL at random moments: afterwards the old library or the new one, and whole.

As a program: ``import_kills.py --work DIR --kills N``, one JSON object. The command line itself is killed, in processes
of its own. Most of its life is reading and judging files, when nothing is being written; so further kills are aimed at
the moments in which the new library lies beside the old one.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from library.errors import LibraryError
from library.store import read_library

sys.path.insert(0, str(Path(__file__).resolve().parent))
from generated_files import generate

#: Generated files: those of the library that is there, and those that are imported into it.
HELD, MORE = 24, 24
#: Aimed kills come this long after the new library's file appears, at most, s: it is written, forced to disk and renamed.
AIMED_S = 0.02
#: An import of so few files that takes longer hangs, s.
LONGEST_S = 60.0
#: Imports started for each kill at most, and what is said of one that had ended before its moment.
MOST_TRIES, ENDED = 4, "the import had ended"
#: Finished again after a kill: every so many.
FINISHED_EVERY = 10

Found = tuple[Counter[str], list[str]]


def import_kills(folder: Path, kills: int, *, aimed: int = 0, seed: int = 0) -> Found:
    """Kill imports into an existing library; return what they left, and what was wrong with it.

    Parameters
    ----------
    folder
        Folder to work in; made here.
    kills
        Imports killed at a moment drawn evenly from the time one takes, and somewhat beyond.
    aimed
        Imports killed while the new library is being written, besides.
    seed
        Of the moments.
    """
    trial = Trial(folder)
    chance = random.Random(seed)
    outcomes, wrong = Counter[str](), list[str]()
    killed, number = 0, 0
    # An import that ended before its moment was not killed: another one is. The machine's load changes how long one takes.
    while killed < kills + aimed and number < MOST_TRIES * (kills + aimed):
        is_aimed = killed >= kills
        after_s = chance.uniform(0.0, AIMED_S if is_aimed else 1.1 * trial.spent)
        left, trouble = trial.kill(after_s, aimed=is_aimed, finish=number % FINISHED_EVERY == 0)
        outcomes[left] += 1
        wrong += [f"kill {number}: {trouble}"] if trouble else []
        killed, number = killed + (ENDED not in left), number + 1
    if killed < kills + aimed:
        wrong.append(f"only {killed} of {kills + aimed} imports could be killed before they ended")
    return outcomes, wrong


class Trial:
    """A library, files to import into it, and what the library is before and after.

    Parameters
    ----------
    folder
        Folder to work in; made here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        generate(folder / "all", HELD + MORE)
        for name, first, last in (("held", 0, HELD), ("more", HELD, HELD + MORE)):
            (folder / name).mkdir()
            for file in sorted((folder / "all").iterdir())[first:last]:
                shutil.copy(file, folder / name)
        self._ready = folder / "ready.h5"
        self._run("held", self._ready)
        self._old = read_library(self._ready).digest
        spent = []
        for _ in range(2):
            path = self._victim("timed")
            began = time.monotonic()
            self._run("more", path)
            spent.append(time.monotonic() - began)
        self._new = read_library(path).digest
        if self._new == self._old:
            raise RuntimeError("the import changed nothing")
        self.spent = max(spent)

    def kill(self, after_s: float, *, aimed: bool, finish: bool) -> tuple[str, str]:
        """Kill one import; return which library is there, and what is wrong with that, empty if nothing is.

        Parameters
        ----------
        after_s
            When it is killed, s from its start, or from the moment it begins to write.
        aimed
            True for the latter.
        finish
            Whether to see that another import makes the new library of what is left.
        """
        path = self._victim("victim")
        finished = self._killed(path, after_s, aimed=aimed)
        try:
            left = self._what(path)
            if left == "another" or (finished and left != "new"):
                return left, f"{left} library, and the import had {'' if finished else 'not '}ended"
            if finish:
                self._run("more", path)
                if self._what(path) != "new":
                    return left, "the next import did not make the new library"
        except LibraryError as error:
            return "unreadable", str(error)
        return f"{left}{f', {ENDED}' if finished else ''}", ""

    def _what(self, path: Path) -> str:
        # Reading verifies the digest over name, entries and numbers.
        return {self._old: "old", self._new: "new"}.get(read_library(path).digest, "another")

    def _victim(self, name: str) -> Path:
        """Return a fresh copy of the library, alone in its folder: an import locks and clears that."""
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        # Named alike: a library's name is part of its digest.
        return Path(shutil.copy(self._ready, folder / self._ready.name))

    def _killed(self, path: Path, after_s: float, *, aimed: bool) -> bool:
        """Start an import, kill it, and return whether it had ended well before."""
        process, began = self._start("more", path), time.monotonic()
        try:
            if aimed:
                _wait(lambda: _is_written(path.parent) or process.poll() is not None)
            _wait(lambda: process.poll() is not None, after_s)
        finally:
            process.send_signal(signal.SIGKILL)
        code = process.wait()
        if code not in {0, -signal.SIGKILL}:
            raise RuntimeError(f"the import failed by itself: exit {code}")
        if code == 0:
            self.spent = min(self.spent, time.monotonic() - began)
        return code == 0

    def _run(self, what: str, path: Path) -> None:
        process = self._start(what, path)
        if process.wait(LONGEST_S):
            raise RuntimeError(f"an undisturbed import failed: exit {process.returncode}")

    def _start(self, what: str, path: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "service.cli.start", "library", "import", str(self._folder / what)]
        return subprocess.Popen(
            [*command, "--into", str(path), "--json"],
            env={**os.environ, "OPIOSCAN_HOME": str(self._folder / "home")},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def _is_written(folder: Path) -> bool:
    return any(folder.glob(".*.part"))


def _wait(done: Callable[[], bool], longest_s: float = LONGEST_S) -> None:
    deadline = time.monotonic() + longest_s
    while time.monotonic() < deadline and not done():
        time.sleep(0.0005)


def main() -> None:
    """Kill imports, and print what was left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--aimed", type=int, default=2)
    given = parser.parse_args()
    outcomes, wrong = import_kills(given.work / "import", given.kills, aimed=given.aimed)
    print(json.dumps({"outcomes": outcomes, "wrong": wrong}))


if __name__ == "__main__":
    main()
