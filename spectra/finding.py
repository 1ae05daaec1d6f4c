"""Combining the identifications of one screening into one finding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .agreement import Agreement, TechniqueSummary, agreement_of, summary_of, watched_parts
from .attempts import AttemptRef, attempt_of
from .errors import ValueRangeError
from .reasons import REASONS, Verdict

#: What the outside world is told. The system never says "release".
OUTWARD = {
    Verdict.ALARM_NAMED: "hold",
    Verdict.ALARM_CLASS: "hold",
    Verdict.INCONCLUSIVE: "refer",
    Verdict.NO_ALARM: "no_hold_requested",
}

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What all scans of one visit say together. Always presumptive."""

    verdict: Verdict
    """The combined verdict."""
    outward: str
    """``hold``, ``refer`` or ``no_hold_requested``."""
    reasons: tuple[str, ...]
    """Reasons of the identifications that carry the verdict, in the table's order, without repeats."""
    techniques: tuple[str, ...]
    """Techniques that carry the verdict, sorted; two of them are still both vibrational."""
    substances: tuple[str, ...]
    """Names of the alarming substances, sorted; empty without a named alarm."""
    training: bool
    """True where every identification was made with a training method."""
    by_technique: tuple[TechniqueSummary, ...]
    """What each technique says by itself, sorted by technique."""
    agreement: Agreement
    """How the techniques stand to each other."""
    agreement_text: str
    """The same in a sentence, with the rule of two techniques."""
    carried_by: tuple[AttemptRef, ...]
    """Attempts the verdict rests on."""
    superseded: tuple[AttemptRef, ...]
    """Inconclusive attempts at spots where another attempt has an answer."""
    unanswered: tuple[AttemptRef, ...]
    """Inconclusive attempts at spots without any answer; what lies there is unknown, also beside an alarm."""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        lists = ("reasons", "techniques", "substances")
        nested = ("by_technique", "carried_by", "superseded", "unanswered")
        return {
            "verdict": str(self.verdict),
            "outward": self.outward,
            "training": self.training,
            "agreement": str(self.agreement),
            "agreement_text": self.agreement_text,
            **{name: list(getattr(self, name)) for name in lists},
            **{name: [one.to_json() for one in getattr(self, name)] for name in nested},
        }


def combine(identifications: Sequence[Found]) -> Finding:
    """Combine identifications (JSON form) of one screening.

    An alarm is never outvoted by a later negative. Without an alarm, one spot that could
    not be judged does not undo another that was, unless a spot stayed without any answer:
    then the screening stays inconclusive, because what lies at that spot is unknown.
    The finding does not depend on the order of the identifications.

    Parameters
    ----------
    identifications
        Objects of the contract ``opioscan.identification/1``; each may carry the additional
        numbers ``spot`` and ``attempt`` (default 1). An answer at a spot, by either technique,
        supersedes the *inconclusive* attempts there.

    Raises
    ------
    ValueRangeError
        No identification was given.
    """
    if not identifications:
        raise ValueRangeError("a finding needs at least one identification")
    verdict, carriers = _judged(identifications)
    summaries = _by_technique(identifications)
    agreement, words = agreement_of(summaries)
    answered = {_spot(one) for one in identifications if one["verdict"] != Verdict.INCONCLUSIVE}
    silent = [one for one in identifications if one["verdict"] == Verdict.INCONCLUSIVE]
    told = {code for one in carriers for code in one.get("reasons", ())}
    named = [part["substance"] for one in carriers for part in watched_parts(one)]
    return Finding(
        verdict=verdict,
        outward=OUTWARD[verdict],
        reasons=(*(code for code in REASONS if code in told), *sorted(told - REASONS.keys())),
        techniques=tuple(sorted({one["technique"] for one in carriers})),
        substances=tuple(sorted(set(named))) if verdict is Verdict.ALARM_NAMED else (),
        training=all(bool(one.get("training")) for one in identifications),
        by_technique=summaries,
        agreement=agreement,
        agreement_text=words,
        carried_by=_listed(carriers),
        superseded=_listed([one for one in silent if _spot(one) in answered]),
        unanswered=_listed([one for one in silent if _spot(one) not in answered]),
    )


def _judged(identifications: Sequence[Found]) -> tuple[Verdict, list[Found]]:
    """Return the combined verdict and the identifications it rests on."""
    of: dict[Verdict, list[Found]] = {verdict: [] for verdict in Verdict}
    for one in identifications:
        of[Verdict(one["verdict"])].append(one)
    for alarm in (Verdict.ALARM_NAMED, Verdict.ALARM_CLASS):
        if of[alarm]:
            return alarm, of[alarm]
    answered = {_spot(one) for one in of[Verdict.NO_ALARM]}
    open_ = [one for one in of[Verdict.INCONCLUSIVE] if _spot(one) not in answered]
    return (Verdict.INCONCLUSIVE, open_) if open_ else (Verdict.NO_ALARM, of[Verdict.NO_ALARM])


def _by_technique(identifications: Sequence[Found]) -> tuple[TechniqueSummary, ...]:
    groups: dict[str, list[Found]] = {}
    for one in identifications:
        groups.setdefault(str(one["technique"]), []).append(one)
    return tuple(summary_of(name, _judged(group)[0], group) for name, group in sorted(groups.items()))


def _listed(found: Sequence[Found]) -> tuple[AttemptRef, ...]:
    return tuple(sorted(map(attempt_of, found), key=lambda one: one.place))


def _spot(one: Found) -> int:
    return int(one.get("spot", 1))
