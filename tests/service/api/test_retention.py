"""Personal data past retention: a running server erases them by itself, one process of several, honouring holds."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.api.clock import utc_now
from service.api.database import Database
from service.api.events.verification import verify_chain
from service.api.permissions import Role
from service.api.purging import purge
from service.api.retention import _LOCK, ACTOR, Retention
from service.api.settings import ServerSettings
from service.api.tables import Event, LegalHold, ResultPerson
from service.cli import start

from .conftest import Bench, Served


def screened(bench: Bench, item: str, *, complete: bool = True) -> tuple[str, str, str]:
    """Screen a parcel and return its id, that of the screening, and that of the result."""
    screening = bench.open(item, "carrier")
    result = bench.result(screening)
    if complete:
        bench.complete(screening)
    return bench.screening(screening)["parcel_id"], screening, result


def hold(served: Served, parcel: str) -> None:
    answer = served.api("PUT", f"/parcels/{parcel}/hold", Role.ADMIN, json={"why": "Case 7"})
    assert answer.status_code == 201, answer.text


def people(database: Database) -> set[str]:
    with database.read() as session:
        return {one.result_id for one in session.query(ResultPerson)}


def purges(database: Database) -> list[tuple[str, dict[str, int]]]:
    with database.read() as session:
        found = session.query(Event).where(Event.type == "personal.purged").order_by(Event.seq)
        return [(one.actor, json.loads(one.data)["what"]) for one in found]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_a_running_server_erases_by_itself_and_others_leave_it_to_one(
    place: Path | str, serve_at: Any, scan_file: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "opioscan.retention")
    url = place if isinstance(place, str) else ""
    options = {"retention_days": 1e-6, "purge_first_s": 0.0, "purge_every_s": 0.1}
    with serve_at(tmp_path, database_url=url) as served:
        bench = Bench(served, scan_file, iter(range(20)))
        kept, _, held = screened(bench, "HELD")
        hold(served, kept)
        _, _, still_open = screened(bench, "OPEN", complete=False)
        screened(bench, "DONE")
    settings = ServerSettings(served.settings.db_path, tmp_path / "scans", database_url=url, **options)
    with Database(settings.place) as one, Database(settings.place) as other:
        assert len(people(one)) == 3
        with Retention(one, ServerSettings(settings.db_path, settings.scans_path, database_url=url)):
            time.sleep(0.05)
        assert purges(one) == [], "off where no retention is set"
        with Retention(one, settings), Retention(other, settings):
            until(lambda: people(one) == {held, still_open})
            time.sleep(0.3)
        assert purges(one) == [(ACTOR, {"result_people": 1})]
        if url:
            with one.alone(_LOCK) as mine, other.alone(_LOCK) as also:
                assert (mine, also) == (True, False)
            with other.alone(_LOCK) as again:
                assert again
    lines = [one.message for one in caplog.records if "1 of result_people" in one.message]
    assert len(lines) == 1
    assert "legal holds in force: 1" in lines[0]


def test_a_server_is_told_by_its_settings(serve_at: Any, scan_file: Any, tmp_path: Path) -> None:
    options = {"retention_days": 1e-6, "purge_first_s": 0.0, "purge_every_s": 0.1}
    with serve_at(tmp_path, **options) as served:
        screened(Bench(served, scan_file, iter(range(9))), "DONE")
        with Database(served.settings.place) as database:
            until(lambda: not people(database))
            assert purges(database) == [(ACTOR, {"result_people": 1})]


def test_a_hold_counts_for_what_a_parcel_turned_out_to_be(
    place: Path | str, serve_at: Any, scan_file: Any, tmp_path: Path
) -> None:
    """Results keep the parcel they were accepted under; the hold is on the one their screening belongs to."""
    url = place if isinstance(place, str) else ""
    with serve_at(tmp_path, database_url=url) as served:
        bench = Bench(served, scan_file, iter(range(20)))
        parcels, screenings, results = zip(*(screened(bench, f"X{n}") for n in range(4)), strict=True)
        # 0 → 1 → 2 by merging, 3 by a link alone; the hold on 2 is for all of them.
        for source, into in ((0, 1), (1, 2)):
            body = {"into": parcels[into], "why": "the same parcel"}
            answer = served.api("POST", f"/parcels/{parcels[source]}/merge", Role.TECHNICIAN, json=body)
            assert answer.status_code == 200, answer.text
        body = {"screening_id": screenings[3], "parcel_id": parcels[2], "why": "swapped"}
        assert served.api("POST", "/links", Role.TECHNICIAN, json=body).status_code == 201
        hold(served, parcels[2])
        with Database(served.settings.place) as database:
            purge(database, "test", utc_now())
            assert people(database) == set(results)
            assert served.api("DELETE", f"/parcels/{parcels[2]}/hold", Role.ADMIN).status_code == 200
            hold(served, parcels[0])
            purge(database, "test", utc_now())
            assert people(database) == set(results), "a hold on the provisional parcel is for the real one"
            with database.read() as session:
                assert session.query(LegalHold).count() == 2
            assert served.api("DELETE", f"/parcels/{parcels[0]}/hold", Role.ADMIN).status_code == 200
            again = bench.open("X2", "carrier")
            purge(database, "test", utc_now())
            assert people(database) == set(results), "the parcel they belong to is being screened"
            bench.result(again)
            bench.complete(again)
            done = purge(database, "test", utc_now())
            assert people(database) == set()
            assert done.rows["legal_holds"] == 1, "why it was held names a case, and goes with the rest"
            with database.read() as session:
                assert {(one.why, one.salt) for one in session.query(LegalHold)} == {("", b"")}
                assert verify_chain(session) == []


def test_erasing_stops_when_it_is_told(
    place: Path | str, serve_at: Any, scan_file: Any, tmp_path: Path
) -> None:
    url = place if isinstance(place, str) else ""
    with serve_at(tmp_path, database_url=url) as served:
        screened(Bench(served, scan_file, iter(range(9))), "DONE")
        with Database(served.settings.place) as database:
            assert purge(database, "test", utc_now(), ended=lambda: True).rows == {}
            assert len(people(database)) == 1


@pytest.mark.parametrize(
    "moment",
    [["--older-than", "1e9"], ["--older-than", "inf"], ["--before", "0001-01-01T00:00:00+14:00"]],
)
def test_moments_that_cannot_be_are_refused(tmp_path: Path, capsys: Any, moment: list[str]) -> None:
    Database(tmp_path / "db.sqlite3").close()
    assert start.run(["audit", "purge", *moment, "--db", str(tmp_path / "db.sqlite3")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
