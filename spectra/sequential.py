"""Looking at a scan while it grows: when to stop, without raising the promised rate of false answers.

Each look is another chance to be wrong. By the union bound the chances add up whatever their
correlation, so the promised rate is divided among the looks (alpha spending: Lan and DeMets,
Biometrika 70 (1983) 659; the division here is our choice). An early look may answer only with
evidence beyond every null scan, which spends the least a null table can test; what is left is
for the last look.

What is named and what is excluded need not wait for the same: where the stricter threshold of a look
and the method's own name the same things, nothing stands between the two, and what a negative excludes
is stated at the method's own. No answer is given then that its look's rate does not cover.
"""

from dataclasses import dataclass

from .answer import Identification
from .reasons import Verdict

ALARMS = frozenset({Verdict.ALARM_NAMED, Verdict.ALARM_CLASS})

#: Shares of the longest scan at which an early look is taken (chosen: evidence of a strong sample
#: is there at once, and each further look would take from the last one's rate).
EARLY = (0.2, 0.4)

#: Accumulations before the first look: with fewer, a cosmic ray cannot be told from a line.
FIRST_LOOK = 2

#: Share of the promised rate that is kept for the last look (chosen).
KEPT = 0.5

#: Reasons that more light may remove; every other one stays however long one measures.
CURABLE = frozenset(
    {
        "weak_signal",
        "limit_too_high",
        "mixture_unresolved",
        "unexplained_residual",
        "fluorescence",
        "not_in_library",
        "container_only",
        "borderline",
    }
)


@dataclass(frozen=True, slots=True)
class Look:
    """One moment at which a growing scan is judged."""

    accumulations: int
    """Accumulations measured by then."""
    rate: float
    """Rate of false answers this look may have, 0–1."""


def plan_looks(rate: float, null_count: int, limit: int) -> tuple[Look, ...]:
    """Divide the promised rate among the looks at one scan.

    Parameters
    ----------
    rate
        False alarms promised for the whole scan, 0–1.
    null_count
        Null scans behind the thresholds: no rate below 1/(n+1) can be tested.
    limit
        Most accumulations.

    Returns
    -------
    tuple of Look
        In order, the last one at ``limit``; their rates add up to at most ``rate``. A table too
        small for early looks leaves only the last.
    """
    least = 1.0 / (null_count + 1)
    affordable = int((1.0 - KEPT) * rate / least + 1e-9)
    places = sorted({max(FIRST_LOOK, round(share * limit)) for share in EARLY})
    early = [Look(place, least) for place in places if place < limit][:affordable]
    return (*early, Look(limit, rate - least * len(early)))


def settled(strict: Identification, plain: Identification) -> Identification:
    """Return the answer of a look.

    Parameters
    ----------
    strict
        The scan identified at the rate of the look.
    plain
        The same scan identified at the method's own rate.

    Returns
    -------
    Identification
        ``plain`` where it names nothing that ``strict`` does not, else ``strict``.
    """
    return plain if _named(plain) == _named(strict) else strict


def _named(found: Identification) -> tuple[frozenset[str], frozenset[str], bool]:
    names = frozenset(component.reference_id for component in found.components)
    classes = frozenset(str(one["class"]) for one in found.classes if one["detected"])
    return names, classes, found.verdict in ALARMS


def decided(found: Identification) -> bool:
    """Return whether more light cannot change this answer for the better."""
    if found.verdict is not Verdict.INCONCLUSIVE:
        return True
    return "saturated" in found.reasons or not CURABLE & set(found.reasons)
