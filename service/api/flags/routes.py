"""Routes of flags."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from ..problems import Problem
from ..requests import TheCaller, TheStore
from ..tables import Flag
from . import repository
from .models import FlagBody, FlagPage, FlagQuery, FlagView, ReviewBody
from .standing import Standing

router = APIRouter(prefix="/flags", tags=["flags"])


@router.put(
    "/{flag_id}",
    summary="Ask for a review of results",
    responses={201: {"model": FlagView, "description": "The flag was raised."}},
)
def put_flag(
    flag_id: UUID, body: FlagBody, store: TheStore, caller: TheCaller, response: Response
) -> FlagView:
    """Put results under review, under an id that the bench made.

    The same again is answered with 200, anything else under the same id with 409. A result that has not
    arrived is flagged when it does. No finding changes by a flag.
    """
    if body.flag_id != flag_id:
        raise Problem("invalid", f"body/flag_id: it is {body.flag_id}, the path says {flag_id}")
    with store.database.write(caller.actor) as change:
        flag, created = repository.raise_flag(change, caller, body)
        response.status_code = 201 if created else 200
        return _view(change.session, flag)


@router.get("", summary="List flags")
def list_flags(query: Annotated[FlagQuery, Query()], store: TheStore, caller: TheCaller) -> FlagPage:
    """List flags, oldest first: all, those that wait for a review, or those of an instrument."""
    with store.database.read() as session:
        flags, after = repository.list_flags(session, query)
        return FlagPage(items=[_view(session, one) for one in flags], next_cursor=after)


@router.get("/{flag_id}", summary="Read a flag")
def get_flag(flag_id: UUID, store: TheStore, caller: TheCaller) -> FlagView:
    """Read a flag with the results it names."""
    with store.database.read() as session:
        return _view(session, _known(session, flag_id))


@router.post("/{flag_id}/reviewed", summary="Close a flag")
def review_flag(flag_id: UUID, body: ReviewBody, store: TheStore, caller: TheCaller) -> FlagView:
    """Say what came of the review; the same again changes nothing, another word is refused with 409."""
    with store.database.write(caller.actor) as change:
        flag = _known(change.session, flag_id)
        repository.review_flag(change, caller, flag, body.note.strip())
        return _view(change.session, flag)


def _known(session: Session, flag_id: UUID) -> Flag:
    flag = repository.find_flag(session, str(flag_id))
    if flag is None:
        raise Problem("not_found", f"no flag {flag_id}")
    return flag


def _view(session: Session, flag: Flag) -> FlagView:
    body, standings = json.loads(flag.body), repository.standings_of(session, flag)
    names = ("reason", "device", "verification", "since", "until")
    return FlagView(
        flag_id=flag.flag_id,
        raised_at=flag.raised_at,
        result_ids=standings[Standing.FLAGGED],
        unknown=standings[Standing.AWAITED],
        foreign=standings[Standing.FOREIGN],
        reviewed_at=flag.reviewed_at,
        reviewed_by=flag.reviewed_by,
        note=flag.note,
        **{name: body[name] for name in names},
    )
