"""Members of a class that nobody has: fentanyl analogues and nitazenes, each left out in turn, pure and cut 1:1.

Everything is done anew without the substance asked about and its skeleton: the class model with all its
choices, and the library that is searched. What a scan is known to hold comes from that search.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
from figures import Sheet, progress, run
from simulated import in_parallel, percent

from library.importing import import_folder
from spectra.class_crossval import CrossvalReport, Trial, judged, outer_groups
from spectra.class_evidence import counts_as_known
from spectra.class_fit import fit_class_model, group_of
from spectra.class_value import NEITHER, ClassModel
from spectra.nulls import NullTable, simulate_null
from spectra.query import make_query
from spectra.recipe import Recipe, default_recipe, prepare
from spectra.references import ReferenceEntry
from spectra.refset import ReferenceSet, build_reference_set
from spectra.select import MIN_PURITY, select
from spectra.values import FloatArray, Spectrum, Technique

RATE = 0.01
#: Simulated scans of the search's null table: enough to test the rate.
NULLS = 400
#: Nitazenes are seven; a fold has six, two fewer than a method wants. The bar asks about them all the same.
LEAST = 6
#: Class, relatives among the negatives or not: least pure members found, most pure false alarms, least share of
#: mixed members found, most share of mixed negatives.
BARS = {"fentanyl_analogue": (16, 1, 0.75, 0.01), "nitazene": (7, 0, 0.90, 0.01)}
MEMBERS = {"fentanyl_analogue": 19, "nitazene": 7}
RELATIVES = NEITHER["fentanyl_analogue"]
ROC_AT = (0.0, 0.01, 0.025, 0.05, 0.1, 0.2)
WAYS = ("by the search", "as given")


class Data:
    """The spectra of the shared folder, their reference set and its null table."""

    def __init__(self, sheet: Sheet) -> None:
        folder = sheet.needs_shared() / "data" / "ftir-drugs"
        found = import_folder(folder).entries
        self.entries = tuple(e for e in found if e.substance.substance_class not in RELATIVES)
        self.recipe: Recipe = default_recipe(Technique.FTIR)
        self.references = build_reference_set(found, self.recipe)
        self.cuts = tuple(e for e in self.entries if e.substance.substance_class == "cutting_agent")
        progress("simulating the null table of the search")
        self.nulls: NullTable = simulate_null(self.references, draws=NULLS)

    def parted(self, name: str) -> tuple[list[ReferenceEntry], list[ReferenceEntry]]:
        """Return the members of a class and everything else."""
        members = [e for e in self.entries if e.substance.substance_class == name]
        return members, [e for e in self.entries if e.substance.substance_class != name]


_DATA: Data


@cache
def _library(left: str) -> ReferenceSet:
    """Return the library without a skeleton."""
    whole = _DATA.references
    kept = [row for row, entry in enumerate(whole.entries) if group_of(entry) != left]
    return whole.subset(kept)


def _searched(name: str, left: str, spectrum: Spectrum) -> FloatArray:
    """Return the fitted parts of what a search without a skeleton takes as known."""
    library = _library(left)
    query = make_query(prepare(spectrum, _DATA.recipe), library)
    threshold = _DATA.nulls.threshold(RATE, query.regime)
    selection = select(query, library, threshold=threshold)
    named = {match.term.row for match in selection.matches if match.purity >= MIN_PURITY}
    parts = [
        part
        for term, part in zip(selection.fit.terms, selection.fit.parts, strict=True)
        if counts_as_known(library.entries[term.row], name, named=term.row in named)
    ]
    return np.stack(parts) if parts else np.zeros((0, library.axis.size))


def _fold(job: tuple[str, str]) -> list[tuple[Trial, Trial]]:
    """Leave one skeleton out and judge its scans, with what is known found by the search and as given."""
    name, left = job
    members, negatives = _DATA.parted(name)
    model = _without(name, left)
    both = []
    for entry in (e for e in (*members, *negatives) if group_of(e) == left):
        for partner in (None, *(cut for cut in _DATA.cuts if group_of(cut) != left)):
            ways = (lambda spectrum: _searched(name, left, spectrum), None)
            searched, given = (
                judged(model, entry, entry in members, partner, recipe=_DATA.recipe, rate=RATE, known_of=way)
                for way in ways
            )
            both.append((searched, given))
    return both


def _without(name: str, left: str) -> ClassModel:
    members, negatives = _DATA.parted(name)
    return fit_class_model(
        name,
        [entry for entry in members if group_of(entry) != left],
        [entry for entry in negatives if group_of(entry) != left],
        recipe=_DATA.recipe,
        least=LEAST,
    )


def measure(sheet: Sheet) -> None:
    """Leave out every substance once for each class."""
    global _DATA
    _DATA = Data(sheet)
    for name, (least, most, share, rate) in BARS.items():
        progress(f"leaving out each substance for {name}")
        groups = outer_groups(name, *_DATA.parted(name))
        folds = in_parallel(_fold, [(name, left) for left in groups])
        for way, words in enumerate(WAYS):
            trials = tuple(pair[way] for fold in folds for pair in fold)
            report = CrossvalReport(name, RATE, trials)
            _tell(sheet, report, words)
            if way == 0:
                _judge(sheet, report, least, most, share, rate)


def _judge(sheet: Sheet, report: CrossvalReport, least: int, most: int, share: float, rate: float) -> None:
    """Hold the figures with the search in the way against the bar."""
    found, members = report.counts(members=True, mixed=False)
    false, negatives = report.counts(members=False, mixed=False)
    mixed, mixtures = report.counts(members=True, mixed=True)
    alarms, others = report.counts(members=False, mixed=True)
    name, complete = report.name, members == MEMBERS[report.name]
    sheet.add(
        f"{name}, measured, pure: analogues found that were left out",
        f"≥ {least} of {MEMBERS[name]}",
        percent(found, members),
        passed=complete and found >= least,
    )
    sheet.add(
        f"{name}, measured, pure: negatives detected",
        f"≤ {most}",
        percent(false, negatives),
        passed=false <= most,
    )
    sheet.add(
        f"{name}, simulated 1:1 with ten cuts: analogues found",
        f"≥ {share:.0%}",
        percent(mixed, mixtures),
        passed=mixed >= share * mixtures > 0,
    )
    sheet.add(
        f"{name}, simulated 1:1 with ten cuts: negatives detected",
        f"≤ {rate:.0%}",
        percent(alarms, others),
        passed=alarms <= rate * others,
    )


def _tell(sheet: Sheet, report: CrossvalReport, way: str) -> None:
    """Print the ROC, counts and every error of a class."""
    rows = []
    for mixed in (False, True):
        kind = "simulated 1:1" if mixed else "measured, pure"
        points = report.roc(mixed=mixed)
        best = [max((hit for _, false, hit in points if false <= at), default=0.0) for at in ROC_AT]
        rows.append([kind, f"{report.area(mixed=mixed):.3f}", *(f"{one:.0%}" for one in best)])
        head = f"{report.name}, {kind}, known {way}"
        sheet.tell(f"{head}: found", percent(*report.counts(members=True, mixed=mixed)))
        sheet.tell(f"{head}: false", percent(*report.counts(members=False, mixed=mixed)))
        wrong = report.wrong(mixed=mixed)
        sheet.tell(f"{head}: missed", _names([t for t in wrong if t.is_member]))
        sheet.tell(f"{head}: wrongly detected", _names([t for t in wrong if not t.is_member]))
    head = [f"{report.name}, known {way}", "ROC area", *(f"found at {at:.1%} false" for at in ROC_AT)]
    sheet.table(head, rows)
    sheet.facts[f"{report.name}, known {way}"] = report.to_json()


def _names(trials: Sequence[Trial]) -> str:
    counted = Counter(trial.name for trial in trials)
    return ", ".join(f"{n} ×{k}" if k > 1 else n for n, k in counted.most_common()) or "none"


if __name__ == "__main__":
    run(measure)
