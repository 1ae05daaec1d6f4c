"""Where personal data are: in which columns of which tables, and whose.

Nothing of it stands in the chain but salted digests. Erasing a value takes its salt as well, so that nobody
can try names against the digest afterwards. Item identifiers stay: they are what a result is looked up by.

Gaps: the operator named inside a calibration record is part of what the record's name is the digest of, and
stays; so does a token's name, which ought to be that of a bench or a post; so does whatever backups hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, Table, and_, exists, func, or_, select

from .tables import Base, FlaggedResult, LegalHold, Parcel, Result, Screening

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
    """Way to a second parcel that has to be done with, where a link may lead elsewhere; empty for none."""
    many: bool = False
    """True where a row belongs to many parcels: it is erased when all of them are."""


_BY_RESULT = (Step("result_id", "results", "result_id"),)
_BY_SCREENING = (Step("screening_id", "screenings", "screening_id"),)
_NO_SALT = {"salt": b""}

#: Table → personal data in it. Tables that this version does not have are passed over.
PERSONAL: Mapping[str, PersonalData] = {
    # A result keeps the parcel it came for; its screening says to which it belongs now.
    "result_people": PersonalData("who made a result", None, _BY_RESULT, also=(*_BY_RESULT, *_BY_SCREENING)),
    "flags": PersonalData("notes of who reviewed flagged results", {"note": "", **_NO_SALT}, many=True),
    "parcel_advance": PersonalData(
        "sender of a parcel", {"sender_name": "", "sender_address": "", **_NO_SALT}
    ),
    "parcel_merges": PersonalData("why parcels were merged", {"why": "", **_NO_SALT}),
    "links": PersonalData("why a screening was linked", {"why": "", **_NO_SALT}),
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
    return and_(_unerased(here, said), *(_parcel_of(here, way).in_(purgeable(before)) for way in ways))


def purgeable(before: str) -> Select[str]:
    """Return the parcels whose personal data may go."""
    late = func.coalesce(Screening.completed_at, Screening.opened_at) >= before
    going_on = exists().where(Screening.parcel_id == Parcel.parcel_id, or_(Screening.state == _OPEN, late))
    held = exists().where(
        or_(LegalHold.parcel_id == Parcel.parcel_id, LegalHold.parcel_id == Parcel.merged_into),
        LegalHold.lifted_at.is_(None),
    )
    return select(Parcel.parcel_id).where(Parcel.created_at < before, ~going_on, ~held)


def _unerased(here: Table, said: PersonalData) -> ColumnElement[bool]:
    if said.erased is None:
        return here.primary_key.columns[0].is_not(None)
    words = [here.columns[name] != empty for name, empty in said.erased.items() if name != "salt"]
    return or_(*words)


def _parcel_of(here: Table, steps: tuple[Step, ...]) -> ColumnElement[str]:
    if not steps:
        return here.columns["parcel_id"]
    step, rest = steps[0], steps[1:]
    there = Base.metadata.tables[step.table]
    found = select(_parcel_of(there, rest)).where(there.columns[step.target] == here.columns[step.column])
    return found.correlate(here).scalar_subquery()


def _flag_is_done(flags: Table, before: str) -> tuple[ColumnElement[bool], ...]:
    kept = (
        exists()
        .where(FlaggedResult.flag_row == flags.c.row, Result.result_id == FlaggedResult.result_id)
        .where(Screening.screening_id == Result.screening_id)
        .where(or_(Result.parcel_id.not_in(purgeable(before)), Screening.parcel_id.not_in(purgeable(before))))
    )
    return flags.c.reviewed_at < before, ~kept
