"""P-values of simulated scans all of whose content is known: uniform, and at the promised rate."""

import numpy as np
from figures import Sheet, run
from scipy.stats import kstest
from simulated import clopper_pearson, in_parallel, real

from spectra.null_scans import simulated_scan
from spectra.nulls import largest_absent
from spectra.values import Technique

SCANS = 4000
#: Apart from the seed of the method's table and of its reliability table.
SEED = 20_261_122


def measure(sheet: Sheet) -> None:
    """Simulate nulls that are in no table, and see how their p-values lie."""
    whole = real(sheet)
    references = whole.method.reference_set(Technique.RAMAN)
    table = whole.method.nulls[Technique.RAMAN]

    def p_value(child: np.random.SeedSequence) -> float:
        scan = simulated_scan(references, np.random.default_rng(child))
        return table.p_value(largest_absent(scan, references), scan.query.regime)

    p = np.array(in_parallel(p_value, np.random.SeedSequence(SEED).spawn(SCANS)))
    distance = float(kstest(p, "uniform").statistic)
    sheet.at_most(f"KS distance of {SCANS} simulated p-values from uniform", 0.03, round(distance, 4), "")
    hits = int(np.count_nonzero(p <= 0.01))
    low, high = clopper_pearson(hits, SCANS)
    said = f"{hits}/{SCANS} = {hits / SCANS:.4f}, exact 95 % {low:.4f}–{high:.4f}"
    sheet.add("rate at α = 0.01", "interval holds 0.01", said, passed=low <= 0.01 <= high)
    sheet.tell(
        "null scans in the table, of these a p-value counts against", f"{table.maxima.size}, {table.count}"
    )
    for rate in (0.002, 0.05, 0.1):
        hits = int(np.count_nonzero(p <= rate))
        sheet.tell(f"rate at α = {rate}", f"{hits / SCANS:.4f}")


if __name__ == "__main__":
    run(measure)
