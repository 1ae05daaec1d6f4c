"""Parcels, seen with their screenings, advance data and dispositions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..dispositions.views import standing_dispositions, view_disposition
from ..flags.standing import Standing
from ..permissions import Role
from ..s10 import ItemIdType
from ..screenings.findings import finding_of, gravest
from ..screenings.models import State
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
from .status import benches_behind, status_of


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known beside the parcels' own rows, by parcel."""

    screenings: Mapping[str, Sequence[Screening]]
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
    known = _Known(
        screenings=screenings,
        behind=benches_behind(session, screenings, reader.silent_s),
        doubtful=_under_review(session, screened),
        advance=_advance(session, ids, reader),
        dispositions=standing_dispositions(session, ids),
    )
    return [_view(session, one, known, reader) for one in parcels]


def _view(session: Session, parcel: Parcel, known: _Known, reader: Reader) -> ParcelView:
    name = parcel.parcel_id
    standing = [one for one in known.screenings.get(name, []) if one.state != State.SUPERSEDED]
    finding = gravest([finding_of(session, one) for one in standing])
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


def _screenings(session: Session, ids: Sequence[str]) -> dict[str, list[Screening]]:
    found: dict[str, list[Screening]] = {}
    wanted = select(Screening).where(Screening.parcel_id.in_(ids)).order_by(Screening.row)
    for one in session.scalars(wanted):
        found.setdefault(one.parcel_id, []).append(one)
    return found


def _under_review(session: Session, ids: Sequence[str]) -> frozenset[str]:
    if not ids:
        return frozenset()
    wanted = (
        select(Screening.parcel_id)
        .join(Result, Result.screening_id == Screening.screening_id)
        .join(FlaggedResult, FlaggedResult.result_id == Result.result_id)
        .join(Flag, Flag.row == FlaggedResult.flag_row)
        .where(
            Screening.parcel_id.in_(ids),
            FlaggedResult.state == Standing.FLAGGED.value,
            Flag.reviewed_at.is_(None),
        )
    )
    return frozenset(session.scalars(wanted.distinct()))


def _advance(session: Session, ids: Sequence[str], reader: Reader) -> dict[str, Advance]:
    if reader.role is None:
        return {}
    wanted = (
        select(ParcelDeclaration, ParcelAdvance)
        .outerjoin(ParcelAdvance, ParcelAdvance.parcel_id == ParcelDeclaration.parcel_id)
        .where(ParcelDeclaration.parcel_id.in_(ids))
    )
    found = {}
    for declared, person in session.execute(wanted):
        if not (reader.may_see(declared.token_id) or reader.role is Role.BENCH):
            continue
        sender = None
        if person is not None and reader.may_see(declared.token_id):
            sender = _sender(person)
        found[declared.parcel_id] = Advance(**json.loads(declared.body), sender=sender)
    return found


def _sender(person: ParcelAdvance) -> Sender | None:
    if not (person.sender_name or person.sender_address):
        return None
    return Sender(name=person.sender_name, address=person.sender_address)
