"""Sandbox parcels: simulated from opening to completion, labelled everywhere, counted nowhere."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.api.database import Database
from service.api.permissions import Role
from service.api.problems import Problem
from service.api.sandbox import repository
from service.api.sandbox.limits import Pace
from service.api.sandbox.models import Outcome
from service.api.sandbox.simulation import simulated_scan
from service.api.screenings.findings import finding_of
from service.api.screenings.repository import find_screening
from service.api.tables import Result
from service.archive.journal import Archive

PS = Role.PARCEL_SYSTEM


def made(server: Any) -> str:
    answer = server.api("POST", "/sandbox/parcels", PS, json={})
    assert answer.status_code == 201
    assert answer.json()["item_id"].startswith("SANDBOX-")
    assert answer.json()["sandbox"] is True
    return answer.json()["parcel_id"]


def play(server: Any, parcel_id: str, outcome: str) -> Any:
    return server.api("POST", f"/sandbox/parcels/{parcel_id}/screen", PS, json={"outcome": outcome})


def events(server: Any, parcel_id: str) -> list[dict[str, Any]]:
    page = server.api("GET", "/events", PS, params={"limit": 200}).json()
    return [one for one in page["items"] if one.get("data", {}).get("parcel_id") == parcel_id]


@pytest.mark.parametrize(
    ("outcome", "outward"),
    [
        ("no_alarm", "no_hold_requested"),
        ("alarm_named", "hold"),
        ("alarm_class", "hold"),
        ("inconclusive", "refer"),
    ],
)
def test_a_whole_screening_is_played(server: Any, outcome: str, outward: str) -> None:
    parcel_id = made(server)
    seen = play(server, parcel_id, outcome)
    assert seen.status_code == 200, seen.text
    finding = seen.json()["finding"]
    assert (seen.json()["status"], finding["verdict"], finding["outward"]) == ("complete", outcome, outward)
    assert (finding["training"], finding["emulated"]) == (True, True)
    told = events(server, parcel_id)
    kinds = [
        "parcel.registered",
        "screening.opened",
        "link.made",
        "result.accepted",
        "screening.completed",
    ]
    assert [one["type"] for one in told] == kinds
    assert all(
        one["data"]["sandbox"] for one in told if one["type"].startswith(("screening.", "parcel.", "result."))
    )
    result = server.api("GET", f"/parcels/{parcel_id}/results", PS).json()["items"][0]
    assert (result["sandbox"], result["emulated"]) == (True, True)
    assert server.api("GET", f"/screenings/{result['screening_id']}").json()["sandbox"] is True
    body = {name: result[name] for name in ("screening_id", "scan_id", "identification", "device")}
    foreign = server.api("PUT", f"/results/{uuid.uuid4()}", json=body)
    assert (foreign.status_code, foreign.json()["code"]) == (409, "sandbox_only")
    scan = server.api("GET", f"/scans/{result['scan_id']}")
    assert scan.status_code == 200
    assert scan.content.startswith(b"\x89HDF")


def test_results_that_are_still_to_come(server: Any) -> None:
    parcel_id = made(server)
    assert play(server, parcel_id, "queued_offline").json()["status"] == "queued_offline"
    done = play(server, parcel_id, "no_alarm").json()
    assert done["status"] == "complete"
    assert [one["type"] for one in events(server, parcel_id)].count("screening.opened") == 1
    assert play(server, parcel_id, "open").json()["status"] == "open"


def test_an_alarm_that_comes_late(server: Any) -> None:
    parcel_id = made(server)
    early = play(server, parcel_id, "late_alarm")
    assert (early.status_code, early.json()["code"]) == (409, "nothing_screened")
    play(server, parcel_id, "no_alarm")
    assert play(server, parcel_id, "late_alarm").json()["finding"]["outward"] == "hold"
    amended = events(server, parcel_id)[-1]
    assert (amended["type"], amended["data"]["sandbox"]) == ("screening.amended", True)


def test_a_real_parcel_is_never_simulated(server: Any, item: str) -> None:
    parcel = server.api("POST", "/parcels", PS, json={"item_id": item}).json()
    answer = play(server, parcel["parcel_id"], "no_alarm")
    assert (answer.status_code, answer.json()["code"]) == (409, "sandbox_only")
    assert server.api("GET", f"/parcels/{parcel['parcel_id']}").json() == {**parcel, "advance": None}


def test_no_bench_finds_a_sandbox_parcel_by_its_label(server: Any, bench: Any) -> None:
    parcel_id = made(server)
    label = server.api("GET", f"/parcels/{parcel_id}").json()["item_id"]
    found = bench.screening(bench.open(label, "carrier"))
    assert (found["sandbox"], found["parcel_id"] == parcel_id) == (False, False)


def test_two_plays_of_one_screening_at_once_leave_one_finding(database: Database, tmp_path: Path) -> None:
    """Both read that it is open; the result of the second one comes late."""
    archive = Archive(tmp_path / "scans")
    with database.write("test") as change:
        parcel = repository.make_parcel(change)
        screening_id, item = str(uuid.uuid4()), parcel.item_id
        repository.open_simulated(change, parcel, screening_id, offline=False)
    for attempt, outcome in ((1, Outcome.NO_ALARM), (2, Outcome.ALARM_CLASS)):
        kept = archive.put(simulated_scan(screening_id, item, "2026-11-22T12:00:00Z", attempt=attempt))
        with database.write("test") as change:
            screening = find_screening(change.session, screening_id)
            assert screening is not None
            repository.play(change, screening, kept, 1, outcome)
    with database.read() as session:
        assert session.scalars(select(Result.late).order_by(Result.row)).all() == [False, True]
        screening = find_screening(session, screening_id)
        assert screening is not None
        finding = finding_of(session, screening)
        assert finding is not None
        assert finding.verdict == "alarm_class"


def test_who_simulates_without_end_is_slowed_down() -> None:
    pace = Pace(burst=2, per_s=0.01)
    pace.spend("a")
    pace.spend("a")
    with pytest.raises(Problem) as slowed:
        pace.spend("a")
    assert slowed.value.code == "rate_limited"
    assert int(slowed.value.headers["Retry-After"]) > 1
    pace.spend("b")
