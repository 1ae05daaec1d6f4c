"""Read mutated files in a process of its own, with limits on memory and on the processor time of each.

``mutations_worker.py --lane N --start N --mutations N --folder DIR [--shared DIR]`` keeps one letter for each
input in ``DIR/outcomes`` (see `OUTCOMES`), what failed in ``DIR/failures.N``, and the input under way in
``DIR/last.N``. Where an input ends the process, it is started again behind it.
"""

import argparse
import base64
import json
import mmap
import os
import random
import resource
import signal
import sys
import time
import warnings
from pathlib import Path
from types import FrameType
from typing import NoReturn

from mutations_checks import is_told, same_numbers
from mutations_kinds import KINDS, Damage, mutated
from mutations_seeds import Seed, read, seeds_by_reader

from spectra.errors import SpectraError

SEED = 20261122
#: Letters of what came out.
OUTCOMES = {
    "d": "decoded",
    "r": "refused",
    "c": "covered by a check: refused",
    "t": "covered by a check: the true numbers",
    "m": "covered by a check: other numbers, and told so",
    "W": "covered by a check: other numbers, silently",
    "X": "an exception outside the error tree",
    "H": "no end",
    "K": "the process ended",
}
#: Processor time an input may take, s.
HANG_S = 2.0
#: Memory of the process, bytes.
MEMORY = 512 << 20
#: Lanes share the inputs by blocks of this many.
BLOCK = 64
LANES = 2
#: Failing inputs kept, and their longest, bytes.
KEPT, KEPT_BYTES = 40, 1 << 16


class _Hang(BaseException):
    """An input took too long."""


def planned(number: int, seeds: dict[str, list[Seed]]) -> tuple[random.Random, str, Seed, str]:
    """Return what input a number stands for: its random numbers, reader, seed and kind of damage."""
    rng = random.Random(f"{SEED} {number}")
    readers = list(seeds)
    reader = readers[number % len(readers)]
    # Half of the inputs are of files with checks, which are what can be decoded wrongly unnoticed.
    checked = [seed for seed in seeds[reader] if seed.coverage.places] if rng.random() < 0.5 else []
    return rng, reader, rng.choice(checked or seeds[reader]), rng.choice(list(KINDS))


def made(rng: random.Random, reader: str, seed: Seed, kind: str, seeds: dict[str, list[Seed]]) -> Damage:
    """Return the damaged file; spliced with one of the same reader, mostly."""
    others = seeds[reader] if rng.random() < 0.8 else seeds[rng.choice(list(seeds))]
    return mutated(rng, seed.data, [other.data for other in others], kind)


def outcome_of(damage: Damage, seed: Seed, kind: str) -> str:
    """Read one input; return its letter."""
    covered = seed.coverage.covers(kind, damage.touched)
    try:
        found = read(bytes(damage.data), seed.technique)
    except SpectraError:
        return "c" if covered else "r"
    if not covered:
        return "d"
    if same_numbers(found, seed.true):
        return "t"
    return "m" if is_told(found) else "W"


class Lane:
    """One process's share of the inputs.

    Parameters
    ----------
    given
        Options of the program.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._seeds = seeds_by_reader(given.shared)
        self._slowest: dict[str, float] = {}
        self._failures = 0

    def run(self) -> None:
        """Read every input of the lane."""
        given = self._given
        with (
            (given.folder / "outcomes").open("r+b") as file,
            mmap.mmap(file.fileno(), 0) as outcomes,
            (given.folder / f"last.{given.lane}").open("wb", buffering=0) as last,
        ):
            for number in range(given.start, given.mutations):
                if number // BLOCK % LANES == given.lane:
                    os.pwrite(last.fileno(), number.to_bytes(8, "little"), 0)
                    outcomes[number] = ord(self._one(number))
                    if number % 1024 == 0:
                        self._tell()
        self._tell()

    def _one(self, number: int) -> str:
        rng, reader, seed, kind = planned(number, self._seeds)
        damage = made(rng, reader, seed, kind, self._seeds)
        signal.setitimer(signal.ITIMER_PROF, HANG_S)
        began, error, letter = time.thread_time(), None, "X"
        try:
            letter = outcome_of(damage, seed, kind)
        except _Hang as hang:
            letter, error = "H", hang
        # Whatever else a reader raises is what is looked for here.
        except BaseException as other:
            error = other
        taken = time.thread_time() - began
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        self._slowest[reader] = max(self._slowest.get(reader, 0.0), taken)
        if letter in "WXH":
            self._keep(number, reader, seed, kind, damage, letter, error)
        return letter

    def _keep(
        self, number: int, reader: str, seed: Seed, kind: str, damage: Damage, letter: str,
        error: BaseException | None,
    ) -> None:  # fmt: skip
        self._failures += 1
        if self._failures > KEPT:
            return
        data = bytes(damage.data)
        about = {
            "number": number, "reader": reader, "seed": seed.name, "kind": kind, "touched": damage.touched,
            "what": OUTCOMES[letter], "error": f"{type(error).__name__}: {error}"[:300] if error else "",
            "place": _place(error), "technique": seed.technique,
            "input": base64.b64encode(data).decode() if len(data) <= KEPT_BYTES else f"{len(data)} bytes",
        }  # fmt: skip
        with (self._given.folder / f"failures.{self._given.lane}").open("a") as file:
            file.write(json.dumps(about) + "\n")

    def _tell(self) -> None:
        # ru_maxrss is in KiB on Linux (getrusage(2)) and in bytes on macOS.
        unit = 1 << 10 if sys.platform != "darwin" else 1 << 20
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        found = {"slowest_s": self._slowest, "peak_mib": peak}
        (self._given.folder / f"told.{self._given.lane}.{self._given.start}").write_text(json.dumps(found))


def _place(error: BaseException | None) -> str:
    """Return the innermost line of ours where an error was raised."""
    place, trace = "", error.__traceback__ if error else None
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.parent.name != "bars" and "lib" not in path.parts:
            place = f"{path.parent.name}/{path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _give_up(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Hang(f"no end after {HANG_S:g} s of processor time")


def _limit_memory() -> None:
    """Leave the process as much address space as fills its memory up to the limit."""
    page = resource.getpagesize()
    size, resident = (int(word) * page for word in Path("/proc/self/statm").read_text().split()[:2])
    limit = size + max(MEMORY - resident, 64 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    """Read one lane's inputs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lane", type=int, required=True)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--mutations", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--shared", type=Path)
    given = parser.parse_args()
    # numpy's words about hostile numbers are no failures, and nobody reads them here.
    warnings.simplefilter("ignore")
    lane = Lane(given)
    if sys.platform == "linux":
        _limit_memory()
    signal.signal(signal.SIGPROF, _give_up)
    lane.run()
    # What hostile inputs left half-made need not be taken apart.
    os._exit(0)


if __name__ == "__main__":
    main()
