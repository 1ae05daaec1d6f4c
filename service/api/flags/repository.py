"""Flags in the database: raised by benches, closed by people, and waiting for results that come late."""

import json
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ...uses import device_key
from ..change import Change
from ..events.chain import canonical
from ..paging import take_page
from ..problems import Problem
from ..requests import Caller
from ..tables import Event, Flag, FlaggedResult, Result
from ..tokens.repository import find_valid
from .models import FlagBody, FlagQuery
from .standing import Standing


def find_flag(session: Session, flag_id: str) -> Flag | None:
    """Return a flag by its id; None where there is none."""
    return session.scalar(select(Flag).where(Flag.flag_id == flag_id))


def list_flags(session: Session, query: FlagQuery) -> tuple[Sequence[Flag], str | None]:
    """Return a page of flags and the next cursor."""
    wanted = select(Flag)
    if query.open is not None:
        wanted = wanted.where(Flag.reviewed_at.is_(None) if query.open else Flag.reviewed_at.is_not(None))
    if query.device:
        wanted = wanted.where(Flag.device == query.device)
    return take_page(session, Flag, wanted, query)


def standings_of(session: Session, flag: Flag) -> dict[Standing, list[str]]:
    """Return the results a flag names, by how they stand to it."""
    found: dict[Standing, list[str]] = {one: [] for one in Standing}
    named = select(FlaggedResult).where(FlaggedResult.flag_row == flag.row).order_by(FlaggedResult.result_id)
    for row in session.scalars(named):
        found[Standing(row.state)].append(row.result_id)
    return found


def raise_flag(change: Change, caller: Caller, body: FlagBody) -> tuple[Flag, bool]:
    """Keep a flag on results, and say whether it is new.

    Raises
    ------
    Problem
        The id is taken by another flag.
    """
    told = body.model_dump(mode="json")
    told["result_ids"] = sorted(set(told["result_ids"]))
    text = canonical(told)
    found = find_flag(change.session, told["flag_id"])
    if found is not None:
        if found.body != text:
            raise Problem("conflict", f"flag {found.flag_id} was raised with another content")
        return found, False
    flag = Flag(
        flag_id=told["flag_id"],
        device=body.device,
        body=text,
        token_id=caller.token_id,
        raised_at=change.now,
        salt=secrets.token_bytes(16),
    )
    change.session.add(flag)
    change.session.flush()
    standings = _judged(change.session, flag, told["result_ids"])
    for result_id, standing in standings.items():
        change.session.add(FlaggedResult(result_id=result_id, flag_row=flag.row, state=standing.value))
    _tell(change, flag, [name for name, standing in standings.items() if standing is Standing.FLAGGED])
    return flag, True


def settle_awaited(change: Change, result: Result) -> list[Flag]:
    """Decide how a result that just arrived stands to the flags that named it before it came.

    Returns
    -------
    list of Flag
        Those it is under now; `tell_arrived` is to tell of them after the event of the result.
    """
    waiting = select(FlaggedResult, Flag).join(Flag, Flag.row == FlaggedResult.flag_row)
    mine = waiting.where(
        FlaggedResult.result_id == result.result_id, FlaggedResult.state == Standing.AWAITED.value
    )
    under = []
    for named, flag in change.session.execute(mine).all():
        standing = _standing(change.session, flag, result, change.actor)
        named.state = standing.value
        if standing is Standing.FLAGGED:
            under.append(flag)
    return under


def tell_arrived(change: Change, result: Result, flags: Sequence[Flag]) -> None:
    """Tell that a result which arrived is under flags."""
    for flag in flags:
        _tell(change, flag, [result.result_id])


def review_flag(change: Change, caller: Caller, flag: Flag, note: str) -> None:
    """Close a flag; the same again changes nothing.

    Raises
    ------
    Problem
        It was reviewed by somebody else, or with another note.
    """
    if flag.reviewed_at is not None:
        if (flag.reviewed_by, flag.note) != (caller.token_id, note):
            raise Problem("conflict", f"flag {flag.flag_id} was reviewed at {flag.reviewed_at}")
        return
    flag.reviewed_at, flag.reviewed_by, flag.note = change.now, caller.token_id, note
    # A note is a person's words, which stand outside the chain.
    digest = bytes_digest(flag.salt + note.encode())
    data = {"flag_id": flag.flag_id, "token_id": caller.token_id, "note_digest": digest}
    change.record("flag.reviewed", f"flags/{flag.flag_id}", data)


def _judged(session: Session, flag: Flag, result_ids: list[str]) -> dict[str, Standing]:
    known = {
        one.result_id: one for one in session.scalars(select(Result).where(Result.result_id.in_(result_ids)))
    }
    subjects = [f"results/{name}" for name in known]
    told = select(Event.subject, Event.actor).where(
        Event.subject.in_(subjects), Event.type == "result.accepted"
    )
    actors = {subject.removeprefix("results/"): actor for subject, actor in session.execute(told)}
    return {
        name: _standing(session, flag, known[name], actors.get(name, ""))
        if name in known
        else Standing.AWAITED
        for name in result_ids
    }


def _standing(session: Session, flag: Flag, result: Result, actor: str) -> Standing:
    """Return how a result stands to a flag that names it.

    A bench speaks for the results it sent itself. Where two tokens differ and one of them is no more valid,
    they are taken for one bench that was given a new token.
    """
    if device_key(json.loads(result.device)) != flag.device:
        return Standing.FOREIGN
    sender = actor.removeprefix("token:")
    both_in_use = sender != flag.token_id and all(
        find_valid(session, token) is not None for token in (sender, flag.token_id)
    )
    return Standing.FOREIGN if both_in_use else Standing.FLAGGED


def _tell(change: Change, flag: Flag, result_ids: list[str]) -> None:
    data: dict[str, Any] = {**json.loads(flag.body), "result_ids": result_ids}
    data["body_digest"] = bytes_digest(flag.body.encode())
    change.record("result.flagged", f"flags/{flag.flag_id}", data)
