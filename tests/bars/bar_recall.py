"""Recall of the screen of 25,000 references: is the exact winner among those passed on to exact fits?"""

import argparse

import numpy as np
import speed_exact
import speed_references
from figures import Sheet, progress, run

from spectra import _kernels
from spectra.fitting import SHIFTS
from spectra.screening import TOP
from spectra.search import begin

CORES = 2

#: Share of queries whose exact winner must be among the candidates, and the least number of queries.
RECALL, LEAST = 0.999, 1000


def measure(sheet: Sheet) -> None:
    """Count the simulated scans whose exact winner is among the candidates of the screen."""
    shared = sheet.needs_shared()
    if not _kernels.available():
        raise SystemExit("numba is missing: install opioscan[fast]")
    axis, made = speed_references.generate(shared)
    references = speed_references.reference_set(axis, speed_references.derivatives(axis, made))
    progress(f"{len(made)} references generated")
    rng = np.random.default_rng(7)
    found, empty, fits, ranks, missed = 0, 0, 0, [], []
    stacks = speed_exact.stacked(references)
    count = int(sheet.given.queries)
    for done in range(count):
        query = speed_references.simulated_query(references, rng)
        null = speed_references.null_fit(query, references)
        screened = begin(query, references, null, SHIFTS)
        assert screened is not None
        top = screened.top(TOP)
        winner = speed_exact.exact_winner(query, references, stacks, null, SHIFTS, workers=CORES)
        fits += winner.fits
        if winner.term is None:
            empty += 1
            continue
        place = np.flatnonzero(top.rows == winner.term.row)
        found += bool(place.size)
        ranks += [int(place[0]) + 1] if place.size else []
        missed += [] if place.size else [f"scan {done}: {winner}, noise share {query.noise_share:.2f}"]
        if done % 100 == 99:
            progress(f"recall: {found}/{done + 1 - empty}")
    asked = count - empty
    sheet.add(
        f"exact winner of 25,000 × 9 shifts × 2 widths among the top {TOP} of the screen, simulated scans",
        f"≥ 99.9 % of ≥ {LEAST}",
        f"{found}/{asked}, worst rank {max(ranks, default=0)}, at rank 1 {ranks.count(1)}",
        passed=found >= RECALL * asked and asked >= LEAST,
    )
    sheet.tell("among the first 32, which are screened at every width", f"{sum(r <= 32 for r in ranks)}")
    sheet.facts["recall"] = {"asked": asked, "found": found, "exact fits": fits, "missed": missed}
    sheet.facts["recall"]["nothing explains"] = empty


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--queries", type=int, default=1010, help="scans whose exact winner is looked for")


if __name__ == "__main__":
    run(measure, _options)
