"""Parcels, seen with their screenings, advance data and dispositions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.orm import Session

from ..dispositions.views import standing_dispositions, view_disposition
from ..flags.standing import Standing
from ..permissions import Role
from ..s10 import ItemIdType
from ..screenings.findings import gravest, provisional
from ..screenings.models import FindingView, State
from ..tables import (
    Disposition,
    Flag,
    FlaggedResult,
    Parcel,
    ParcelAdvance,
    ParcelDeclaration,
    Result,
    Screening,
)
from .advance import Advance, Sender
from .models import ParcelView
from .reader import Reader
from .status import Visit, benches_behind, status_of

_IDS: BindParameter[str] = bindparam("parcels", expanding=True)
#: Columns, and statements that are built once: whole rows would take half the time of a page.
_VISITS = (
    select(
        *(Screening.screening_id, Screening.parcel_id, Screening.bench, Screening.state, Screening.finding),
    )
    .where(Screening.parcel_id.in_(_IDS))
    .order_by(Screening.row)
)
#: Two questions: of one for both, databases begin at the open flags, and look through all that these name.
_RESULTS = (
    select(Result.result_id, Screening.parcel_id)
    .join(Screening, Screening.screening_id == Result.screening_id)
    .where(Screening.parcel_id.in_(_IDS))
)
_FLAGGED = (
    select(FlaggedResult.result_id, Flag.reviewed_at)
    .join(Flag, Flag.row == FlaggedResult.flag_row)
    .where(
        FlaggedResult.result_id.in_(bindparam("results", expanding=True)),
        FlaggedResult.state == Standing.FLAGGED.value,
    )
)
_ADVANCE = (
    select(
        *(ParcelDeclaration.parcel_id, ParcelDeclaration.token_id, ParcelDeclaration.body),
        *(ParcelAdvance.sender_name, ParcelAdvance.sender_address),
    )
    .outerjoin(ParcelAdvance, ParcelAdvance.parcel_id == ParcelDeclaration.parcel_id)
    .where(ParcelDeclaration.parcel_id.in_(_IDS))
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known beside the parcels' own rows, by parcel."""

    screenings: Mapping[str, Sequence[Visit]]
    under_way: Mapping[str, FindingView]
    behind: frozenset[str]
    doubtful: frozenset[str]
    advance: Mapping[str, Advance]
    dispositions: Mapping[str, Disposition]


def view_parcel(session: Session, parcel: Parcel, reader: Reader | None = None) -> ParcelView:
    """Return a parcel as it goes over the wire."""
    return view_parcels(session, [parcel], reader)[0]


def view_parcels(
    session: Session, parcels: Sequence[Parcel], reader: Reader | None = None
) -> list[ParcelView]:
    """Return parcels as they go over the wire, by the same few questions for one and for many.

    Parameters
    ----------
    session
        Where to read.
    parcels
        The parcels.
    reader
        Who reads; None is shown nothing personal.
    """
    reader = reader or Reader()
    ids = [one.parcel_id for one in parcels]
    screenings = _screenings(session, ids)
    screened = [one for one in ids if screenings.get(one)]
    visits = [one for of_one in screenings.values() for one in of_one]
    known = _Known(
        screenings=screenings,
        under_way=provisional(session, [one.screening_id for one in visits if one.state == State.OPEN]),
        behind=benches_behind(session, screenings, reader.silent_s),
        doubtful=_under_review(session, screened),
        advance=_advance(session, ids, reader),
        dispositions=standing_dispositions(session, ids),
    )
    return [_view(one, known, reader) for one in parcels]


def _view(parcel: Parcel, known: _Known, reader: Reader) -> ParcelView:
    name = parcel.parcel_id
    standing = [one for one in known.screenings.get(name, []) if one.state != State.SUPERSEDED]
    finding = gravest([_finding(one, known) for one in standing])
    told = known.dispositions.get(name)
    return ParcelView(
        parcel_id=name,
        item_id=parcel.item_id,
        item_id_type=ItemIdType(parcel.item_id_type),
        provisional=bool(parcel.label_problem),
        label_problem=parcel.label_problem or None,
        sandbox=parcel.sandbox,
        status=status_of(parcel, standing, known.behind),
        merged_into=parcel.merged_into,
        training=finding is not None and finding.training,
        finding=finding,
        disposition=None if told is None else view_disposition(told, reader, stands=True),
        advance=known.advance.get(name),
        created_at=parcel.created_at,
        under_review=name in known.doubtful,
    )


def _finding(visit: Visit, known: _Known) -> FindingView | None:
    if visit.finding is not None:
        return FindingView.model_validate_json(visit.finding)
    return known.under_way.get(visit.screening_id)


def _screenings(session: Session, ids: Sequence[str]) -> dict[str, list[Visit]]:
    found: dict[str, list[Visit]] = {}
    for one in map(Visit._make, session.execute(_VISITS, {"parcels": ids})):
        found.setdefault(one.parcel_id, []).append(one)
    return found


def _under_review(session: Session, ids: Sequence[str]) -> frozenset[str]:
    if not ids:
        return frozenset()
    parcels = {one.result_id: one.parcel_id for one in session.execute(_RESULTS, {"parcels": ids})}
    flagged = session.execute(_FLAGGED, {"results": list(parcels)})
    return frozenset(parcels[one.result_id] for one in flagged if one.reviewed_at is None)


def _advance(session: Session, ids: Sequence[str], reader: Reader) -> dict[str, Advance]:
    if reader.role is None:
        return {}
    found = {}
    for name, token_id, body, sender_name, sender_address in session.execute(_ADVANCE, {"parcels": ids}):
        personal = reader.may_see(token_id)
        if not (personal or reader.role is Role.BENCH):
            continue
        sender = None
        if personal and (sender_name or sender_address):
            sender = Sender(name=sender_name, address=sender_address)
        found[name] = Advance(**json.loads(body), sender=sender)
    return found
