"""Parcels at work: advance data, many at once, changes over what was read, merging."""

import uuid
from typing import Any

import pytest

from service.api.database import Database
from service.api.events.verification import verify_chain
from service.api.parcels.advance import ADVANCE_EXAMPLE
from service.api.permissions import Role

PS = Role.PARCEL_SYSTEM


def register(server: Any, item: str, role: Role = PS, **more: Any) -> dict[str, Any]:
    answer = server.api("POST", "/parcels", role, json={"item_id": item, **more})
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def read(server: Any, parcel: dict[str, Any], role: Role = PS, **options: Any) -> Any:
    return server.api("GET", f"/parcels/{parcel['parcel_id']}", role, **options)


def events_of(server: Any, subject: str) -> list[dict[str, Any]]:
    after, found = 0, []
    while True:
        page = server.api("GET", "/events", Role.AUDITOR, params={"after": after, "limit": 200}).json()
        found += [one for one in page["items"] if one["subject"] == subject]
        if not page["items"]:
            return found
        after = page["next_after"]


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_advance_data_are_shown_to_whom_they_may_be(server: Any, item: str) -> None:
    parcel = register(server, item, advance=ADVANCE_EXAMPLE)
    for role in (PS, Role.OFFICER, Role.TECHNICIAN, Role.AUDITOR, Role.ADMIN):
        assert read(server, parcel, role).json()["advance"] == ADVANCE_EXAMPLE, role
    at_bench = read(server, parcel, Role.BENCH).json()["advance"]
    assert at_bench == {**ADVANCE_EXAMPLE, "sender": None}
    with Database(server.settings.db_path) as database, database.write("test") as change:
        from service.api.tokens.repository import create_token

        other, _ = create_token(change, PS)
    seen = server.client(None).get(
        f"/api/v1/parcels/{parcel['parcel_id']}", headers={"Authorization": f"Bearer {other}"}
    )
    assert seen.json()["advance"] is None
    changed = server.client(None).patch(
        f"/api/v1/parcels/{parcel['parcel_id']}",
        headers={"Authorization": f"Bearer {other}", "If-Match": "*"},
        json={"advance": {"weight_g": 1}},
    )
    assert code(changed) == (403, "forbidden")


def test_nothing_personal_reaches_the_chain(server: Any, item: str) -> None:
    parcel = register(server, item, advance=ADVANCE_EXAMPLE)
    told = events_of(server, f"parcels/{parcel['parcel_id']}")
    assert [one["type"] for one in told] == ["parcel.registered", "parcel.updated"]
    assert told[1]["data"]["risk_score"] == 0.82
    assert told[1]["data"]["fields"] == sorted(ADVANCE_EXAMPLE)
    assert len(told[1]["data"]["sender_digest"]) == 64
    for word in ("Example Trading", "Harbour", item, "vitamin"):
        assert word not in str(told)


def test_a_known_parcel_takes_advance_data_once(server: Any, item: str) -> None:
    bare = register(server, item)
    assert bare["advance"] is None
    assert register(server, item, advance={"weight_g": 10.0})["advance"]["weight_g"] == 10
    assert register(server, item, advance={"weight_g": 20})["advance"]["weight_g"] == 10


@pytest.mark.parametrize(
    "advance",
    [
        {"origin": "nl"},
        {"origin": "NLD"},
        {"hs_codes": ["12345"]},
        {"hs_codes": ["12345678901"]},
        {"value": {"amount": "1e3", "currency": "EUR"}},
        {"value": {"amount": "1"}},
        {"risk": {"score": 1.01, "source": "x"}},
        {"risk": {"score": 0.5}},
        {"sender": {"name": "a\x00b"}},
        {"content": "\x1b[2J"},
        {"reference": "x" * 129},
        {"weight_g": 0},
        {"weight_g": 310.5},
        {"unknown": 1},
    ],
)
def test_advance_data_that_do_not_fit_are_refused(server: Any, item: str, advance: dict[str, Any]) -> None:
    answer = server.api("POST", "/parcels", PS, json={"item_id": item, "advance": advance})
    assert code(answer) == (422, "invalid")


