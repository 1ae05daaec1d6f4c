"""Simulated scans under fluorescence and noise: never wrong more often than promised, answered where it can be."""

import numpy as np
from figures import Sheet, run
from scipy.stats import binom
from simulated import ask, in_parallel, known_as, percent, real, simulated

from spectra.fitting import Term, fit_terms
from spectra.nulls import best_terms
from spectra.recipe import prepare
from spectra.search import make_query, statistic
from spectra.values import Technique

SCANS = 3000
FLUORESCENCE, SNR = (5.0, 50.0), (3.0, 300.0)
ANSWERED = 0.8
SEED = 6
RIGHT_REASONS = {"weak_signal", "fluorescence", "component_ambiguous", "unexplained_residual"}


def measure(sheet: Sheet) -> None:
    """Draw one or two references a scan under 5 to 50 times their signal of fluorescence."""
    whole = real(sheet)
    references = whole.method.reference_set(Technique.RAMAN)
    rate = whole.method.false_alarm_rate

    def one(place: int) -> tuple[bool, bool, bool, bool]:
        rng = np.random.default_rng([SEED, place])
        count = int(rng.integers(1, 3))
        rows = [int(row) for row in rng.choice(len(references.entries), size=count, replace=False)]
        entries = [references.entries[row] for row in rows]
        scan = simulated(
            entries,
            [1.0 / count] * count,
            rng,
            snr=float(np.exp(rng.uniform(*np.log(SNR)))),
            fluorescence=float(np.exp(rng.uniform(*np.log(FLUORESCENCE)))),
            extra_fwhm=float(rng.choice((0.0, 4.0, 8.0))),
        )
        said = ask(scan, whole.method)
        truth = {known_as(entry.substance.name) for entry in entries}
        query = make_query(prepare(scan, references.recipe), references)
        fit = best_terms(query, references, rows)
        least = whole.method.threshold(Technique.RAMAN, None, query.regime)
        passes = all(
            statistic(query, fit_terms(query, references, _without(fit.terms, row)), fit) >= least
            for row in rows
        )
        offered = said.named | said.offered
        wrong = said.wrong(truth)
        return wrong, passes, bool(offered & truth), bool(set(said.reasons) & RIGHT_REASONS)

    found = in_parallel(one, range(SCANS))
    wrong = sum(a for a, *_ in found)
    most = int(binom.ppf(0.975, SCANS, rate))
    sheet.add(
        "simulated under fluorescence: wrongly named",
        f"≤ {most} of {SCANS}",
        percent(wrong, SCANS),
        passed=wrong <= most,
    )
    possible = [answer for answer in found if answer[1]]
    answered = sum(answer[2] for answer in possible)
    good = answered >= ANSWERED * len(possible)
    sheet.add(
        "where the true components would pass: answered",
        f"≥ {ANSWERED:.0%}",
        percent(answered, len(possible)),
        passed=good,
    )
    silent = [answer for answer in found if not answer[2] and not answer[0]]
    reasoned = sum(answer[3] for answer in silent)
    sheet.add(
        "the others abstain with the right reason",
        "all",
        percent(reasoned, len(silent)),
        passed=reasoned == len(silent),
    )


def _without(terms: tuple[Term, ...], row: int) -> list[Term]:
    return [term for term in terms if term.row != row]


if __name__ == "__main__":
    run(measure)
