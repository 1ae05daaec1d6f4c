"""The catalogue of events: what is recorded fits it, and what it once promised is still there."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from service.api.events.catalogue import KINDS
from service.api.events.outward import OUTWARD
from service.api.events.promise import PROMISE
from service.api.events.schemas import SCHEMAS
from service.api.permissions import Role

#: What was promised so far: kind → field → how it looks, and whether it is always there. Fields and kinds are
#: added here, never removed or changed before /api/v2.
SNAPSHOT = Path(__file__).with_name("event_catalogue.json")


def shape_of(kind: str) -> dict[str, Any]:
    schema = SCHEMAS[kind].model_json_schema(mode="serialization")
    always = set(schema.get("required", ()))
    return {
        name: {"looks": _plain(value, schema.get("$defs", {})), "always": name in always}
        for name, value in schema["properties"].items()
    }


def _plain(value: dict[str, Any], parts: dict[str, Any]) -> Any:
    if "$ref" in value:
        return _plain(parts[value["$ref"].rpartition("/")[2]], parts)
    if "anyOf" in value:
        return [_plain(one, parts) for one in value["anyOf"]]
    if "properties" in value:
        return {name: _plain(one, parts) for name, one in value["properties"].items()}
    words = value.get("enum") or ([value["const"]] if "const" in value else None)
    told = {"type": value.get("type", "any")}
    if words:
        told["words"] = words
    if "items" in value:
        told["items"] = _plain(value["items"], parts)
    return told


def kept(before: Any, now: Any) -> bool:
    """Whether everything that stood in a snapshot still stands; more may."""
    if isinstance(before, dict):
        return isinstance(now, dict) and all(
            name in now and kept(one, now[name]) for name, one in before.items()
        )
    if isinstance(before, list):
        return isinstance(now, list) and all(any(kept(one, other) for other in now) for one in before)
    return bool(before == now)


@pytest.mark.parametrize("kind", list(json.loads(SNAPSHOT.read_text())))
def test_what_was_promised_is_still_there(kind: str) -> None:
    promised = json.loads(SNAPSHOT.read_text())[kind]
    assert kind in SCHEMAS, "a kind of event may not disappear before /api/v2"
    for name, looks in promised.items():
        assert kept(looks, shape_of(kind).get(name)), f"{kind}: {name} was removed or changed"


def test_what_is_new_is_promised_from_now_on() -> None:
    promised = json.loads(SNAPSHOT.read_text())
    for kind in SCHEMAS:
        missing = shape_of(kind).keys() - promised.get(kind, {}).keys()
        assert not missing, f"add {kind}: {sorted(missing)} to {SNAPSHOT.name}"
        late = [name for name in missing if kind in promised and shape_of(kind)[name]["always"]]
        assert not late, "a field that comes later has a default: older events do not have it"


def test_the_snapshot_would_notice() -> None:
    shape = shape_of("screening.completed")
    assert kept(shape, {**shape, "more": {}})
    assert not kept(shape, {name: one for name, one in shape.items() if name != "finding"})
    assert not kept(shape, {**shape, "parcel_id": {"looks": {"type": "integer"}, "always": True}})


def test_every_kind_has_a_schema_and_words() -> None:
    assert set(SCHEMAS) == set(KINDS)
    assert set(OUTWARD) <= set(KINDS)
    for kind, fields in OUTWARD.items():
        assert set(fields or ()) <= set(SCHEMAS[kind].model_fields), kind


def test_the_catalogue_is_served_to_everybody(server: Any) -> None:
    for role in Role:
        told = server.api("GET", "/events/catalogue", role).json()
        assert told["promise"] == list(PROMISE)
        assert [one["type"] for one in told["kinds"]] == list(KINDS)
        for one in told["kinds"]:
            jsonschema.Draft202012Validator.check_schema(one["data_schema"])
    finding = {one["type"]: one for one in told["kinds"]}["screening.completed"]["data_schema"]
    outward = finding["$defs"]["FindingView"]["properties"]["outward"]["anyOf"][0]["enum"]
    assert outward == ["hold", "refer", "no_hold_requested"]


def test_all_that_a_server_records_fits_the_catalogue(
    server: Any, bench: Any, item: str, saying: Any
) -> None:
    """Do what the API can do, and hold every event against its schema, for those who see all and for others."""
    screening_id = bench.open(item)
    first = bench.result(screening_id)
    bench.complete(screening_id)
    bench.result(screening_id, "alarm_named", spot=2)
    again = bench.open(item)
    bench.result(again)
    bench.complete(again)
    flag = {
        "flag_id": "0f6d2c1e-2b1e-4a53-9f0e-6f3a5f1f2d11",
        "reason": "verification_failed",
        "device": "STS/S1",
        "verification": "a" * 64,
        "since": "",
        "until": "2026-11-22T08:00:00Z",
        "result_ids": [first],
    }
    assert server.api("PUT", f"/flags/{flag['flag_id']}", json=flag).status_code == 201
    server.api("POST", f"/flags/{flag['flag_id']}/reviewed", Role.TECHNICIAN, json={"note": "clean"})
    check = {"device": "STS/S1", "standard": "", "passed": True, "at": "2026-11-22T08:00:00Z", "outcome": {}}
    checked = server.api("PUT", f"/verifications/{'b' * 64}", json={**check, "bench": "bench-1"})
    assert checked.status_code in {200, 201}, checked.text

    seen = {role: everything(server, role) for role in (Role.AUDITOR, Role.PARCEL_SYSTEM)}
    kinds = {one["type"] for one in seen[Role.AUDITOR]}
    assert {"token.created", "screening.completed", "screening.amended", "result.flagged"} <= kinds
    for role, events in seen.items():
        told = server.api("GET", "/events/catalogue", role).json()["kinds"]
        checkers = {one["type"]: jsonschema.Draft202012Validator(one["data_schema"]) for one in told}
        subjects = {one["type"]: one["subject"] for one in told}
        for event in events:
            if event["type"] == "internal":
                continue
            checkers[event["type"]].validate(event["data"])
            assert event["subject"].startswith(subjects[event["type"]]), event


def test_parcel_systems_see_what_concerns_parcels(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    bench.result(screening_id)
    whole, outward = (everything(server, role) for role in (Role.AUDITOR, Role.PARCEL_SYSTEM))
    assert [one["seq"] for one in outward] == [one["seq"] for one in whole]
    for ours, theirs in zip(whole, outward, strict=True):
        for name in ("seq", "at", "hash", "prev_hash"):
            assert theirs[name] == ours[name]
        if ours["type"] not in OUTWARD:
            assert set(theirs) == {"seq", "type", "at", "hash", "prev_hash", "redacted"}
            assert (theirs["type"], theirs["redacted"]) == ("internal", True)
        elif OUTWARD[ours["type"]] is None:
            assert theirs == ours
        else:
            assert theirs["redacted"]
            assert set(theirs["data"]) <= set(OUTWARD[ours["type"]])
    params = {"type": ["token.created", "screening.opened"], "limit": 200}
    asked = server.api("GET", "/events", Role.PARCEL_SYSTEM, params=params).json()["items"]
    assert {one["type"] for one in asked} == {"screening.opened"}
    whole = server.api("GET", "/events", Role.AUDITOR, params=params).json()["items"]
    assert {one["type"] for one in whole} == {"token.created", "screening.opened"}
    mine = {"subject": f"screenings/{screening_id}"}
    for role in (Role.AUDITOR, Role.PARCEL_SYSTEM):
        found = server.api("GET", "/events", role, params=mine).json()["items"]
        assert [one["type"] for one in found] == ["screening.opened"]
    wrong = server.api("GET", "/events", Role.AUDITOR, params={"type": "no.such"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")


def everything(server: Any, role: Role) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["seq"] if found else 0
        page = server.api("GET", "/events", role, params={"after": after, "limit": 200}).json()
        if not page["items"]:
            return found
        found += page["items"]