def test_changing_asks_for_what_was_read(server: Any, item: str) -> None:
    parcel = register(server, item, advance=ADVANCE_EXAMPLE)
    path, first = f"/parcels/{parcel['parcel_id']}", read(server, parcel).headers["etag"]
    patch = {"advance": {"risk": {"score": 0.1, "source": "t2"}, "content": None}}
    assert code(server.api("PATCH", path, PS, json=patch)) == (428, "precondition_required")
    stale = server.api("PATCH", path, PS, json=patch, headers={"If-Match": '"0000"'})
    assert code(stale) == (412, "precondition_failed")
    assert code(server.api("PATCH", path, PS, json=patch, headers={"If-Match": "rubbish"})) == (
        412,
        "precondition_failed",
    )
    done = server.api("PATCH", path, PS, json=patch, headers={"If-Match": f'"other", {first}'})
    assert done.status_code == 200
    after = done.json()["advance"]
    assert (after["risk"]["score"], after["content"]) == (0.1, None)
    assert after["sender"] == ADVANCE_EXAMPLE["sender"]
    assert done.headers["etag"] == read(server, parcel).headers["etag"] != first
    again = server.api("PATCH", path, PS, json=patch, headers={"If-Match": first})
    assert code(again) == (412, "precondition_failed")
    told = events_of(server, f"parcels/{parcel['parcel_id']}")[-1]
    assert (told["data"]["fields"], told["data"]["sender_digest"]) == (["content", "risk"], None)
    same = server.api("PATCH", path, PS, json=patch, headers={"If-Match": "*"})
    assert same.status_code == 200
    assert events_of(server, f"parcels/{parcel['parcel_id']}")[-1] == told, "nothing changed, nothing is told"


def test_what_did_not_change_is_not_sent_again(server: Any, bench: Any, item: str) -> None:
    parcel = register(server, item)
    tag = read(server, parcel).headers["etag"]
    for value in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = read(server, parcel, headers={"If-None-Match": value})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    bench.open(item)
    assert read(server, parcel, headers={"If-None-Match": tag}).status_code == 200


def test_many_at_once_are_judged_one_by_one(server: Any, item: str) -> None:
    known = register(server, item)
    fresh, key = uuid.uuid4().hex, {"Idempotency-Key": uuid.uuid4().hex}
    body = {
        "items": [
            {"item_id": item},
            {"item_id": fresh, "item_id_type": "carrier", "advance": {"risk": {"score": 0.9, "source": "t"}}},
            {"item_id": "RB473124820US" + fresh},
            {"item_id": fresh, "item_id_type": "carrier"},
            {"item_id": "twice" + fresh, "item_id_type": "carrier"},
            {"item_id": "twice" + fresh, "item_id_type": "carrier", "advance": {"site": "X"}},
            {"item_id_type": "s10"},
            [1e400, 2**80, None],
        ]
    }
    import json

    content = json.dumps(body)
    head = {"content-type": "application/json", **key}
    answer = server.api("POST", "/parcels/bulk", PS, content=content, headers=head)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    outcomes = ["known", "created", "provisional", "known", "created", "known", "refused", "refused"]
    assert [one["outcome"] for one in items] == outcomes
    assert [one["index"] for one in items] == list(range(8))
    assert items[0]["parcel"]["parcel_id"] == known["parcel_id"]
    assert items[1]["parcel"] == items[3]["parcel"]
    assert items[1]["parcel"]["advance"]["risk"]["score"] == 0.9
    assert items[4]["parcel"]["advance"] == items[5]["parcel"]["advance"]
    assert items[6]["problem"] == {"code": "invalid", "detail": "item_id: Field required"}
    again = server.api("POST", "/parcels/bulk", PS, content=content, headers=head)
    assert (again.json(), again.headers["idempotent-replayed"]) == (answer.json(), "true")


@pytest.mark.parametrize("count", [0, 501])
def test_too_many_or_none_at_once(server: Any, count: int) -> None:
    body = {"items": [{"item_id": str(n), "item_id_type": "carrier"} for n in range(count)]}
    assert code(server.api("POST", "/parcels/bulk", PS, json=body)) == (422, "invalid")


