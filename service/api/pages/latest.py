"""What the list of the latest screenings shows of each."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.reasons import next_steps

from ...words import WORDS, attempt_lines, technique_lines
from ..flags.marks import under_review
from ..screenings.findings import finding_of
from ..screenings.models import FindingView, State
from ..tables import Parcel, Result, Screening

SHOWN = 50

_OUTWARD = {
    "hold": "hold requested",
    "refer": "refer",
    "no_hold_requested": "no hold requested",
    None: "nothing said yet",
}

#: Mark of a result that a failed verification made doubtful; a sign of its own, and words.
UNDER_REVIEW = "⚑ UNDER REVIEW: the instrument failed a verification; the finding stands meanwhile"

_STATES = {State.OPEN: "in progress", State.COMPLETE: "complete", State.SUPERSEDED: "superseded"}


@dataclass(frozen=True, slots=True)
class Line:
    """One screening, in words."""

    opened_at: str
    item: str
    screening_id: str
    bench: str
    state: str
    kind: str
    symbol: str
    words: str
    outward: str
    rule: tuple[str, ...]
    steps: tuple[str, ...]
    marks: tuple[str, ...]


def latest_lines(session: Session) -> list[Line]:
    """Return the latest screenings, newest first."""
    rows = (
        select(Screening, Parcel)
        .join(Parcel, Parcel.parcel_id == Screening.parcel_id)
        .order_by(Screening.row.desc())
        .limit(SHOWN)
    )
    return [
        _line(screening, parcel, finding_of(session, screening), doubtful=_doubtful(session, screening))
        for screening, parcel in session.execute(rows)
    ]


def _doubtful(session: Session, screening: Screening) -> bool:
    return under_review(session, Result.screening_id == screening.screening_id)


def _line(screening: Screening, parcel: Parcel, finding: FindingView | None, *, doubtful: bool) -> Line:
    told = None if finding is None else WORDS[finding.verdict]
    symbol, words = ("…", "NO RESULT YET") if told is None else (told.symbol, told.word)
    if finding is not None and finding.substances:
        words = f"{words}: {', '.join(finding.substances)}"
    return Line(
        opened_at=screening.opened_at[:16].replace("T", " "),
        item=parcel.item_id or "no label",
        screening_id=screening.screening_id,
        bench=screening.bench,
        state=_STATES[State(screening.state)],
        kind="none" if finding is None else finding.verdict.value,
        symbol=symbol,
        words=words,
        outward=_OUTWARD[None if finding is None else finding.outward],
        rule=_rule(finding),
        steps=() if finding is None else next_steps(finding.reasons),
        marks=_marks(parcel, finding, doubtful=doubtful),
    )


def _rule(finding: FindingView | None) -> tuple[str, ...]:
    """Return what the techniques say and what two of them are worth; earlier findings lack it."""
    if finding is None or not finding.agreement_text:
        return ()
    told = finding.model_dump(mode="json")
    lines = technique_lines(told)
    return (*(lines if len(lines) > 1 else ()), finding.agreement_text, *attempt_lines(told))


def _marks(parcel: Parcel, finding: FindingView | None, *, doubtful: bool) -> tuple[str, ...]:
    return tuple(
        text
        for text, stands in (
            (UNDER_REVIEW, doubtful),
            ("TRAINING", finding is not None and finding.training),
            ("EMULATED INSTRUMENT", finding is not None and finding.emulated),
            (f"PROVISIONAL PARCEL: {parcel.label_problem}", bool(parcel.label_problem)),
        )
        if stands
    )
