"""Tables over judged answers: rates for each group, and the probability of detection.

The second is in the form of ASTM E3290: for a target in a matrix at a level, how many of how many samples
were detected, the probability of detection with its exact interval, and the false alarms without the target.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .reasons import REASONS, Verdict
from .validation import CONFIDENCE, Judged, Names, Rate


@dataclass(frozen=True, slots=True)
class Summary:
    """What the answers of a group came to. Each rate says out of how many."""

    group: str | None
    """Name of the group; None stands for all of them."""
    scans: int
    """Answers."""
    errors: int
    """Rows without an answer, in no rate."""
    top1: Rate
    """First component is in the truth; of the answers whose truth is not empty."""
    named: Rate
    """Everything of the truth is named; of the same."""
    wrongly_named: Rate
    """Something is named as content that is not there; of all answers."""
    offered: Rate
    """Something of the truth that is not named stands among the alternatives; as for `named`."""
    silent: Rate
    """No content named, no alarm; of all answers."""
    verdicts: dict[str, Rate]
    """Each verdict; of all answers."""
    reasons: dict[str, Rate]
    """Each reason of an *inconclusive* answer; of all answers. One answer may have several."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "group": self.group,
            "scans": self.scans,
            "errors": self.errors,
            "confidence": CONFIDENCE,
            "top1": self.top1.to_json(),
            "named": self.named.to_json(),
            "wrongly_named": self.wrongly_named.to_json(),
            "offered": self.offered.to_json(),
            "silent": self.silent.to_json(),
            "verdicts": {name: rate.to_json() for name, rate in self.verdicts.items()},
            "abstentions": {name: rate.to_json() for name, rate in self.reasons.items()},
        }


@dataclass(frozen=True, slots=True)
class Detection:
    """A row of the table of detection."""

    target: str
    """Substance looked for."""
    matrix: str
    """Group the samples belong to."""
    level: float | None
    """Share of the target, 0 to 1; None where the panel does not say it."""
    detected: Rate
    """Samples in which the target was named, or its class alarmed."""
    named: Rate
    """Samples in which it was named."""
    false_alarms: Rate
    """Samples of the same matrix without the target in which it was named, or its class alarmed."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "target": self.target,
            "matrix": self.matrix,
            "level": self.level,
            "samples": self.detected.n,
            "detections": self.detected.k,
            "pod": self.detected.to_json(),
            "pod_at_least": round(self.detected.at_least, 6),
            "confidence": CONFIDENCE,
            "named": self.named.to_json(),
            "false_alarms": self.false_alarms.to_json(),
        }


def summarise(answers: Sequence[Judged], *, group: str | None = None, errors: int = 0) -> Summary:
    """Count the answers of a group.

    Parameters
    ----------
    answers
        All of them.
    group
        Its name, for the table; None for all answers.
    errors
        Rows of the group that could not be read; they are told, and in no rate.
    """
    n = len(answers)
    known = [one for one in answers if one.case.truth]
    verdicts = Counter(one.verdict for one in answers)
    reasons = Counter(code for one in answers if one.abstained for code in dict.fromkeys(one.reasons))
    return Summary(
        group=group,
        scans=n,
        errors=errors,
        top1=Rate(sum(bool(one.top1) for one in known), len(known)),
        named=Rate(sum(one.complete for one in known), len(known)),
        wrongly_named=Rate(sum(bool(one.wrong) for one in answers), n),
        offered=Rate(sum(bool(one.offered) for one in known), len(known)),
        silent=Rate(sum(one.silent for one in answers), n),
        verdicts={str(verdict): Rate(verdicts[verdict], n) for verdict in Verdict},
        reasons={code: Rate(reasons[code], n) for code in REASONS if code in reasons},
    )


def detections(
    answers: Sequence[Judged], names: Names, *, targets: Sequence[str] = ()
) -> tuple[Detection, ...]:
    """Make the table of detection.

    Parameters
    ----------
    answers
        Judged answers of all groups; a group is a matrix.
    names
        Which names mean one substance.
    targets
        What was looked for; by default every substance of every truth.

    Returns
    -------
    tuple of Detection
        By target, matrix and level, in the order in which they first appear; levels ascending.
    """
    wanted = {names.key(name): name for name in targets}
    if not targets:
        for one in answers:
            for name in one.case.truth:
                wanted.setdefault(names.key(name), name)
    matrices: dict[str, list[Judged]] = {}
    for one in answers:
        matrices.setdefault(one.case.group, []).append(one)
    rows = [
        _levels(key, name, matrix, inside, names)
        for key, name in wanted.items()
        for matrix, inside in matrices.items()
    ]
    return tuple(row for some in rows for row in some)


def _levels(key: str, name: str, matrix: str, answers: Sequence[Judged], names: Names) -> list[Detection]:
    """Return the rows of one target in one matrix."""
    levels: dict[float | None, list[Judged]] = {}
    without: list[Judged] = []
    for one in answers:
        keys = [names.key(part) for part in one.case.truth]
        if key in keys:
            levels.setdefault(one.case.levels[keys.index(key)], []).append(one)
        else:
            without.append(one)
    signs = {key, names.class_of(name)}
    alarms = sum(key in one.hits or not signs.isdisjoint(one.alarmed) for one in without)
    ordered = sorted(levels, key=lambda level: (level is not None, level or 0.0))
    return [
        Detection(
            target=name,
            matrix=matrix,
            level=level,
            detected=Rate(sum(_detected(key, one, names) for one in levels[level]), len(levels[level])),
            named=Rate(sum(key in one.hits for one in levels[level]), len(levels[level])),
            false_alarms=Rate(alarms, len(without)),
        )
        for level in ordered
    ]


def _detected(key: str, answer: Judged, names: Names) -> bool:
    return key in answer.hits or any(names.key(name) == key for name in answer.by_class)
