"""How findings and results are told on every page: the same sign, word, outward word, reasons and owners."""

from collections.abc import Sequence
from dataclasses import dataclass

from spectra.reasons import REASONS, Verdict

from ...words import WORDS
from ..screenings.models import FindingView, State

#: What the parcel system is told, in words of people; None where it is told nothing.
OUTWARD = {
    "hold": "hold requested",
    "refer": "refer",
    "no_hold_requested": "no hold requested",
    None: "nothing said yet",
}

#: What each outward word asks of the parcel system.
OUTWARD_SENTENCES = {
    "hold": "The parcel system is asked to hold the parcel.",
    "refer": "The parcel system is asked to refer the parcel: this answers nothing.",
    "no_hold_requested": "No hold is asked for. That releases nothing and does not mean safe.",
    None: "The parcel system is told nothing yet: only a complete screening may lift a hold request.",
}

STATES = {State.OPEN: "in progress", State.COMPLETE: "complete", State.SUPERSEDED: "superseded"}

#: Mark of a result that a failed verification made doubtful; a sign of its own, and words.
UNDER_REVIEW = "⚑ UNDER REVIEW: the instrument failed a verification; the finding stands meanwhile"


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """A verdict as a page shows it, or that there is none."""

    kind: str
    """Class in the style sheet."""
    symbol: str
    """A sign that differs in shape from those of others."""
    word: str
    """In large letters, with what alarmed."""
    sentence: str
    """What it means."""
    step: str
    """What is done first; empty for nothing."""


NO_RESULT = VerdictWords("none", "…", "NO RESULT YET", "Nothing has been measured in this screening.", "")


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """Why a verdict is not stronger, what to do, and who does it."""

    code: str
    text: str
    next_step: str
    owner: str


def verdict_words(verdict: Verdict | str, about: Sequence[str] = ()) -> VerdictWords:
    """Return a verdict in words; ``about`` names what alarmed."""
    words = WORDS[Verdict(verdict)]
    named = f"{words.word}: {', '.join(about)}" if about else words.word
    return VerdictWords(Verdict(verdict).value, words.symbol, named, words.sentence, words.step)


def finding_words(finding: FindingView | None) -> VerdictWords:
    """Return a finding in words."""
    return NO_RESULT if finding is None else verdict_words(finding.verdict, finding.substances)


def reason_lines(codes: Sequence[str]) -> tuple[ReasonLine, ...]:
    """Return the reasons of an answer in the order of the table; those of a later version by their code."""
    known = [REASONS[code] for code in REASONS if code in codes]
    lines = [ReasonLine(one.code, one.text, one.next_step, one.owner) for one in known]
    strange = [ReasonLine(code, code.replace("_", " "), "", "") for code in codes if code not in REASONS]
    return (*lines, *strange)
