"""Calibration records and verifications at the server: kept as they came, and nothing else taken."""

import copy
import json
import shutil
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from calibration.outcomes import ResolutionOutcome
from calibration.record import CalibrationRecord, Kind, StandardUsed
from service.api.calibrations.models import EXAMPLE
from service.api.database import Database
from service.api.events.verification import verify_chain
from service.api.flags.models import FlagBody, ReviewBody
from service.api.permissions import Role
from service.api.verifications.models import VerificationBody
from service.bench import operations


def record(serial: str = "", **changes: Any) -> CalibrationRecord:
    """Return a record of its own: no two have the same digest."""
    outcome = ResolutionOutcome("calcite", 1085.9, "voigt", 12.1, 0.1, 11.6, 2.4)
    fields = {
        "kind": Kind.RESOLUTION,
        "device_serial": serial or uuid.uuid4().hex,
        "device_model": "STS",
        "outcome": outcome,
        "standards": (StandardUsed("calcite"),),
        "scans": ("a" * 64,),
        "made_at": "2026-11-22T08:00:00Z",
    }
    return CalibrationRecord(**{**fields, **changes})


def send(server: Any, op: Any, role: Role = Role.BENCH) -> Any:
    """Send an operation of the outbox as the bench does."""
    return server.api(op.method, op.path, role, json=dict(op.json))


def told(server: Any, kind: str, subject: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(server.settings.db_path)) as raw:
        query = "SELECT data FROM events WHERE type = ? AND subject = ? ORDER BY seq"
        return [json.loads(data) for (data,) in raw.execute(query, (kind, subject))]


def test_a_record_is_kept_as_it_came(server: Any) -> None:
    made = record()
    op = operations.calibration(made)
    first, again = send(server, op), send(server, op, Role.TECHNICIAN)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    found = server.api("GET", f"/calibrations/{made.record_id}", Role.AUDITOR)
    assert found.headers["etag"] == f'"{made.record_id}"'
    assert CalibrationRecord.from_json(found.json()) == made
    (event,) = told(server, "calibration.stored", f"calibrations/{made.record_id}")
    assert len(event.pop("rows")) == 1
    assert event == {
        "record_id": made.record_id,
        "kind": "resolution",
        "device": f"STS/{made.device_serial}",
        "emulated": False,
    }


def test_records_are_listed_by_device_and_kind(server: Any) -> None:
    serial = uuid.uuid4().hex
    made = [record(serial, note=str(n)) for n in range(3)]
    for one in [*made, record()]:
        assert send(server, operations.calibration(one)).status_code == 201
    params: dict[str, Any] = {"serial": serial, "limit": 2}
    first = server.api("GET", "/calibrations", Role.OFFICER, params=params).json()
    params["cursor"] = first["next_cursor"]
    second = server.api("GET", "/calibrations", Role.OFFICER, params=params).json()
    items = first["items"] + second["items"]
    assert [one["record_id"] for one in items] == [one.record_id for one in made]
    assert items[0]["standards"] == ["calcite"]
    params = {"serial": serial, "kind": "axis"}
    assert server.api("GET", "/calibrations", Role.OFFICER, params=params).json()["items"] == []
    missing = server.api("GET", f"/calibrations/{'0' * 64}", Role.OFFICER)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("note", "altered", "digest_mismatch"),
        ("schema", "opioscan.calibration/1", "invalid"),
        ("kind", "axis", "invalid"),
        ("parcel", "RB473124829US", "invalid"),
        ("device_serial", "", "invalid"),
        ("device_serial", "x" * 257, "digest_mismatch"),
        ("scans", [], "invalid"),
        ("temperature_c", "22", "invalid"),
        ("outcome.width_cm1", None, "invalid"),
        ("outcome.width_cm1", 10**400, "invalid"),
        ("outcome.shape", "square", "invalid"),
        ("note", "\ud800", "invalid"),
    ],
)
def test_damaged_records_are_refused(server: Any, path: str, value: Any, code: str) -> None:
    body = copy.deepcopy(EXAMPLE)
    *way, last = path.split(".")
    place = body
    for step in way:
        place = place[step]
    place[last] = value
    name = CalibrationRecord.from_json(EXAMPLE).record_id
    head = {"content-type": "application/json"}
    answer = server.api("PUT", f"/calibrations/{name}", content=json.dumps(body), headers=head)
    assert answer.json()["code"] == code, answer.text
    assert "\n" not in answer.json()["detail"]
    assert server.api("GET", f"/calibrations/{name}", Role.ADMIN).status_code == 404


