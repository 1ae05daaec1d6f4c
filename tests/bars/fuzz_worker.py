"""Fuzz one parser in a process of its own, with a limit on memory and on the time of each input.

``fuzz_worker.py NAME --inputs N --last FILE`` prints a JSON object of what came out so far now and then, and
at its end. Where an input ends the process itself, it can be started again behind that input.
"""

import argparse
import json
import os
import random
import resource
import signal
import sys
import time
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from fuzz_target import Target, targets
from mutation import mutated

SEED = 20261121
#: Address space beyond what the process has after warming up, bytes.
MEMORY = 1 << 30
#: Growth of resident memory that is believed to be bounded, MiB.
GROWTH_MIB = 128.0
#: Processor time an input may take, s.
SLOW_S = 1.0
#: An input that takes so much processor time is given up; one that heeds no signal ends the process, s.
HANG_S, KILLED_S = 4.0, 6.0
#: Kinds of failures written down; more are only counted.
TOLD = 12
#: Inputs of one state of the random numbers.
BLOCK = 256
WARM_UP = 256


class _Hang(BaseException):
    """An input took too long."""


class Fuzzer:
    """One parser and what became of its inputs.

    Parameters
    ----------
    name
        The parser's.
    start, stop
        Numbers of the first input and of the one after the last.
    last
        File that holds the input under way, and its number.
    """

    def __init__(self, name: str, *, start: int, stop: int, last: Path) -> None:
        self._name, self._start, self._stop, self._last = name, start, stop, last
        self._target: Target = targets()[name]()
        self._seeds = (*self._target.seeds, *self._target.extra)
        self._counts = {"accepted": 0, "refused": 0, "failed": 0}
        self._failures: dict[str, dict[str, Any]] = {}
        self._slowest, self._slowest_input = 0.0, b""
        self._before = 0.0
        self._began = time.monotonic()
        for seed in self._target.seeds:
            self._target.parse(self._target.make(seed, 1) if self._target.make else seed)

    def run(self) -> None:
        """Parse all inputs."""
        with self._last.open("wb", buffering=0) as last:
            for number in range(self._start // BLOCK * BLOCK, self._stop):
                if number % BLOCK == 0:
                    rng = random.Random(f"{self._name} {SEED} {number}")
                    if number > self._start and number % (64 * BLOCK) == 0:
                        self.tell(number)
                data = mutated(rng, self._seeds)
                if self._target.make is not None:
                    data = self._target.make(data, rng.getrandbits(32))
                if number < self._start:
                    continue
                if number == min(self._start + WARM_UP, self._stop - 1):
                    self._before = _peak_mib()
                    _limit_memory()
                header = number.to_bytes(8, "little") + len(data).to_bytes(8, "little")
                os.pwrite(last.fileno(), header + data, 0)
                self._note(data, *_one(self._target, data))
        self.tell(self._stop)

    def tell(self, number: int) -> None:
        """Print what came out so far."""
        growth = _peak_mib() - self._before
        found = {
            **self._counts,
            "inputs": number - self._start,
            "seconds": round(time.monotonic() - self._began, 1),
            "failures": self._failures,
            "slowest_s": round(self._slowest, 4),
            "slowest_input": self._slowest_input.hex()[:4000],
            "growth_mib": round(growth, 1),
            "slow": self._slowest > SLOW_S,
            "unbounded": growth > GROWTH_MIB,
        }
        print(json.dumps(found), flush=True)

    def _note(self, data: bytes, outcome: "str | BaseException", taken: float) -> None:
        if taken > self._slowest:
            self._slowest, self._slowest_input = taken, data
        if isinstance(outcome, str):
            self._counts[outcome] += 1
            return
        self._counts["failed"] += 1
        kind = f"{type(outcome).__name__} at {_place(outcome)}"
        if kind in self._failures or len(self._failures) < TOLD:
            new = {"words": str(outcome)[:200], "input": data.hex()[:20000], "count": 0}
            self._failures.setdefault(kind, new)["count"] += 1


def _one(target: Target, data: bytes) -> "tuple[str | BaseException, float]":
    """Parse one input; return what became of it and the processor time, s."""
    # The second timer's signal has no handler: it also ends what loops outside Python.
    signal.setitimer(signal.ITIMER_PROF, HANG_S)
    signal.setitimer(signal.ITIMER_VIRTUAL, KILLED_S)
    began = time.thread_time()
    outcome: str | BaseException
    try:
        target.parse(data)
        outcome = "accepted"
    except target.errors:
        outcome = "refused"
    # Whatever else a parser raises is what is looked for here.
    except BaseException as error:
        outcome = error
    taken = time.thread_time() - began
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    return outcome, taken


def _give_up(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Hang(f"no end after {HANG_S:g} s")


def _place(error: BaseException) -> str:
    """Return the innermost line of ours where an error was raised."""
    place, trace = "?", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.parent.name != "bars" and "lib" not in path.parts:
            place = f"{path.parent.name}/{path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _limit_memory() -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))


def _peak_mib() -> float:
    # ru_maxrss is in KiB on Linux (getrusage(2)) and in bytes on macOS.
    unit = 1024.0 if sys.platform != "darwin" else 1024.0**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> None:
    """Fuzz one parser and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--inputs", type=int, required=True)
    parser.add_argument("--last", type=Path, required=True)
    given = parser.parse_args()
    given.last = given.last.absolute()
    # numpy's words about hostile numbers are no failures, and nobody reads them here.
    warnings.simplefilter("ignore")
    # A target that needs a file has it here.
    os.chdir(given.last.parent)
    signal.signal(signal.SIGPROF, _give_up)
    Fuzzer(given.name, start=given.start, stop=given.inputs, last=given.last).run()
    # What hostile inputs left half-made need not be taken apart.
    os._exit(0)


if __name__ == "__main__":
    main()
