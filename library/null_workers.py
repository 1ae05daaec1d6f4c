"""Null tables simulated by several processes: the same table, sooner."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

import numpy as np

from spectra.null_scans import simulated_scan
from spectra.nulls import NullTable, largest_absent, ordered_table, simulate_null
from spectra.refset import ReferenceSet

#: Draws below which starting processes takes longer than they save (chosen; starting two takes about 2 s).
WORTH_IT = 1500

#: Draws a process is given at once (chosen: a progress bar that moves, and few messages).
PORTION = 50


def simulate_null_by(
    workers: int,
    references: ReferenceSet,
    *,
    draws: int,
    seed: int = 0,
    advance: Callable[[float], None] | None = None,
) -> NullTable:
    """Build the null table of a reference set as `spectra.nulls.simulate_null` does, to the last bit.

    Each draw has a random stream of its own, so that it does not matter who draws it.

    Parameters
    ----------
    workers
        Processes; one, or few draws, are simulated right here.
    references, draws, seed, advance
        As there.
    """
    if workers <= 1 or draws < WORTH_IT:
        return simulate_null(references, draws=draws, seed=seed, advance=advance)
    maxima, shares = np.empty(draws), np.empty(draws)
    with ProcessPoolExecutor(workers, get_context("spawn"), _receive, (references, seed)) as pool:
        waiting = {pool.submit(_portion, part.start, part.stop): part for part in _portions(draws)}
        for done in as_completed(waiting):
            part = waiting[done]
            here = slice(part.start, part.stop)
            maxima[here], shares[here] = done.result()
            if advance is not None:
                advance(float(len(part)))
    return ordered_table(maxima, shares, seed)


def _portions(draws: int) -> Iterator[range]:
    for start in range(0, draws, PORTION):
        yield range(start, min(start + PORTION, draws))


#: What a worker process was started with: sent once, not with every portion.
_mine: dict[str, tuple[ReferenceSet, int]] = {}


def _receive(references: ReferenceSet, seed: int) -> None:
    _mine["task"] = references, seed


def _portion(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Simulate the draws of a portion by their numbers."""
    references, seed = _mine["task"]
    maxima, shares = np.empty(stop - start), np.empty(stop - start)
    for place, number in enumerate(range(start, stop)):
        # the child a spawn of all draws would give, see numpy.random.SeedSequence.spawn
        child = np.random.SeedSequence(seed, spawn_key=(number,))
        scan = simulated_scan(references, np.random.default_rng(child))
        maxima[place], shares[place] = largest_absent(scan, references), scan.query.regime
    return maxima, shares