def merge(server: Any, parcel: dict[str, Any], into: str, role: Role = Role.OFFICER) -> Any:
    body = {"into": into, "why": "the label was inside"}
    return server.api("POST", f"/parcels/{parcel['parcel_id']}/merge", role, json=body)


def test_a_provisional_parcel_turns_out_to_be_another(server: Any, bench: Any, item: str) -> None:
    label = f"NOLABEL-{uuid.uuid4().hex[:8]}"
    screening_id = bench.open(label, "none")
    result_id = bench.result(screening_id, "alarm_named")
    bench.complete(screening_id)
    provisional = bench.parcel(bench.screening(screening_id)["parcel_id"])
    real = register(server, item, advance={"reference": "SHIP-1"})
    merged = merge(server, provisional, real["parcel_id"])
    assert merged.status_code == 200, merged.text
    seen = (merged.json()["status"], merged.json()["merged_into"], merged.json()["finding"])
    assert seen == ("merged", real["parcel_id"], None)
    assert merge(server, provisional, real["parcel_id"]).json() == merged.json()
    assert len(events_of(server, f"parcels/{provisional['parcel_id']}")) == 2

    assert bench.screening(screening_id)["parcel_id"] == real["parcel_id"]
    assert bench.parcel(real["parcel_id"])["finding"]["outward"] == "hold"
    result = server.api("GET", f"/results/{result_id}").json()
    assert result["parcel_id"] == provisional["parcel_id"], "a result is never changed"
    assert server.api("GET", f"/parcels/{real['parcel_id']}/results").json()["items"] == [result]
    assert server.api("GET", f"/parcels/{provisional['parcel_id']}/results").json()["items"] == []
    links = server.api("GET", "/links", Role.AUDITOR, params={"screening_id": screening_id}).json()["items"]
    assert [(one["parcel_id"], one["stands"], one["reference"]) for one in links] == [
        (provisional["parcel_id"], False, None),
        (real["parcel_id"], True, "SHIP-1"),
    ]
    assert bench.screening(bench.open(label, "none"))["parcel_id"] == real["parcel_id"]
    with Database(server.settings.db_path) as database, database.read() as session:
        assert verify_chain(session) == []


def test_what_cannot_be_merged(server: Any, item: str) -> None:
    from tests.service.api.conftest import fresh_item

    one, two, real = (register(server, f"NOLABEL-{uuid.uuid4().hex}", item_id_type="none") for _ in range(3))
    assert code(merge(server, one, one["parcel_id"])) == (409, "conflict")
    assert merge(server, one, two["parcel_id"]).status_code == 200
    assert code(merge(server, two, one["parcel_id"])) == (409, "merged"), "no cycles"
    assert code(merge(server, one, real["parcel_id"])) == (409, "merged")
    assert code(merge(server, one, str(uuid.uuid4()))) == (404, "not_found")
    labelled = register(server, fresh_item())
    assert code(merge(server, labelled, two["parcel_id"])) == (409, "not_provisional")
    assert merge(server, labelled, two["parcel_id"], Role.TECHNICIAN).status_code == 200
    patched = server.api(
        "PATCH",
        f"/parcels/{one['parcel_id']}",
        Role.OFFICER,
        json={"advance": {}},
        headers={"If-Match": "*"},
    )
    assert code(patched) == (409, "merged")


def test_a_bench_that_has_not_told_everything(server: Any, bench: Any, item: str) -> None:
    from service.api.benches.models import _EXAMPLE

    parcel = register(server, item)
    bench.open(item)
    assert bench.parcel(parcel["parcel_id"])["status"] == "open"
    for pending, status in ((2, "queued_offline"), (0, "open")):
        report = {**_EXAMPLE, "outbox": {"pending": pending, "refused": 0, "oldest_s": 1.0}}
        assert server.api("PUT", "/benches/bench-1", json=report).status_code in {200, 201}
        assert bench.parcel(parcel["parcel_id"])["status"] == status
