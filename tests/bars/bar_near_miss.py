"""Pairs of the most alike substances, one hiding 20 % in the other: flagged as a mixture or as unexplained."""

import numpy as np
from figures import Sheet, run
from simulated import Said, ask, in_parallel, known_as, pairs, percent, real, simulated

SHARE, LEAST, REPEATS = 0.2, 0.9, 10
WIDTHS = (0.0, 4.0, 8.0)
BAR_WIDTH = 4.0
SEED = 5


def measure(sheet: Sheet) -> None:
    """Mix every pair both ways, ten times at each width."""
    whole = real(sheet)
    both = [pair for a, b in pairs(sheet, "near_miss_pairs.csv") for pair in ((a, b), (b, a))]
    jobs = [(w, k, r, *pair) for w in WIDTHS for k, pair in enumerate(both) for r in range(REPEATS)]

    def one(job: tuple[float, int, int, str, str]) -> Said:
        width, place, repeat, major, minor = job
        rng = np.random.default_rng([SEED, round(width), place, repeat])
        entries = [whole.entry(major), whole.entry(minor)]
        return ask(simulated(entries, [1.0 - SHARE, SHARE], rng, extra_fwhm=width), whole.method)

    found = in_parallel(one, jobs)
    rows = []
    for width in WIDTHS:
        cell = [(job, said) for job, said in zip(jobs, found, strict=True) if job[0] == width]
        flagged = sum(_flagged(said) for _, said in cell)
        false = sum(bool(said.named - {known_as(j[3]), known_as(j[4])}) for j, said in cell)
        rows.append([f"{width:g} cm⁻¹", percent(flagged, len(cell)), percent(false, len(cell))])
        if width == BAR_WIDTH:
            good = flagged >= LEAST * len(cell)
            sheet.add(
                "simulated near misses, 4 cm⁻¹: flagged",
                f"≥ {LEAST:.0%}",
                percent(flagged, len(cell)),
                passed=good,
            )
            unseen = sorted({f"{j[4]} in {j[3]}" for j, said in cell if not _flagged(said)})
            sheet.facts["not flagged"] = unseen
    sheet.table(["extra width", "flagged", "something false"], rows)


def _flagged(said: Said) -> bool:
    """Whether an answer says that there is more than one known substance."""
    return len(said.named) > 1 or bool(
        {"unexplained_residual", "mixture_unresolved", "component_ambiguous"} & set(said.reasons)
    )


if __name__ == "__main__":
    run(measure)
