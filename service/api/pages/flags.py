"""What the page of flags shows: each flag with the results somebody has to look at again."""

import json
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.reasons import Verdict

from ...fleet_words import minute
from ...words import WORDS
from ..flags.repository import standings_of
from ..flags.standing import Standing
from ..tables import Flag, Parcel, Result, Screening

#: Flags on one page, and results shown of each.
SHOWN, SHOWN_RESULTS = 50, 200


@dataclass(frozen=True, slots=True)
class ResultLine:
    """A result under a flag, in words."""

    kind: str
    symbol: str
    words: str
    item: str
    received_at: str
    screening_id: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlagLine:
    """A flag in words."""

    flag_id: str
    device: str
    since: str
    until: str
    verification: str
    raised_at: str
    results: tuple[ResultLine, ...]
    others: tuple[str, ...]
    reviewed: str
    note: str


def flag_lines(session: Session, *, reviewed: bool) -> tuple[list[FlagLine], bool]:
    """Return the newest flags, and whether there are more.

    Parameters
    ----------
    session
        Where to read.
    reviewed
        Whether those that were reviewed are wanted too.
    """
    wanted = select(Flag) if reviewed else select(Flag).where(Flag.reviewed_at.is_(None))
    flags = session.scalars(wanted.order_by(Flag.row.desc()).limit(SHOWN + 1)).all()
    return [_line(session, one) for one in flags[:SHOWN]], len(flags) > SHOWN


def _line(session: Session, flag: Flag) -> FlagLine:
    body, standings = json.loads(flag.body), standings_of(session, flag)
    flagged, awaited, foreign = (len(standings[one]) for one in Standing)
    others = (
        (f"and {flagged - SHOWN_RESULTS} more", flagged > SHOWN_RESULTS),
        (f"{awaited} named that have not arrived yet", awaited > 0),
        (f"{foreign} named of another instrument or bench, left alone", foreign > 0),
    )
    return FlagLine(
        flag_id=flag.flag_id,
        device=flag.device,
        since=minute(body["since"]) if body["since"] else "the first result",
        until=minute(body["until"]),
        verification=body["verification"],
        raised_at=minute(flag.raised_at),
        results=_results(session, standings[Standing.FLAGGED][:SHOWN_RESULTS]),
        others=tuple(words for words, stands in others if stands),
        reviewed=minute(flag.reviewed_at) if flag.reviewed_at else "",
        note=flag.note or "",
    )


def _results(session: Session, result_ids: list[str]) -> tuple[ResultLine, ...]:
    wanted = (
        select(Result, Parcel.item_id)
        .join(Screening, Screening.screening_id == Result.screening_id)
        .join(Parcel, Parcel.parcel_id == Screening.parcel_id)
        .where(Result.result_id.in_(result_ids))
        .order_by(Result.row)
    )
    return tuple(_result(result, item) for result, item in session.execute(wanted))


def _result(result: Result, item: str) -> ResultLine:
    told = WORDS[Verdict(result.verdict)]
    marks = (("TRAINING", result.training), ("EMULATED INSTRUMENT", result.emulated))
    return ResultLine(
        kind=result.verdict,
        symbol=told.symbol,
        words=told.word,
        item=item or "no label",
        received_at=minute(result.received_at),
        screening_id=result.screening_id,
        marks=tuple(text for text, stands in marks if stands),
    )
