"""How a verdict is told to people, everywhere the same: word, symbol, sentence and first step."""

from dataclasses import dataclass

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
