"""What the pages of a screening and of a parcel show."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...fleet_words import minute
from ...words import attempt_lines, technique_lines
from ..flags.marks import under_review
from ..parcels.models import STATUS_WORDS, ParcelView
from ..parcels.reader import Reader
from ..parcels.views import view_parcel
from ..screenings.findings import finding_of
from ..screenings.models import FindingView, State
from ..screenings.repository import screenings_of
from ..tables import Parcel, Result, ScanFile, Screening
from .result import SpotLine, spot_line
from .told import OUTWARD, OUTWARD_SENTENCES, STATES, ReasonLine, VerdictWords, finding_words, reason_lines

#: Screenings of one parcel on its page; more are a label in a test loop, and the API has them all (chosen).
SHOWN = 50


@dataclass(frozen=True, slots=True)
class VisitSheet:
    """A screening with all that its page says."""

    screening: Screening
    item: str
    sandbox: bool
    state: str
    opened_at: str
    completed_at: str
    finding: FindingView | None
    verdict: VerdictWords
    outward: str
    outward_sentence: str
    rule: tuple[str, ...]
    reasons: tuple[ReasonLine, ...]
    spots: tuple[SpotLine, ...]
    under_review: bool


@dataclass(frozen=True, slots=True)
class ParcelSheet:
    """A parcel with its screenings, the newest first."""

    parcel: Parcel
    item: str
    created_at: str
    view: ParcelView
    status: str
    status_word: str
    finding: FindingView | None
    verdict: VerdictWords
    outward: str
    outward_sentence: str
    visits: tuple[VisitSheet, ...]
    more: bool
    under_review: bool


def visit_sheet(session: Session, screening: Screening, parcel: Parcel) -> VisitSheet:
    """Return what there is to say of a screening."""
    finding = finding_of(session, screening)
    outward = None if finding is None else finding.outward
    return VisitSheet(
        screening=screening,
        item=parcel.item_id or "no label",
        sandbox=parcel.sandbox,
        state=STATES[State(screening.state)],
        opened_at=minute(screening.opened_at),
        completed_at=minute(screening.completed_at) if screening.completed_at else "",
        finding=finding,
        verdict=finding_words(finding),
        outward=OUTWARD[outward],
        outward_sentence=OUTWARD_SENTENCES[outward],
        rule=rule_lines(finding),
        reasons=() if finding is None else reason_lines(finding.reasons),
        spots=_spots(session, screening),
        under_review=under_review(session, Result.screening_id == screening.screening_id),
    )


def parcel_sheet(session: Session, parcel: Parcel, reader: Reader) -> ParcelSheet:
    """Return what there is to say of a parcel to who reads it."""
    view = view_parcel(session, parcel, reader)
    screenings = screenings_of(session, parcel.parcel_id)
    finding = view.finding
    outward = None if finding is None else finding.outward
    return ParcelSheet(
        parcel=parcel,
        item=parcel.item_id or "no label",
        created_at=minute(parcel.created_at),
        view=view,
        status=STATUS_WORDS[view.status],
        status_word=view.status.replace("_", " "),
        finding=finding,
        verdict=finding_words(finding),
        outward=OUTWARD[outward],
        outward_sentence=OUTWARD_SENTENCES[outward],
        visits=tuple(visit_sheet(session, one, parcel) for one in reversed(screenings[-SHOWN:])),
        more=len(screenings) > SHOWN,
        under_review=view.under_review,
    )


def rule_lines(finding: FindingView | None) -> tuple[str, ...]:
    """Return what the techniques say and what two of them are worth; earlier findings lack it."""
    if finding is None or not finding.agreement_text:
        return ()
    told = finding.model_dump(mode="json")
    lines = technique_lines(told)
    return (*(lines if len(lines) > 1 else ()), finding.agreement_text, *attempt_lines(told))


def _spots(session: Session, screening: Screening) -> tuple[SpotLine, ...]:
    rows = session.execute(
        select(Result, ScanFile.spot, ScanFile.attempt)
        .join(ScanFile, ScanFile.scan_id == Result.scan_id)
        .where(Result.screening_id == screening.screening_id)
        .order_by(Result.row)
    )
    return tuple(spot_line(result, spot, attempt) for result, spot, attempt in rows)
