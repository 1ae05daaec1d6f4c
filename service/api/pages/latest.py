"""What the list of the latest screenings shows, chosen by filters or found by an item's label."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.reasons import Verdict, next_steps

from ...fleet_words import minute
from ..flags.marks import under_review
from ..s10 import ItemIdType, read_label
from ..screenings.findings import finding_of
from ..screenings.models import FindingView, State
from ..tables import Parcel, Result, Screening
from .told import OUTWARD, STATES, UNDER_REVIEW, VerdictWords, finding_words
from .visit import rule_lines

#: Screenings on a page.
SHOWN = 50

#: Screenings looked through for one page (chosen): a verdict is no column, and a rare one must not take long.
LOOKED_THROUGH = 2000

Short = Annotated[str, Field(max_length=128)]


class LatestQuery(BaseModel):
    """Which screenings. What a form leaves empty is no filter."""

    model_config = ConfigDict(extra="ignore")

    item: Annotated[str, Field(max_length=64)] = ""
    verdict: Verdict | None = None
    state: State | None = None
    site: Short = ""
    bench: Short = ""
    before: Annotated[int, Field(ge=0, lt=2**62)] = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One screening, in words."""

    opened_at: str
    item: str
    parcel_id: str
    screening_id: str
    bench: str
    site: str
    state: str
    verdict: VerdictWords
    outward: str
    rule: tuple[str, ...]
    steps: tuple[str, ...]
    training: bool
    emulated: bool
    sandbox: bool
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Latest:
    """A page of the list."""

    lines: list[Line]
    before: int | None
    """Row to go on from; None at the end."""
    through: bool
    """Whether more was looked through than a page may, and the page is therefore short."""


def latest_lines(session: Session, query: LatestQuery) -> Latest:
    """Return the screenings of a page, newest first."""
    lines: list[Line] = []
    row: int | None = None
    for looked, (screening, parcel) in enumerate(_rows(session, query), 1):
        if len(lines) == SHOWN or looked > LOOKED_THROUGH:
            return Latest(lines, row, looked > LOOKED_THROUGH)
        row = screening.row
        finding = finding_of(session, screening)
        if query.verdict is None or (finding is not None and finding.verdict == query.verdict):
            lines.append(_line(session, screening, parcel, finding))
    return Latest(lines, None, through=False)


def parcels_called(session: Session, label: str) -> list[str]:
    """Return the parcels that carry a label, the newest first; a label may be used again after a year."""
    key = read_label(label, ItemIdType.CARRIER).key
    if not key:
        return []
    wanted = select(Parcel.parcel_id).where(Parcel.item_key == key).order_by(Parcel.row.desc())
    return list(session.scalars(wanted.limit(SHOWN)))


def _rows(session: Session, query: LatestQuery) -> Iterator[tuple[Screening, Parcel]]:
    wanted = select(Screening, Parcel).join(Parcel, Parcel.parcel_id == Screening.parcel_id)
    if query.before:
        wanted = wanted.where(Screening.row < query.before)
    if query.item:
        wanted = wanted.where(Parcel.item_key == read_label(query.item, ItemIdType.CARRIER).key)
    for column, value in ((Screening.site, query.site), (Screening.bench, query.bench)):
        if value:
            wanted = wanted.where(column == value)
    if query.state is not None:
        wanted = wanted.where(Screening.state == query.state.value)
    most = SHOWN if query.verdict is None else LOOKED_THROUGH
    for row in session.execute(wanted.order_by(Screening.row.desc()).limit(most + 1)):
        yield row[0], row[1]


def _line(session: Session, screening: Screening, parcel: Parcel, finding: FindingView | None) -> Line:
    doubtful = under_review(session, Result.screening_id == screening.screening_id)
    marks = (
        (UNDER_REVIEW, doubtful),
        (f"! PROVISIONAL PARCEL: {parcel.label_problem}", bool(parcel.label_problem)),
    )
    return Line(
        opened_at=minute(screening.opened_at),
        item=parcel.item_id or "no label",
        parcel_id=parcel.parcel_id,
        screening_id=screening.screening_id,
        bench=screening.bench,
        site=screening.site,
        state=STATES[State(screening.state)],
        verdict=finding_words(finding),
        outward=OUTWARD[None if finding is None else finding.outward],
        rule=rule_lines(finding),
        steps=() if finding is None else next_steps(finding.reasons),
        training=finding is not None and finding.training,
        emulated=finding is not None and finding.emulated,
        sandbox=parcel.sandbox,
        marks=tuple(text for text, stands in marks if stands),
    )
