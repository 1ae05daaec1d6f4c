"""Links that are corrected, dispositions that are posted back."""

import uuid
from typing import Any

import pytest

from service.api.permissions import Role

PS = Role.PARCEL_SYSTEM


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def parcel_of(server: Any, **more: Any) -> str:
    body = {"item_id": uuid.uuid4().hex, "item_id_type": "carrier", **more}
    return server.api("POST", "/parcels", PS, json=body).json()["parcel_id"]


def move(server: Any, screening_id: str, parcel_id: str, role: Role = Role.OFFICER, **more: Any) -> Any:
    body = {"screening_id": screening_id, "parcel_id": parcel_id, "why": "swapped on the bench", **more}
    return server.api("POST", "/links", role, json=body)


def test_a_link_from_opening_to_correction(server: Any, bench: Any, item: str) -> None:
    right = parcel_of(server)
    screening_id = bench.open(item)
    wrong = bench.screening(screening_id)["parcel_id"]
    bench.result(screening_id)
    first = server.api("GET", "/links", params={"screening_id": screening_id}).json()["items"]
    assert [(one["parcel_id"], one["stands"], one["supersedes"]) for one in first] == [(wrong, True, None)]

    made = move(server, screening_id, right, reference="SHIP-9")
    assert made.status_code == 201, made.text
    link = made.json()
    assert (link["supersedes"], link["reference"]) == (first[0]["link_id"], "SHIP-9")
    assert link["made_by"] == f"token:{server.token_ids[Role.OFFICER]}"
    assert link["why"] == "swapped on the bench"
    again = move(server, screening_id, right, reference="SHIP-9")
    assert (again.status_code, again.json()) == (200, link)
    old = server.api("GET", f"/links/{first[0]['link_id']}", PS).json()
    assert (old["stands"], old["parcel_id"]) == (False, wrong)
    assert server.api("GET", f"/links/{link['link_id']}", PS).json()["why"] is None
    assert server.api("GET", "/links", params={"parcel_id": right}).json()["items"][0]["stands"]
    assert bench.parcel(wrong)["status"] == "not_screened"
    assert bench.parcel(right)["status"] == "open"
    assert bench.complete(screening_id)["parcel_id"] == right
    assert bench.parcel(right)["finding"]["outward"] == "no_hold_requested"
    told = server.api("GET", "/events", Role.AUDITOR, params={"after": 0, "limit": 200}).text
    assert "swapped" not in told


def test_what_alarmed_is_moved_by_a_technician(server: Any, bench: Any, item: str) -> None:
    right, screening_id = parcel_of(server), bench.open(item)
    bench.result(screening_id, "alarm_named")
    assert code(move(server, screening_id, right)) == (403, "forbidden")
    assert move(server, screening_id, right, Role.TECHNICIAN).status_code == 201
    assert bench.parcel(right)["finding"]["outward"] == "hold"


def test_a_parcel_that_has_no_screening_left_waits_again(server: Any, bench: Any, item: str) -> None:
    for verdict in ("inconclusive", "no_alarm"):
        screening_id = bench.open(item, "carrier")
        bench.result(screening_id, verdict)
        bench.complete(screening_id)
    parcel_id = bench.screening(screening_id)["parcel_id"]
    assert item not in waiting(server)
    assert move(server, screening_id, parcel_of(server)).status_code == 201
    assert bench.parcel(parcel_id)["status"] == "not_screened"
    assert item in waiting(server)
    bench.open(item, "carrier")
    assert item not in waiting(server)


def waiting(server: Any) -> list[str]:
    items = server.api("GET", "/parcels/queue", Role.OFFICER, params={"limit": 200}).json()["items"]
    return [one["item_id"] for one in items]


def test_links_to_nowhere(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    assert code(move(server, screening_id, str(uuid.uuid4()))) == (404, "not_found")
    assert code(move(server, str(uuid.uuid4()), parcel_of(server))) == (404, "not_found")
    simulated = server.api("POST", "/sandbox/parcels", PS, json={}).json()["parcel_id"]
    assert code(move(server, screening_id, simulated)) == (409, "sandbox_only")
    assert code(server.api("GET", f"/links/{uuid.uuid4()}")) == (404, "not_found")


def disposition(server: Any, parcel_id: str, decision: str, **more: Any) -> Any:
    headers = more.pop("headers", {})
    body = {"decision": decision, "decided_at": "2026-11-22T12:00:00Z", **more}
    return server.api("POST", f"/parcels/{parcel_id}/dispositions", PS, json=body, headers=headers)


def test_dispositions_and_their_corrections(server: Any) -> None:
    parcel_id = parcel_of(server)
    path, key = f"/parcels/{parcel_id}", {"Idempotency-Key": uuid.uuid4().hex}
    held = disposition(server, parcel_id, "held", note="by J. Doe", headers=key)
    assert held.status_code == 201
    assert disposition(server, parcel_id, "held", note="by J. Doe", headers=key).json() == held.json()
    free = disposition(server, parcel_id, "released", compliant=True).json()
    assert free["supersedes"] == held.json()["disposition_id"]
    wrong = disposition(server, parcel_id, "seized", supersedes=held.json()["disposition_id"])
    assert code(wrong) == (409, "not_standing")
    right = disposition(
        server, parcel_id, "seized", compliant=False, supersedes=free["disposition_id"]
    ).json()
    listed = server.api("GET", f"{path}/dispositions", Role.OFFICER).json()["items"]
    assert [(one["decision"], one["stands"]) for one in listed] == [
        ("held", False),
        ("released", False),
        ("seized", True),
    ]
    assert listed[0]["note"] == "by J. Doe"
    assert server.api("GET", f"{path}/dispositions", Role.BENCH).json()["items"][0]["note"] is None
    assert server.api("GET", path, PS).json()["disposition"] == right
    told = [
        one["data"]
        for one in server.api("GET", "/events", PS, params={"limit": 200}).json()["items"]
        if one["type"] == "disposition.recorded" and one["data"]["parcel_id"] == parcel_id
    ]
    assert [(one["decision"], one["compliant"], one["correction"]) for one in told] == [
        ("held", None, False),
        ("released", True, False),
        ("seized", False, True),
    ]
    assert "Doe" not in str(told)


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "freed"},
        {"decided_at": "yesterday"},
        {"decided_at": "2026-11-22T12:00:00+01:00"},
        {"x": 1},
    ],
)
def test_dispositions_that_do_not_fit(server: Any, changes: dict[str, Any]) -> None:
    answer = disposition(server, parcel_of(server), **{"decision": "held", **changes})
    assert code(answer) == (422, "invalid")
