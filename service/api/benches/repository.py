"""Benches in the database."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from library.errors import LibraryError
from library.release_errors import NothingTrusted
from library.release_state import read_state

from ..change import Change
from ..events.chain import canonical
from ..paging import take_page
from ..problems import Problem
from ..requests import Caller
from ..settings import ServerSettings
from ..tables import Bench, BenchContact, Token
from ..tokens.repository import find_valid
from .models import BenchQuery, BenchReport, NewestRelease
from .states import Fleet

_LOG = logging.getLogger(__name__)


def find_bench(session: Session, bench: str) -> Bench | None:
    """Return a bench by its name; None for one that never reported."""
    return session.scalar(select(Bench).where(Bench.bench == bench))


def keep_report(change: Change, caller: Caller, name: str, report: BenchReport) -> bool:
    """Keep a bench's report in place of its last one, and say whether the bench is new.

    Only what it works with is told in the chain, and only when that changes: thirty benches that say
    "nothing new" every few minutes would bury the events that matter.

    Raises
    ------
    Problem
        The bench reports with another token, or the token for another bench.
    """
    session = change.session
    bench = _held(session, caller, name)
    created = bench is None
    if bench is None:
        bench = Bench(bench=name, token_id=caller.token_id, facts="{}", first_at=change.now)
        session.add(bench)
    facts = _facts(report, json.loads(bench.facts))
    if (bench.facts, bench.token_id) != (canonical(facts), caller.token_id):
        _change(bench, caller, facts, change.now)
        data = {"bench": name, "token_id": caller.token_id, "facts": facts}
        change.record("bench.changed", f"benches/{name}", data)
    said = canonical(report.model_dump(mode="json"))
    session.merge(BenchContact(bench=name, received_at=change.now, report=said))
    return created


def list_benches(session: Session, query: BenchQuery) -> tuple[Sequence[Bench], str | None]:
    """Return a page of benches whose token is not revoked, and the next cursor."""
    return take_page(session, Bench, select(Bench).where(Bench.token_id.in_(_in_use())), query)


def all_benches(session: Session) -> Sequence[Bench]:
    """Return every bench whose token is not revoked, by name."""
    return session.scalars(select(Bench).where(Bench.token_id.in_(_in_use())).order_by(Bench.bench)).all()


def last_report(session: Session, bench: Bench) -> tuple[BenchReport, datetime]:
    """Return a bench's last report, and when it came."""
    contact = session.get_one(BenchContact, bench.bench)
    return BenchReport.model_validate_json(contact.report), datetime.fromisoformat(contact.received_at)


def fleet_of(session: Session, settings: ServerSettings) -> Fleet:
    """Return what the benches of a server are held against."""
    newest = [_installed(settings.releases_path), _reported(session)]
    known = [one for one in newest if one is not None]
    highest = select(Bench.method_name, func.max(Bench.method_version)).where(Bench.token_id.in_(_in_use()))
    versions = session.execute(highest.group_by(Bench.method_name))
    return Fleet(
        # What is installed here was checked, and counts where a bench reports the same number.
        newest=max(known, key=lambda one: one.number, default=None),
        versions={name: top for name, top in versions if name is not None and top is not None},
        silent_s=settings.silent_s,
        queue_s=settings.queue_s,
    )


def _in_use() -> Select[Any]:
    return select(Token.token_id).where(Token.revoked_at.is_(None))


def _held(session: Session, caller: Caller, name: str) -> Bench | None:
    """Return the bench of a name if this token may report for it."""
    bench = find_bench(session, name)
    if bench is not None and bench.token_id == caller.token_id:
        return bench
    if bench is not None and find_valid(session, bench.token_id) is not None:
        raise Problem(
            "bench_taken",
            f"another valid token reports for {name}: revoke that one (opioscan token revoke), or give this "
            "bench another bench_name in its config.toml",
        )
    if session.scalar(select(Bench.row).where(Bench.token_id == caller.token_id)) is not None:
        raise Problem(
            "token_taken", f"this token reports for another bench than {name}: make a token for each bench"
        )
    return bench


def _facts(report: BenchReport, before: dict[str, Any]) -> dict[str, Any]:
    """Return what a bench works with; a method that is being loaded is the one before until it says more."""
    facts = report.facts()
    if report.method is None and before:
        facts |= {name: before[name] for name in ("method", "release")}
    return facts


def _change(bench: Bench, caller: Caller, facts: dict[str, Any], now: str) -> None:
    method, release = facts["method"] or {}, facts["release"] or {}
    bench.token_id, bench.facts, bench.changed_at = caller.token_id, canonical(facts), now
    bench.method_name, bench.method_version = method.get("name"), method.get("version")
    bench.method_digest = method.get("digest")
    bench.release_number = release.get("number") if method else None


def _installed(folder: Path | None) -> NewestRelease | None:
    try:
        active = None if folder is None else read_state(folder).active
    except NothingTrusted:
        return None
    except LibraryError as error:
        _LOG.warning("the releases of this machine tell nothing of the fleet: %s", error)
        return None
    if active is None:
        return None
    return NewestRelease(
        number=active.number,
        name=active.name,
        version=active.version,
        digest=active.method_digest,
        source="installed_here",
        bench=None,
    )


def _reported(session: Session) -> NewestRelease | None:
    ranked = (
        select(Bench)
        .where(Bench.token_id.in_(_in_use()), Bench.release_number.is_not(None))
        .order_by(Bench.release_number.desc(), Bench.changed_at)
        .limit(1)
    )
    bench = session.scalar(ranked)
    if bench is None:
        return None
    assert bench.release_number is not None
    return NewestRelease(
        number=bench.release_number,
        name=bench.method_name or "",
        version=bench.method_version or 0,
        digest=bench.method_digest or "",
        source="reported",
        bench=bench.bench,
    )
