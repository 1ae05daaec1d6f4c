"""How a verdict is told to people, everywhere the same: word, symbol, sentence and first step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spectra.reasons import Verdict


@dataclass(frozen=True, slots=True)
class Words:
    """How a verdict is shown, so that nothing hangs on a colour."""

    word: str
    """In the largest letters."""
    symbol: str
    """A sign that differs in shape from those of other verdicts."""
    sentence: str
    """What it means."""
    step: str
    """What the officer does first."""


#: Techniques as people call them.
TECHNIQUES = {"raman": "Raman", "ftir": "infrared"}

_HOLD = "Hold the parcel, do not open it further, and follow the agency's alarm procedure."

#: One man in twelve does not see the colours of an alarm: verdicts differ by word and symbol.
WORDS = {
    Verdict.ALARM_NAMED: Words("ALARM", "▲", "A watch-list substance matches.", _HOLD),
    Verdict.ALARM_CLASS: Words(
        "ALARM: CLASS OF SUBSTANCE",
        "▲",
        "The signal looks like a class on the watch list, or the instrument may not name it now.",
        _HOLD,
    ),
    Verdict.INCONCLUSIVE: Words(
        "INCONCLUSIVE", "?", "This scan cannot answer the question.", "Two tries, then refer the parcel."
    ),
    Verdict.NO_ALARM: Words(
        "NO ALARM",
        "○",
        "Nothing of the watch list above its limit in this scan. That does not mean safe.",
        "Go on with the agency's procedure for parcels without an alarm.",
    ),
}


def technique_lines(finding: Mapping[str, Any]) -> list[str]:
    """Return what each technique says by itself, a line each; none for findings of earlier builds.

    Parameters
    ----------
    finding
        Combined finding (JSON form).
    """
    return [_technique_line(one) for one in finding.get("by_technique", ())]


def _technique_line(one: Mapping[str, Any]) -> str:
    words = WORDS[Verdict(one["verdict"])]
    about = one["substances"] or [name.replace("_", " ") for name in one["classes"]]
    named = f": {', '.join(about)}" if about else ""
    spots = ", ".join(map(str, one["spots"]))
    where = f"spot {spots}" if len(one["spots"]) == 1 else f"spots {spots}"
    technique = TECHNIQUES.get(one["technique"], one["technique"])
    return f"{technique[:1].upper()}{technique[1:]}: {words.symbol} {words.word}{named} ({where})"


def attempt_lines(finding: Mapping[str, Any]) -> list[str]:
    """Return which attempts a finding rests on and which it does not; none where there was but one."""
    kinds = (
        ("carried_by", "It rests on"),
        ("superseded", "Inconclusive, answered by another attempt there"),
        ("unanswered", "Still without an answer"),
    )
    if sum(len(finding.get(kind, ())) for kind, _ in kinds) < 2:
        return []
    return [
        f"{words}: {', '.join(_place(one) for one in finding[kind])}."
        for kind, words in kinds
        if finding.get(kind)
    ]


def _place(one: Mapping[str, Any]) -> str:
    technique = TECHNIQUES.get(one["technique"], one["technique"])
    return f"spot {one['spot']}, attempt {one['attempt']} ({technique})"
