"""Combining the identifications of one screening into one finding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ValueRangeError
from .reasons import Verdict

#: What the outside world is told. The system never says "release".
OUTWARD = {
    Verdict.ALARM_NAMED: "hold",
    Verdict.ALARM_CLASS: "hold",
    Verdict.INCONCLUSIVE: "refer",
    Verdict.NO_ALARM: "no_hold_requested",
}

_RANK = (Verdict.ALARM_NAMED, Verdict.ALARM_CLASS, Verdict.NO_ALARM, Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Finding:
    """What all scans of one visit say together. Always presumptive."""

    verdict: Verdict
    """The combined verdict."""
    outward: str
    """``hold``, ``refer`` or ``no_hold_requested``."""
    reasons: tuple[str, ...]
    """Reasons of the identifications that carry the verdict, in order, without repeats."""
    techniques: tuple[str, ...]
    """Techniques that carry the verdict, sorted; two of them are still both vibrational."""
    substances: tuple[str, ...]
    """Names of the alarming substances, sorted; empty without a named alarm."""
    training: bool
    """True where every identification was made with a training method."""


def combine(identifications: Sequence[Mapping[str, Any]]) -> Finding:
    """Combine identifications (JSON form) of one screening.

    An alarm is never outvoted by a later negative. Without an alarm, one spot that could
    not be judged does not undo another that was, unless a spot stayed without any answer:
    then the screening stays inconclusive, because what lies at that spot is unknown.

    Parameters
    ----------
    identifications
        Objects of the contract ``opioscan.identification/1``, oldest first; each may carry
        an additional number ``spot`` (default 1). A later attempt at a spot replaces an
        earlier *inconclusive* one there.

    Raises
    ------
    ValueRangeError
        No identification was given.
    """
    if not identifications:
        raise ValueRangeError("a finding needs at least one identification")
    verdicts = [Verdict(one["verdict"]) for one in identifications]
    training = all(bool(one.get("training")) for one in identifications)
    for alarm in _RANK[:2]:
        if alarm in verdicts:
            carriers = [one for one, v in zip(identifications, verdicts, strict=True) if v is alarm]
            return _finding(alarm, carriers, training=training)
    answered = {
        one.get("spot", 1)
        for one, verdict in zip(identifications, verdicts, strict=True)
        if verdict is Verdict.NO_ALARM
    }
    open_ = [
        one
        for one, verdict in zip(identifications, verdicts, strict=True)
        if verdict is Verdict.INCONCLUSIVE and one.get("spot", 1) not in answered
    ]
    if open_:
        return _finding(Verdict.INCONCLUSIVE, open_, training=training)
    carriers = [one for one, v in zip(identifications, verdicts, strict=True) if v is Verdict.NO_ALARM]
    return _finding(Verdict.NO_ALARM, carriers, training=training)


def _finding(verdict: Verdict, carriers: Sequence[Mapping[str, Any]], *, training: bool) -> Finding:
    reasons = dict.fromkeys(code for one in carriers for code in one.get("reasons", ()))
    names = (
        {
            part["substance"]
            for one in carriers
            for part in one.get("components", ())
            if part.get("watch_list", part["controlled"])
        }
        if verdict is Verdict.ALARM_NAMED
        else set()
    )
    return Finding(
        verdict=verdict,
        outward=OUTWARD[verdict],
        reasons=tuple(reasons),
        techniques=tuple(sorted({one["technique"] for one in carriers})),
        substances=tuple(sorted(names)),
        training=training,
    )
