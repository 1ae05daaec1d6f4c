"""Impact: what depends on a thing, found by its name, in time, page by page, also after an upgrade."""

import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from service.api import migrating
from service.api.database import Database
from service.api.events.verification import verify_chain
from service.api.impact.index import candidates, depending
from service.api.impact.models import ImpactQuery
from service.api.permissions import Role
from service.bench import operations
from service.uses import KINDS, PARTS, uses_of


def hexes() -> str:
    return uuid.uuid4().hex * 2


def ask(server: Any, kind: str, value: str, **params: Any) -> dict[str, Any]:
    answer = server.api("GET", "/impact", Role.AUDITOR, params={"kind": kind, "value": value, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def candidates_of(server: Any, value: str, **params: Any) -> list[tuple[str, str, int]]:
    answer = server.api("GET", "/impact/candidates", Role.TECHNICIAN, params={"value": value, **params})
    assert answer.status_code == 200, answer.text
    return [(one["kind"], one["value"], one["results"]) for one in answer.json()["items"]]


def measured(bench: Any, screening_id: str, *, serial: str = "S1", at: str = "", **changes: Any) -> str:
    """Bring a result of an instrument, measured at a time; return its id."""
    scan_id = bench.put_scan(screening_id, **({"taken_at": at} if at else {}))
    body = bench.result_body(screening_id, scan_id, **changes)
    body["device"]["serial"] = serial
    result_id = str(uuid.uuid4())
    answer = bench.served.api("PUT", f"/results/{result_id}", json=body)
    assert answer.status_code == 201, answer.text
    return result_id


def provenance(new_identification: Any, **changes: Any) -> dict[str, Any]:
    return {**new_identification("x")["provenance"], **changes}


def test_each_kind_of_thing_is_found(server: Any, bench: Any, item: str, new_identification: Any) -> None:
    record, method, library, recipe, blank = (hexes() for _ in range(5))
    reference, near = uuid.uuid4().hex[:7] + "!", uuid.uuid4().hex[:7] + "!"
    found = new_identification("x")
    body = {
        "provenance": provenance(
            new_identification,
            calibration={"id": record, "verified_at": ""},
            method={"name": "ours", "version": 7, "digest": method},
            library={"name": "ours", "digest": library},
            recipe={"name": "raman-default", "digest": recipe},
        ),
        "components": [{**found["components"][0], "reference_id": reference}],
        "ranking": [{"substance": "A", "reference_id": near, "hqi": 0.5}] * 2,
    }
    screening_id, serial = bench.open(item), uuid.uuid4().hex
    scan_id = bench.put_scan(screening_id, blank_id=blank)
    sent = bench.result_body(screening_id, scan_id, "alarm_class", **body)
    sent["device"]["serial"] = serial
    made = str(uuid.uuid4())
    assert server.api("PUT", f"/results/{made}", json=sent).status_code == 201
    for kind, value, why in (
        ("calibration", record, "axis"),
        ("device", serial, "device"),
        ("device", f"STS/{serial}", "device"),
        ("reference", reference, "component"),
        ("reference", near, "ranking"),
        ("method", method, "method"),
        ("method", method[:8], "method"),
        ("library", library, "library"),
        ("recipe", recipe[:40], "recipe"),
        ("blank", blank, "blank"),
    ):
        answer = ask(server, kind, value)
        (line,) = answer["items"]
        assert (line["result_id"], answer["total"]) == (made, 1), (kind, value)
        assert line["why"] in {why, "verification"}, (
            "a record named by a bench of before is taken for its scan"
        )
        assert answer["value"].startswith(value)
        assert candidates_of(server, value) == [(kind, answer["value"], 1)]
    assert (line["item_id"], line["verdict"], line["device"]) == (item, "alarm_class", f"STS/{serial}")
    assert line["at"] == "2026-11-21T12:00:00.000000Z"
    assert made in {one["result_id"] for one in ask(server, "method", "ours@7")["items"]}
    assert ask(server, "device", serial[:8])["total"] == 0, "serial numbers are no digests"
    assert ask(server, "reference", record)["total"] == 0
    assert server.api("GET", "/impact?kind=parcel&value=x", Role.ADMIN).status_code == 422


def test_results_come_in_the_order_in_which_they_were_measured(server: Any, bench: Any, item: str) -> None:
    screening_id, serial = bench.open(item), uuid.uuid4().hex
    hours = [5, 1, 3, 3, 2, 4]
    made = {
        measured(bench, screening_id, serial=serial, at=f"2026-11-20T0{hour}:00:00+00:00"): hour
        for hour in hours
    }
    measured(bench, screening_id, serial="S2")
    seen: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": 2}
    while params.get("cursor", "") is not None:
        page = ask(server, "device", serial, **params)
        assert page["total"] == 6
        seen += page["items"]
        params["cursor"] = page["next_cursor"]
    assert [made[one["result_id"]] for one in seen] == [1, 2, 3, 3, 4, 5]
    assert len({one["result_id"] for one in seen}) == 6
    window = ask(server, "device", serial, since="2026-11-20T02:00:00Z", until="2026-11-20T04:00:00Z")
    assert ([made[one["result_id"]] for one in window["items"]], window["total"]) == ([2, 3, 3], 3)
    first = ask(server, "device", serial, limit=1)
    other = {"kind": "device", "value": "S2", "limit": 1, "cursor": first["next_cursor"]}
    refused = server.api("GET", "/impact", Role.ADMIN, params=other)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_cursor")
    bad = server.api("GET", "/impact?kind=device&value=S2&since=then", Role.ADMIN)
    assert bad.status_code == 422


def test_a_beginning_that_two_digests_have_is_ambiguous(
    server: Any, bench: Any, item: str, new_identification: Any
) -> None:
    start, screening_id = uuid.uuid4().hex[:10], bench.open(item)
    names = [start + last * 54 for last in "0f"]
    for name in names:
        changed = provenance(new_identification, recipe={"name": "r", "digest": name})
        measured(bench, screening_id, provenance=changed)
    answer = server.api("GET", "/impact", Role.ADMIN, params={"kind": "recipe", "value": start})
    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous")
    assert names[0][:16] in answer.json()["detail"]
    assert candidates_of(server, start) == [("recipe", name, 1) for name in names]
    assert candidates_of(server, start, kind="method") == []
    assert candidates_of(server, start[:7]) == [], "seven digits are too few"
    assert candidates_of(server, names[1]) == [("recipe", names[1], 1)]


def test_a_late_and_flagged_result_is_found(server: Any, bench: Any, item: str) -> None:
    screening_id, serial = bench.open(item), uuid.uuid4().hex
    bench.result(screening_id)
    bench.complete(screening_id)
    late = measured(bench, screening_id, serial=serial)
    times = {"since": "", "until": "2026-11-22T08:00:00Z"}
    op = operations.flag(
        str(uuid.uuid4()), device=f"STS/{serial}", verification=hexes(), result_ids=[late], **times
    )
    server.api("PUT", op.path, json=dict(op.json))
    (line,) = ask(server, "device", serial)["items"]
    assert (line["result_id"], line["under_review"]) == (late, True)


def test_a_record_nothing_depends_on_is_known(server: Any) -> None:
    from calibration.record import CalibrationRecord
    from service.api.calibrations.models import EXAMPLE

    made = CalibrationRecord.from_json({**EXAMPLE, "note": uuid.uuid4().hex})
    op = operations.calibration(made)
    assert server.api(op.method, op.path, json=dict(op.json)).status_code == 201
    assert candidates_of(server, made.record_id[:12]) == [("calibration", made.record_id, 0)]
    assert ask(server, "calibration", made.record_id[:12])["value"] == made.record_id
    assert candidates_of(server, hexes()) == []


def test_a_calibration_is_named_by_its_four_parts(new_identification: Any) -> None:
    found = new_identification("x")
    assert found["provenance"]["calibration"] == {"id": "", "verified_at": ""}
    older = {**found, "provenance": provenance(new_identification, calibration={"id": "1" * 64})}
    assert ("1" * 64, "verification") in parts(older), "a verification's scan stood there once"
    names = {"id": "a", "intensity": "b", "resolution": "c", "verification": "d", "verified_at": ""}
    newer = {**found, "provenance": provenance(new_identification, calibration=names)}
    expected = {("a", "axis"), ("b", "intensity"), ("c", "resolution"), ("d", "verification")}
    assert expected < parts(newer)
    empty = {**names, "id": "", "intensity": "", "resolution": "", "verification": ""}
    without = {**found, "provenance": provenance(new_identification, calibration=empty)}
    uses = uses_of(without, {"model": "STS", "serial": ""})
    assert {use.kind for use in uses} == {"reference", "method", "library", "recipe"}
    assert {use.kind for use in uses_of(newer, {"model": "m", "serial": "s"}, blank_id="e")} == set(KINDS)
    assert {use.part for use in uses_of(newer, {"model": "m", "serial": "s"}, blank_id="e")} < set(PARTS)


def parts(identification: dict[str, Any]) -> set[tuple[str, str]]:
    return {(use.value, use.part) for use in uses_of(identification, {"model": "STS", "serial": "S1"})}


# The database ---------------------------------------------------------------------------------


@pytest.fixture
def older(tmp_path: Path, new_identification: Any) -> Path:
    """Return a database of before this index, with results that it has to take up."""
    path = tmp_path / "db.sqlite3"
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(
            "INSERT INTO parcels VALUES (1, 'p', 'X1', 'X1', 'carrier', '', x'00', '2026-11-20T00:00:00.000000Z')"
        )
        raw.execute(
            "INSERT INTO screenings VALUES (1, 's', 'p', 'b', 'd', 'open', '2026-11-20T00:00:00.000000Z', NULL, NULL)"
        )
        for row in range(1, 1203):
            scan = f"{row:064x}"
            taken = "2026-11-20T00:00:00Z" if row % 2 else "no time"
            raw.execute(
                "INSERT INTO scans VALUES (?, ?, 1, 'sample', 's', 1, 1, 0, ?, '2026-11-21T00:00:00Z')",
                (row, scan, taken),
            )
            said = json.dumps(new_identification(scan))
            device = json.dumps({"model": "STS", "serial": "S1" if row % 3 else "S2"})
            raw.execute(
                "INSERT INTO results VALUES (?, ?, 's', 'p', ?, 'no_alarm', 1, 0, 0, ?, ?, 'd', ?)",
                (row, str(uuid.UUID(int=row)), scan, said, device, "2026-11-21T00:00:00Z"),
            )
    return path


def test_an_older_database_is_taken_up_whole(older: Path) -> None:
    with Database(older) as database, database.read() as session:
        query = ImpactQuery(kind="device", value="STS/S2", limit=200)
        rows, total, after = depending(session, query, "STS/S2")
        assert (len(rows), total) == (200, 400)
        assert after is not None
        times = [use.at for use, _, _ in rows]
        assert times == sorted(times)
        assert times[0] == "2026-11-20T00:00:00.000000Z"
        assert [(one.kind, one.results) for one in candidates(session, "a" * 16)] == [("method", 1202)]
        assert [(one.kind, one.results) for one in candidates(session, "starter-12")] == [("reference", 1202)]
        # The forged rows have no events; nothing else is wrong.
        assert {fault.what for fault in verify_chain(session)} == {"has no event that tells of it"}
    with closing(sqlite3.connect(older)) as raw:
        plan = raw.execute(
            "EXPLAIN QUERY PLAN SELECT result_row FROM result_uses WHERE kind = 'device' AND value = 'S2' "
            "AND (at, result_row) > ('2026', 5) ORDER BY at, result_row LIMIT 51"
        ).fetchall()
    assert "USING PRIMARY KEY" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_blanks_of_older_results_are_not_known(serve_at: Any, older: Path, tmp_path: Path) -> None:
    where = tmp_path / "server" / "opioscan.sqlite3"
    where.parent.mkdir()
    older.rename(where)
    with serve_at(tmp_path) as served:
        answer = ask(served, "blank", "b" * 64)
        assert (answer["total"], answer["not_indexed"]) == (0, 1202)
        assert ask(served, "device", "S1")["not_indexed"] == 0
