"""What a panel of known samples says about a method: counts, rates and their exact intervals."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

from scipy.special import betaincinv

from .answer import WITHHELD, Identification
from .errors import ValueRangeError
from .reasons import Verdict

#: Verdicts that stop a parcel.
ALARMS = frozenset({Verdict.ALARM_NAMED, Verdict.ALARM_CLASS})

#: Confidence of every interval printed, unless another is asked for (the usual one; chosen).
CONFIDENCE = 0.95


def clopper_pearson(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact two-sided interval of a rate of which k cases in n were seen.

    Clopper and Pearson, Biometrika 26 (1934) 404: its ends are quantiles of beta distributions.

    Parameters
    ----------
    k
        Cases seen, 0 to n.
    n
        Cases looked at; with none, nothing is known and the interval is 0 to 1.
    confidence
        Least coverage of the interval, above 0 and below 1.

    Returns
    -------
    tuple of float
        Lower and upper end, 0 to 1; the lower one is 0 for k = 0 and the upper one 1 for k = n.

    Raises
    ------
    ValueRangeError
        k is not within 0 to n, or the confidence not between 0 and 1.
    """
    if not 0 <= k <= n:
        raise ValueRangeError(f"{k} cases of {n}")
    if not (math.isfinite(confidence) and 0.0 < confidence < 1.0):
        raise ValueRangeError(f"a confidence of {confidence} is not between 0 and 1")
    tail = (1.0 - confidence) / 2.0
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1.0 - tail)) if k < n else 1.0
    return low, high


@dataclass(frozen=True, slots=True)
class Rate:
    """Cases among all that were looked at, with the exact interval of their rate."""

    k: int
    """Cases seen."""
    n: int
    """Cases looked at."""

    @property
    def rate(self) -> float | None:
        """Share of the cases; None where nothing was looked at."""
        return self.k / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """`clopper_pearson` of it, at `CONFIDENCE`."""
        return clopper_pearson(self.k, self.n)

    @property
    def at_least(self) -> float:
        """Rate that is exceeded with `CONFIDENCE`, one-sided: what so many samples can promise."""
        return clopper_pearson(self.k, self.n, 2.0 * CONFIDENCE - 1.0)[0]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        low, high = self.interval
        return {
            "k": self.k,
            "n": self.n,
            "rate": None if self.rate is None else round(self.rate, 6),
            "low": round(low, 6),
            "high": round(high, 6),
        }


class Names(Protocol):
    """Knows which names mean one substance; `library` has what it takes to make one."""

    def key(self, name: str) -> str:
        """Return one text for all names of a substance."""
        ...

    def class_of(self, name: str) -> str:
        """Return a substance's class; empty where it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """A sample of a panel, and what is known to be in it."""

    source: str
    """Where its scan is: a path, or how it was simulated."""
    group: str
    """What it is counted with, such as the container or the matrix; empty for none."""
    truth: tuple[str, ...]
    """Substances in it; empty where none of the library is."""
    levels: tuple[float | None, ...]
    """Share of each of `truth`, 0 to 1; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer beside the truth."""

    case: Case
    """The sample."""
    technique: str
    """How it was scanned."""
    verdict: Verdict
    """The answer's verdict."""
    reasons: tuple[str, ...]
    """The answer's reasons."""
    top1: bool | None
    """Whether the first component is in the truth; None where the truth is empty."""
    named: tuple[str, ...]
    """Substances of the truth that are components."""
    missed: tuple[str, ...]
    """Substances of the truth that are not."""
    wrong: tuple[str, ...]
    """Components called content that the truth does not hold, as the answer wrote them."""
    containers: tuple[str, ...]
    """Components called container that the truth does not hold."""
    offered: tuple[str, ...]
    """Missed substances that stand among a component's alternatives; not named."""
    by_class: tuple[str, ...]
    """Missed substances for which the answer alarms without the name: by their class, or withheld."""
    hits: tuple[str, ...]
    """Keys of all that is named, for counting false alarms."""
    alarmed: tuple[str, ...]
    """What is alarmed for without a name: classes, and the keys of all that a withheld name may stand for."""

    @property
    def complete(self) -> bool:
        """Whether everything of a truth that is not empty was named."""
        return bool(self.case.truth) and not self.missed

    @property
    def silent(self) -> bool:
        """Whether no content was named and no class alarmed, right or wrong."""
        return not (self.named or self.wrong or self.verdict in ALARMS)

    @property
    def abstained(self) -> bool:
        """Whether the verdict is *inconclusive*."""
        return self.verdict is Verdict.INCONCLUSIVE

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        levels = list(self.case.levels)
        return {
            "file": self.case.source,
            "group": self.case.group,
            "truth": list(self.case.truth),
            "levels": levels if any(level is not None for level in levels) else [],
            "technique": self.technique,
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
            "top1": self.top1,
            "named": list(self.named),
            "missed": list(self.missed),
            "wrongly_named": list(self.wrong),
            "containers": list(self.containers),
            "offered": list(self.offered),
            "alarmed_by_class": list(self.by_class),
        }


def judge(answer: Identification, case: Case, names: Names) -> Judged:
    """Hold an answer against the truth.

    Names are compared by their keys. A container is never wrong, but it is right where the truth is the
    container's material. A name that is withheld is not a name.

    Parameters
    ----------
    answer
        What `spectra.identification.identify` said.
    case
        What is in the sample.
    names
        Which names mean one substance.
    """
    parts = [part for part in answer.components if part.substance != WITHHELD]
    truth = {names.key(name): name for name in case.truth}
    found = {names.key(part.substance) for part in parts}
    named = tuple(name for key, name in truth.items() if key in found)
    missed = {key: name for key, name in truth.items() if key not in found}
    strange = [part for part in parts if names.key(part.substance) not in truth]
    others = {names.key(other) for part in parts for other in part.alternatives}
    alarmed: tuple[str, ...] = ()
    if answer.verdict in ALARMS:
        alarmed = tuple(str(one["class"]) for one in answer.classes if one["detected"])
        if len(parts) < len(answer.components):
            alarmed += tuple(names.key(str(one.get("substance"))) for one in answer.not_excluded)
    return Judged(
        case=case,
        technique=str(answer.technique),
        verdict=answer.verdict,
        reasons=answer.reasons,
        top1=(bool(parts) and names.key(parts[0].substance) in truth) if truth else None,
        named=named,
        missed=tuple(missed.values()),
        wrong=tuple(dict.fromkeys(part.substance for part in strange if part.role == "content")),
        containers=tuple(dict.fromkeys(part.substance for part in strange if part.role != "content")),
        offered=tuple(name for key, name in missed.items() if key in others),
        by_class=tuple(n for key, n in missed.items() if key in alarmed or names.class_of(n) in alarmed),
        hits=tuple(sorted(found)),
        alarmed=alarmed,
    )
