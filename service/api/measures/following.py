"""What is counted again when something happens: reactions to events, in their transaction."""

from typing import Any

from sqlalchemy import select

from ..change import Change
from ..tables import Flag, FlaggedResult, MeasuredScreening, Result
from .facts import BATCH
from .instruments import check_of, place_check
from .places import place_of
from .rollup import Moves, recount, recount_result


def count_parcel(change: Change, _: str, data: dict[str, Any]) -> None:
    """Count the parcel of a screening, review or disposition again."""
    recount(change.session, [data["parcel_id"]])


def count_screening(change: Change, _: str, data: dict[str, Any]) -> None:
    """Count the parcel of a screening again, where the event names the screening alone."""
    mine = MeasuredScreening.screening_id == data["screening_id"]
    parcel_id = change.session.scalar(select(MeasuredScreening.parcel_id).where(mine))
    if parcel_id is not None:
        recount(change.session, [parcel_id])


def count_result(change: Change, _: str, data: dict[str, Any]) -> None:
    """Count a result that was accepted."""
    if not recount_result(change.session, data, change.now):
        recount(change.session, [data["parcel_id"]])


def count_link(change: Change, _: str, data: dict[str, Any]) -> None:
    """Count again the parcel that a screening belongs to now, and the one it was counted for."""
    if data["supersedes"] is None:
        return  # the link of the opening: nothing moved
    mine = MeasuredScreening.screening_id == data["screening_id"]
    before = change.session.scalar(select(MeasuredScreening.parcel_id).where(mine))
    recount(change.session, [one for one in (data["parcel_id"], before) if one is not None])


def count_merged(change: Change, _: str, data: dict[str, Any]) -> None:
    """Count both parcels of a merger again."""
    recount(change.session, [data["parcel_id"], data["into"]])


def count_flag(change: Change, _: str, data: dict[str, Any]) -> None:
    """Count the results again that a flag names."""
    flagged = (
        select(Result.screening_id)
        .join(FlaggedResult, FlaggedResult.result_id == Result.result_id)
        .join(Flag, Flag.row == FlaggedResult.flag_row)
        .where(Flag.flag_id == data["flag_id"])
    )
    names = sorted(set(change.session.scalars(flagged)))
    parcels: set[str] = set()
    for start in range(0, len(names), BATCH):
        mine = MeasuredScreening.screening_id.in_(names[start : start + BATCH])
        parcels.update(change.session.scalars(select(MeasuredScreening.parcel_id).where(mine)))
    recount(change.session, parcels)


def count_check(change: Change, _: str, data: dict[str, Any]) -> None:
    """Count the verification of an instrument."""
    place_check(change.session, data["scan_id"], data["bench"], change.now)
    check = check_of(change.session, data["scan_id"])
    moves = Moves()
    moves.counts[place_of(change.session, check.key), check.metric] += 1
    moves.make(change.session)
