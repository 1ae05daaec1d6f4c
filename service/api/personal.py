"""Where personal data are: in which columns of which tables, and whose.

Nothing of it stands in the chain but salted digests. Erasing a value takes its salt as well, so that nobody
can try names against the digest afterwards. Item identifiers stay: they are what a result is looked up by.

Gaps: the operator named inside a calibration record is part of what the record's name is the digest of, and
stays; so does a token's name, which ought to be that of a bench or a post; so does whatever backups hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import CTE, ColumnElement, Select, Table, and_, case, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from .tables import Base, FlaggedResult, LegalHold, Parcel, ParcelMerge, Result, Screening

_OPEN = "open"


@dataclass(frozen=True, slots=True)
class Step:
    """One step from a row towards its parcel."""

    column: str
    """Column of the row."""
    table: str
    """Table it points into."""
    target: str
    """Column there."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Personal data in one table."""

    what: str
    """What it is, for people."""
    erased: Mapping[str, object] | None
    """Columns with what stands in them once they are erased; None where the whole row goes."""
    steps: tuple[Step, ...] = ()
    """Way to a table with a ``parcel_id``; empty where the table has one itself."""
    also: tuple[Step, ...] = ()
    """A second way, to a parcel that must be done with too."""
    many: bool = False
    """True where a row belongs to many parcels: it is erased when all of them are."""


_BY_RESULT = (Step("result_id", "results", "result_id"),)
_BY_SCREENING = (Step("screening_id", "screenings", "screening_id"),)
#: A result keeps the parcel it was accepted under; its screening may belong to another one by now.
_BY_BOTH = (*_BY_RESULT, *_BY_SCREENING)
_NO_SALT = {"salt": b""}

#: Table → personal data in it. Tables that this version does not have are passed over.
PERSONAL: Mapping[str, PersonalData] = {
    "result_people": PersonalData("who made a result", None, _BY_RESULT, _BY_BOTH),
    "flags": PersonalData("notes of who reviewed flagged results", {"note": "", **_NO_SALT}, many=True),
    "parcel_advance": PersonalData(
        "sender of a parcel", {"sender_name": "", "sender_address": "", **_NO_SALT}
    ),
    "parcel_merges": PersonalData("why parcels were merged", {"why": "", **_NO_SALT}),
    "links": PersonalData("why a screening was linked", {"why": "", **_NO_SALT}),
    "legal_holds": PersonalData("why parcels were held, once they are not", {"why": "", **_NO_SALT}),
    "dispositions": PersonalData("notes of dispositions", {"note": "", **_NO_SALT}),
    "reviews": PersonalData("what a reviewer was asked", {"question": "", **_NO_SALT}, _BY_SCREENING),
    "review_answers": PersonalData(
        "what a reviewer wrote",
        {"note": "", **_NO_SALT},
        (Step("review_id", "reviews", "review_id"), *_BY_SCREENING),
    ),
}


def present() -> dict[str, PersonalData]:
    """Return the personal data of the tables this version has."""
    return {name: one for name, one in PERSONAL.items() if name in Base.metadata.tables}


def class_of(table: str) -> type[Base]:
    """Return the class whose rows a table holds."""
    found: type[Base] = next(
        one.class_ for one in Base.registry.mappers if getattr(one.local_table, "name", "") == table
    )
    return found


def to_erase(table: str, before: str) -> ColumnElement[bool]:
    """Return which rows of a table hold personal data that may go.

    Parameters
    ----------
    table
        One of `present`.
    before
        Parcels count that were registered, and whose screenings were all completed, before this moment, and
        that are under no legal hold.
    """
    said, here = PERSONAL[table], Base.metadata.tables[table]
    if said.many:
        return and_(_unerased(here, said), *_flag_is_done(here, before))
    ways = [said.steps, *([said.also] if said.also else [])]
    return and_(_unerased(here, said), *(_done_with(_parcel_of(here, way), before) for way in ways))


def purgeable(before: str) -> Select[str]:
    """Return the parcels whose personal data may go."""
    late = func.coalesce(Screening.completed_at, Screening.opened_at) >= before
    here = or_(Screening.parcel_id == Parcel.parcel_id, Screening.parcel_id == Parcel.merged_into)
    going_on = exists().where(here, or_(Screening.state == _OPEN, late))
    return select(Parcel.parcel_id).where(
        Parcel.created_at < before, ~going_on, Parcel.parcel_id.not_in(select(_held().c.parcel_id))
    )


@cache
def _held() -> CTE:
    """Return the parcels under a legal hold, and those that turned out to be one with them, either way."""
    placed = select(LegalHold.parcel_id).where(LegalHold.lifted_at.is_(None))
    held = placed.cte("held_parcels", recursive=True)
    merge = ParcelMerge
    other = case((merge.parcel_id == held.c.parcel_id, merge.into), else_=merge.parcel_id)
    one_of_both = or_(merge.parcel_id == held.c.parcel_id, merge.into == held.c.parcel_id)
    return held.union(select(other).select_from(held).join(merge, one_of_both))


def _done_with(parcel: ColumnElement[str] | InstrumentedAttribute[str], before: str) -> ColumnElement[bool]:
    """Whether the parcel of a row is done with: asked row by row, so that few rows cost little."""
    return purgeable(before).where(Parcel.parcel_id == parcel).exists()


def _unerased(here: Table, said: PersonalData) -> ColumnElement[bool]:
    if said.erased is None:
        return here.primary_key.columns[0].is_not(None)
    words = [here.columns[name] != empty for name, empty in said.erased.items() if name != "salt"]
    return or_(*words)


def _parcel_of(here: Table, steps: Sequence[Step]) -> ColumnElement[str]:
    if not steps:
        return here.columns["parcel_id"]
    step = steps[0]
    there = Base.metadata.tables[step.table]
    found = select(_parcel_of(there, steps[1:])).where(
        there.columns[step.target] == here.columns[step.column]
    )
    return found.correlate(here).scalar_subquery()


def _flag_is_done(flags: Table, before: str) -> tuple[ColumnElement[bool], ...]:
    kept = (
        exists()
        .where(FlaggedResult.flag_row == flags.c.row, Result.result_id == FlaggedResult.result_id)
        .where(Screening.screening_id == Result.screening_id)
        .where(or_(~_done_with(Result.parcel_id, before), ~_done_with(Screening.parcel_id, before)))
    )
    return flags.c.reviewed_at < before, ~kept
