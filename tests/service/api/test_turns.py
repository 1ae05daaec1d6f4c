"""Results that share a transaction: each as if it had come alone."""

import asyncio
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.api.change import Change
from service.api.clock import utc_now
from service.api.database import Database
from service.api.errors import UnrecordedChange
from service.api.events.verification import verify_chain
from service.api.flags.models import FlagBody
from service.api.flags.repository import raise_flag
from service.api.measures.recompute import wrong_counts
from service.api.permissions import Role
from service.api.problems import Problem
from service.api.requests import Caller
from service.api.results.accepting import put_answer
from service.api.results.models import ResultBody
from service.api.screenings.bodies import ScreeningBody
from service.api.screenings.repository import complete_screening, find_screening, open_screening
from service.api.tables import FlaggedResult, Result, ScanFile, Token
from service.api.turns import Work

DEVICE = {"model": "STS", "serial": "S1", "emulated": True}
CALLER = Caller(str(uuid.uuid4()), Role.BENCH)


@pytest.fixture
def to_put(new_identification: Callable[..., dict[str, Any]]) -> Callable[..., Work]:
    def put(screening_id: str, scan_id: str, name: str = "", **changes: Any) -> Work:
        told = {"screening_id": screening_id, "scan_id": scan_id, "device": DEVICE}
        found = new_identification(scan_id, **changes)
        body = ResultBody.model_validate({**told, "identification": found})
        named = name or str(uuid.uuid4())
        return lambda change: put_answer(change, named, body, CALLER).status_code

    return put


def test_results_share_a_transaction_and_all_is_as_it_must_be(
    place: Path | str, to_put: Callable[..., Work]
) -> None:
    with Database(place) as database:
        places = [_visit(database) for _ in range(4)]
        assert _make(database, [to_put(*places[3])]) == [201]
        _complete(database, places[3][0])
        works = [to_put(screening, scan) for screening, scan in places for _ in range(3)]
        commits: list[Any] = []
        sa.event.listen(database._engine, "commit", commits.append)
        assert _make(database, [*works, works[0]]) == [*[201] * 12, 200]
        assert len(commits) <= 3
        _check(database, 13)


def test_one_that_fails_leaves_the_others(place: Path | str, to_put: Callable[..., Work]) -> None:
    def unrecorded(change: Change) -> None:
        token = Token(token_id="t", role="bench", name="", digest="d", created_at=change.now)
        change.session.add(token)

    with Database(place) as database:
        screening, scan = _visit(database)
        good = [to_put(screening, scan) for _ in range(4)]
        told = _make(database, [*good[:2], to_put(str(uuid.uuid4()), scan), unrecorded, *good[2:]])
        assert told[:2] + told[4:] == [201] * 4
        assert isinstance(told[2], Problem)
        assert told[2].code == "screening_missing"
        assert isinstance(told[3], UnrecordedChange)
        _check(database, 4)


def test_late_flagged_repeated_and_wrong_ones_in_one_transaction(
    place: Path | str, to_put: Callable[..., Work]
) -> None:
    with Database(place) as database:
        done, going, other = (_visit(database) for _ in range(3))
        named = [str(uuid.uuid4()) for _ in range(3)]
        assert _make(database, [to_put(*done), to_put(*other)]) == [201, 201]
        _complete(database, done[0])
        _flag(database, named)
        works = [
            to_put(*going, named[0]),
            to_put(*going),
            to_put(*done, named[1], verdict="alarm_named"),
            to_put(*other, named[2]),
            to_put(*done, verdict="inconclusive"),
            to_put(*going, verdict="alarm_class"),
        ]
        assert _make(database, [*works, works[2], works[0]]) == [*[201] * 6, 200, 200]
        _check(database, 8)
        with database.read() as session:
            assert {one.state for one in session.query(FlaggedResult)} == {"flagged"}
            found = find_screening(session, done[0])
            assert found is not None
            assert '"outward":"hold"' in (found.finding or "")
        taken = to_put(*going, named[0], training=False)
        told = _make(database, [to_put(*done), taken, to_put(*other)])
        assert (told[0], told[1].code, told[2]) == (201, "conflict", 201)
        _check(database, 10)


def _flag(database: Database, results: list[str]) -> None:
    with database.write("bench") as change:
        device = "STS/S1"
        body = {"flag_id": str(uuid.uuid4()), "reason": "verification_failed", "device": device}
        times = {"since": "", "until": "2026-11-22T12:00:00Z", "verification": "e" * 64}
        change.session.add(
            Token(token_id=CALLER.token_id, role="bench", name="", digest="d", created_at=change.now)
        )
        change.record("token.created", f"tokens/{CALLER.token_id}", {"token_id": CALLER.token_id})
        raise_flag(change, CALLER, FlagBody.model_validate({**body, **times, "result_ids": results}))


def _make(database: Database, works: list[Work]) -> list[Any]:
    """Hand over some changes while another writer has the database, so that they wait together."""

    async def hand_over() -> list[Any]:
        entered, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with database.write("first"):
                entered.set()
                leave.wait(10)

        with database.turns.running():
            holding = asyncio.create_task(asyncio.to_thread(hold))
            await asyncio.to_thread(entered.wait, 10)
            taken = asyncio.gather(
                *(database.turns.take("bench", one) for one in works), return_exceptions=True
            )
            await asyncio.sleep(0)
            leave.set()
            await holding
            return await taken

    return asyncio.run(hand_over())


def _visit(database: Database) -> tuple[str, str]:
    screening_id, scan_id = str(uuid.uuid4()), uuid.uuid4().hex * 2
    with database.write("bench") as change:
        body = ScreeningBody.model_validate(
            {"item_id": uuid.uuid4().hex, "item_id_type": "carrier", "bench": "b"}
        )
        open_screening(change, screening_id, body)
        row = {"size": 1, "role": "sample", "screening_id": screening_id, "spot": 1, "attempt": 1}
        times = {"taken_at": utc_now(), "received_at": change.now, "blank_id": ""}
        change.session.add(ScanFile(scan_id=scan_id, emulated=True, **row, **times))
        data = {"scan_id": scan_id, "size": 1, "role": "sample", "emulated": True}
        change.record("scan.stored", f"scans/{scan_id}", data)
    return screening_id, scan_id


def _complete(database: Database, screening_id: str) -> None:
    with database.write("bench") as change:
        screening = find_screening(change.session, screening_id)
        assert screening is not None
        complete_screening(change, screening)


def _check(database: Database, results: int) -> None:
    with database.read() as session:
        assert session.query(Result).count() == results
        assert verify_chain(session) == []
        assert wrong_counts(session) == []
