"""Stated limits of a negative, verified by injecting the substance into the very scan that stated them."""

from dataclasses import replace

import numpy as np
from figures import Sheet, run
from simulated import NOW, VERIFIED, ask, in_parallel, known_as, percent, real, simulated

from spectra.identification import identify
from spectra.method import WatchItem
from spectra.values import Technique

SCANS = 1000
ABOVE, BELOW = 1.5, 0.5
FOUND, MISSED = 0.95, 0.50
SEED = 7


def measure(sheet: Sheet) -> None:
    """State the limit of a substance that is not there, then put it there above and below the limit."""
    whole = real(sheet)
    entries = whole.method.reference_set(Technique.RAMAN).entries

    def one(place: int) -> tuple[float, bool, bool] | None:
        draw = np.random.default_rng([SEED, place])
        count = int(draw.integers(2, 4))
        drawn = [entries[int(row)] for row in draw.choice(len(entries), size=count, replace=False)]
        target, matrix = drawn[0], drawn[1:]
        if known_as(target.substance.name) in {known_as(e.substance.name) for e in matrix}:
            return None
        how = {
            "snr": float(np.exp(draw.uniform(np.log(20.0), np.log(500.0)))),
            "extra_fwhm": float(draw.choice((0.0, 4.0, 8.0))),
            "shift": float(draw.uniform(-1.0, 1.0)),
        }
        method = replace(whole.method, watch_list=(WatchItem(target.substance.name),))

        def scan(share: float):
            parts = [share, *[(1.0 - share) / len(matrix)] * len(matrix)]
            return simulated(drawn, parts, np.random.default_rng([SEED, place, 1]), **how)

        clear = identify(scan(0.0), method, now=NOW, state=VERIFIED)
        limit = clear.not_excluded[0]["detectable_share"]
        if limit is None or ABOVE * limit > 0.9 or clear.verdict == "alarm_named":
            return None
        name = known_as(target.substance.name)
        seen = [ask(scan(factor * limit), method) for factor in (ABOVE, BELOW)]
        return limit, *(name in (said.named | said.offered) for said in seen)

    found = [answer for answer in in_parallel(one, range(round(SCANS * 1.15))) if answer is not None][:SCANS]
    above, below = sum(a for _, a, _ in found), sum(b for _, _, b in found)
    n = len(found)
    sheet.add(
        f"simulated at {ABOVE} × the limit: found",
        f"≥ {FOUND:.0%}",
        percent(above, n),
        passed=above >= FOUND * n and n >= SCANS,
    )
    sheet.add(
        f"simulated at {BELOW} × the limit: found",
        f"≤ {MISSED:.0%}",
        percent(below, n),
        passed=below <= MISSED * n,
    )
    shares = np.array([limit for limit, *_ in found])
    quartiles = " / ".join(f"{value:.3f}" for value in np.quantile(shares, (0.25, 0.5, 0.75)))
    sheet.tell("stated limits (share of area), quartiles", quartiles)


if __name__ == "__main__":
    run(measure)
