"""Updates and releases killed at random moments: afterwards the old state or the new one, always valid.

As a program: ``release_kills.py --work DIR --kills N [--only update|release]``, one JSON object. The work is done in
forked children, so that every kill falls into the work itself and not into the start of an interpreter.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from library.release_active import read_active
from library.release_errors import ReleaseError
from library.release_staging import staged
from library.release_state import read_state

sys.path.insert(0, str(Path(__file__).resolve().parent))
from release_lab import BenchHome, Lab, fitted_methods

Found = tuple[Counter[str], list[str]]


def update_kills(folder: Path, methods: Path, kills: int, seed: int = 0) -> Found:
    """Kill updates from version 1 to version 2; return what they left, and what was wrong with it."""
    lab = Lab(folder / "lab", methods)
    lab.release(1)
    ready = BenchHome(folder / "ready", lab)
    ready.update()
    lab.release(2)
    spent = _undisturbed(lambda home: _bench(home, lab).update(), folder, ready.home)
    outcomes, wrong, chance = Counter[str](), list[str](), random.Random(seed)
    for number in range(kills):
        bench = _bench(_copied(ready.home, folder / "bench"), lab)
        finished = _killed(bench.update, chance.uniform(0.0, 1.3 * spent))
        try:
            state = read_state(bench.releases)
            version = read_active(bench.releases, bench.methods).method.version
            assert state.active is not None
            assert version == state.active.version
            outcomes[f"version {version}"] += 1
            if finished and version != 2:
                wrong.append(f"kill {number}: it ended, and version {version} is active")
            if (
                bench.update().release.version != 2
                or read_active(bench.releases, bench.methods).method.version != 2
            ):
                wrong.append(f"kill {number}: the next update did not bring version 2")
        except (ReleaseError, OSError, AssertionError) as error:
            wrong.append(f"kill {number}: {error!r}")
    return outcomes, wrong


def release_kills(folder: Path, methods: Path, kills: int, seed: int = 0) -> Found:
    """Kill releases of version 2, signatures and publication included; return what they left, and what was wrong."""
    lab = Lab(folder / "lab", methods)
    lab.release(1)
    shutil.copytree(lab.folder, folder / "ready")
    bench = BenchHome(folder / "trusting", lab)
    spent = _undisturbed(lambda home: _lab(lab, home).release(2), folder, folder / "ready")
    outcomes, wrong, chance = Counter[str](), list[str](), random.Random(seed)
    for number in range(kills):
        victim = _lab(lab, _copied(folder / "ready", folder / "victim"))
        finished = _killed(lambda: victim.release(2), chance.uniform(0.0, 1.3 * spent))  # noqa: B023
        try:
            home = _bench(_copied(bench.home, folder / "bench"), victim)
            version = home.update().release.version
            published = victim.repo.newest(victim.targets().signed)["ours"]
            waiting, _ = staged(victim.repo)
            outcomes[f"benches get version {version}{', more waits for signatures' if waiting else ''}"] += 1
            if published not in {version, 2} or (finished and version != 2):
                wrong.append(
                    f"kill {number}: release {published} in the repository, version {version} at benches"
                )
            if waiting or published == 1:
                victim.release(2)
            else:
                victim.publish()
            if home.update().release.version != 2:
                wrong.append(f"kill {number}: the release could not be finished")
        except (ReleaseError, OSError, KeyError, AssertionError) as error:
            wrong.append(f"kill {number}: {error!r}")
    return outcomes, wrong


def _bench(home: Path, lab: Lab) -> BenchHome:
    bench = object.__new__(BenchHome)
    bench.home, bench.lab = home, lab
    bench.releases, bench.methods = home / "releases", home / "methods"
    return bench


def _lab(lab: Lab, folder: Path) -> Lab:
    """Return the same laboratory in another folder."""
    other = object.__new__(Lab)
    other.folder, other.methods, other.keys = folder, lab.methods, lab.keys
    other.repo, other.public = type(lab.repo)(folder / "repo"), folder / "public"
    return other


def _copied(source: Path, there: Path) -> Path:
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(source, there, symlinks=True)
    return there


def _undisturbed(work: Callable[[Path], object], folder: Path, ready: Path) -> float:
    """Return how long work takes in a child, s."""
    spent = []
    for _ in range(2):
        home = _copied(ready, folder / "timed")
        began = time.monotonic()
        if not _killed(lambda: work(home), 60.0):  # noqa: B023
            raise RuntimeError("undisturbed work did not end")
        spent.append(time.monotonic() - began)
    return min(spent)


def _killed(work: Callable[[], object], after_s: float) -> bool:
    """Do work in a forked child, kill it after a time, and return whether it had ended well before."""
    child = os.fork()
    if child == 0:
        code = 1
        with suppress(BaseException):
            work()
            code = 0
        os._exit(code)
    deadline = time.monotonic() + after_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if os.waitstatus_to_exitcode(status):
                raise RuntimeError("the work failed by itself")
            return True
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0


#: What is killed, by name.
KINDS = {"update": update_kills, "release": release_kills}


def main() -> None:
    """Kill both, and print what was left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--only", choices=list(KINDS))
    given = parser.parse_args()
    methods = fitted_methods(given.work / "methods", 2)
    found = {}
    for name, play in KINDS.items():
        if given.only not in {None, name}:
            continue
        outcomes, wrong = play(given.work / name, methods, given.kills)
        found[name] = {"outcomes": outcomes, "wrong": wrong}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