@pytest.mark.parametrize("text", ["[]", "null", '{"outcome": NaN}', '{"outcome": 1e999}', "[" * 60_000, "{"])
def test_what_is_no_record_is_refused(server: Any, text: str) -> None:
    head = {"content-type": "application/json"}
    answer = server.api("PUT", f"/calibrations/{'1' * 64}", content=text, headers=head)
    assert answer.status_code in {400, 422}, answer.text


def test_the_document_shows_what_is_taken(server: Any) -> None:
    document = server.client(None).get("/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    for model in (VerificationBody, FlagBody, ReviewBody):
        (example,) = schemas[model.__name__]["examples"]
        model.model_validate(example)
        assert schemas[model.__name__]["additionalProperties"] is False
    put = document["paths"]["/api/v1/calibrations/{record_id}"]["put"]
    (example,) = put["requestBody"]["content"]["application/json"]["schema"]["examples"]
    assert CalibrationRecord.from_json(example).to_json() == example
    assert {"200", "201"} <= set(put["responses"])


def note(**changes: Any) -> Any:
    """Return what the server is told of a bench's note."""
    fields = {
        "device": f"STS/{uuid.uuid4().hex}",
        "scan_id": uuid.uuid4().hex * 2,
        "passed": True,
        "taken_at": "2026-11-22T08:00:00Z",
        "outcome": {"worst_cm1": 0.4, "lines": [{"expected_cm1": 1001.4, "found_cm1": None}]},
    }
    return SimpleNamespace(**{**fields, **changes})


def test_a_verification_is_kept_once(server: Any) -> None:
    made = note()
    op = operations.verification(made, standard="polystyrene", bench="bench-1")
    first, again = send(server, op), send(server, op)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["outcome"] == made.outcome
    other = operations.verification(note(scan_id=made.scan_id), standard="polystyrene", bench="bench-1")
    refused = send(server, other)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    (event,) = told(server, "verification.recorded", f"verifications/{made.scan_id}")
    assert (event["passed"], event["device"]) == (True, made.device)
    assert "outcome" not in event


def test_verifications_are_listed_by_device(server: Any) -> None:
    device = f"STS/{uuid.uuid4().hex}"
    made = [note(device=device, passed=n != 1) for n in range(3)]
    for one in [*made, note()]:
        send(server, operations.verification(one, standard="polystyrene", bench="b"))
    listed = server.api("GET", "/verifications", Role.TECHNICIAN, params={"device": device}).json()
    assert [one["scan_id"] for one in listed["items"]] == [one.scan_id for one in made]
    params = {"device": device, "passed": "false"}
    (failed,) = server.api("GET", "/verifications", Role.TECHNICIAN, params=params).json()["items"]
    assert failed["scan_id"] == made[1].scan_id


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"x": [value]}
    return value


@pytest.mark.parametrize(
    "change",
    [
        {"device": "no serial/"},
        {"device": "STS"},
        {"at": "yesterday"},
        {"passed": 1},
        {"outcome": []},
        {"outcome": {"x": 2**60}},
        {"outcome": _nested(7)},
        {"outcome": _nested(200)},
        {"standard": "x" * 129},
        {"bench": "-"},
        {"parcel": "x"},
    ],
)
def test_verifications_that_do_not_fit_are_refused(server: Any, change: dict[str, Any]) -> None:
    body = {**operations.verification(note(), standard="polystyrene", bench="b").json, **change}
    answer = server.api("PUT", f"/verifications/{'2' * 64}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text


def test_long_verifications_are_refused(server: Any) -> None:
    body = {"outcome": {"x": "y" * 70_000}}
    assert server.api("PUT", f"/verifications/{'2' * 64}", json=body).status_code == 413


def test_records_are_never_changed_and_it_shows(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path) as served:
        send(served, operations.calibration(record()))
        send(served, operations.verification(note(), standard="polystyrene", bench="b"))
    with Database(served.settings.db_path) as database, database.read() as session:
        assert verify_chain(session) == []
    for statement, where in (
        ("UPDATE calibrations SET record = replace(record, '12.1', '9.9')", "row calibrations/1"),
        ("DELETE FROM calibrations", "row calibrations/1"),
        ("UPDATE verifications SET body = replace(body, 'true', 'false')", "row verifications/1"),
        ("DELETE FROM verifications", "row verifications/1"),
    ):
        path = tmp_path / "copy.sqlite3"
        shutil.copy(served.settings.db_path, path)
        with closing(sqlite3.connect(path)) as raw, raw:
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                raw.execute(statement)
            for table in ("calibrations", "verifications"):
                for verb in ("update", "delete"):
                    raw.execute(f"DROP TRIGGER {table}_no_{verb}")
            assert raw.execute(statement).rowcount == 1
        with Database(path) as database, database.read() as session:
            # What was counted of a verification differs too.
            fault = verify_chain(session)[0]
        assert fault.where == where
