"""What a validation came to: answers, failures, and the tables over them, under one label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spectra.method import Method
from spectra.validation import Judged, Names
from spectra.validation_tables import Detection, Summary, detections, summarise

from .problems import problem_of
from .validating import Failed

MEASURED, SIMULATED = "measured", "simulated"

#: What a level is a share of.
LEVELS = {MEASURED: "share by weight, as the panel says", SIMULATED: "share of the spectral area"}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything there is to print."""

    label: str
    """``measured`` or ``simulated``; stands beside every figure."""
    note: str
    """What was played or how it was simulated."""
    method: Method
    """What was validated."""
    answers: tuple[Judged, ...]
    """Judged answers in their order."""
    failed: tuple[Failed, ...]
    """Rows without an answer."""
    summaries: tuple[Summary, ...]
    """One for each group, then one for all."""
    table: tuple[Detection, ...]
    """Probability of detection."""

    def to_json(self) -> list[dict[str, Any]]:
        """Return the tables as JSON objects, of the kinds ``summary`` and ``pod``."""
        head = {
            "label": self.label,
            "training": self.method.training,
            "note": self.note,
            "method": {
                "name": self.method.name,
                "version": self.method.version,
                "digest": self.method.digest,
            },
        }
        summaries = [{"kind": "summary", **head, **one.to_json()} for one in self.summaries]
        levels = {"level_of": LEVELS[self.label]}
        return [*summaries, *({"kind": "pod", **head, **levels, **one.to_json()} for one in self.table)]


def report(
    outcomes: Iterable[Judged | Failed],
    *,
    label: str,
    note: str,
    method: Method,
    names: Names,
    targets: Sequence[str] = (),
) -> Report:
    """Gather outcomes and make their tables.

    Parameters
    ----------
    outcomes
        Judged answers and failures, in their order.
    label
        ``measured`` or ``simulated``.
    note
        What was played or how it was simulated.
    method, names
        What was validated, and which names mean one substance.
    targets
        Rows of the table of detection; by default every substance of every truth.
    """
    given = tuple(outcomes)
    answers = tuple(one for one in given if isinstance(one, Judged))
    failed = tuple(one for one in given if isinstance(one, Failed))
    groups = dict.fromkeys(one.case.group if isinstance(one, Judged) else one.row.group for one in given)
    summaries = [
        summarise(
            [one for one in answers if one.case.group == group],
            group=group,
            errors=sum(one.row.group == group for one in failed),
        )
        for group in groups
        if len(groups) > 1 or group
    ]
    everything = summarise(answers, errors=len(failed))
    table = detections(answers, names, targets=targets)
    return Report(label, note, method, answers, failed, (*summaries, everything), table)


def row_json(outcome: Judged | Failed, *, label: str, training: bool) -> dict[str, Any]:
    """Return an outcome as a JSON object of the kind ``row``; ``error`` is a problem object, or null."""
    head = {"kind": "row", "label": label, "training": training}
    if isinstance(outcome, Judged):
        return {**head, **outcome.to_json(), "error": None}
    row = outcome.row
    return {
        **head,
        "file": row.file,
        "line": row.line,
        "group": row.group,
        "truth": list(row.truth),
        "error": problem_of(outcome.error, instance=row.file),
    }
