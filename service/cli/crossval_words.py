"""A cross-validation of a class in words: what was found of members never seen, and what was not."""

from collections.abc import Iterator

from library.method_crossval import Proof
from spectra.class_crossval import CrossvalReport
from spectra.class_value import MIN_CLASS_MEMBERS
from spectra.validation import clopper_pearson

#: Shares of false alarms at which the ROC curve is printed.
ROC_AT = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)

#: Names printed of each kind of error; the JSON has all.
_MOST_NAMES = 30


def crossval_lines(proof: Proof, report: CrossvalReport) -> Iterator[str]:
    """Return a cross-validation in lines for people."""
    yield (
        f"class {report.name}, {proof.technique}, at a rate of {report.rate} per scan: {len(proof.groups)} "
        "substances left out in turn with all spectra of their skeleton"
    )
    if not proof.trainable:
        yield f"  fewer than {MIN_CLASS_MEMBERS} different members: no method trains this class from them"
    for mixed in (False, True):
        if not any(bool(trial.partner) == mixed for trial in report.trials):
            continue
        kind = "mixed with known partners (SIMULATED)" if mixed else "pure (measured)"
        yield f"  {kind}:"
        yield f"    members found       {_counted(*report.counts(members=True, mixed=mixed))}"
        yield f"    negatives detected  {_counted(*report.counts(members=False, mixed=mixed))}"
        yield f"    ROC: area {report.area(mixed=mixed):.3f}; {_roc(report, mixed=mixed)}"
        yield from _errors(report, mixed=mixed)


def _counted(k: int, n: int) -> str:
    low, high = clopper_pearson(k, n)
    return f"{k} of {n} (95 %: {low:.2f} to {high:.2f})"


def _roc(report: CrossvalReport, *, mixed: bool) -> str:
    points = report.roc(mixed=mixed)
    told = []
    for allowed in ROC_AT:
        found = max((hit for _, false, hit in points if false <= allowed), default=0.0)
        told.append(f"{found:.0%} at {allowed:.0%}")
    return "found " + ", ".join(told) + " false"


def _errors(report: CrossvalReport, *, mixed: bool) -> Iterator[str]:
    for members, words in ((True, "missed"), (False, "wrongly detected")):
        names = [
            f"{t.name} + {t.partner}" if t.partner else t.name
            for t in report.wrong(mixed=mixed)
            if t.is_member == members
        ]
        if names:
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            yield f"    {words}: {', '.join(names[:_MOST_NAMES])}{more}"
