"""The same request again changes nothing; the same name for something else is refused."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from service.api.permissions import Role


def _head(server: Any) -> int:
    return server.api("GET", "/events", Role.AUDITOR, params={"limit": 1}).json()["head_seq"]


def test_opening_a_screening_again(server: Any, item: str) -> None:
    path = f"/screenings/{uuid.uuid4()}"
    body = {"item_id": item, "item_id_type": "s10", "bench": "bench-1"}
    first, head = server.api("PUT", path, json=body), _head(server)
    second = server.api("PUT", path, json={**body, "item_id": item.lower()})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    for other in ({**body, "bench": "bench-2"}, {**body, "item_id": "RB473124829US"}):
        answer = server.api("PUT", path, json=other)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert _head(server) == head


def test_putting_a_result_again(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    scan_id = bench.put_scan(screening_id)
    path, body = f"/results/{uuid.uuid4()}", bench.result_body(screening_id, scan_id)
    first, head = server.api("PUT", path, json=body), _head(server)
    second = server.api("PUT", path, json=body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    others = (
        bench.result_body(screening_id, scan_id, "alarm_named"),
        {**body, "operator": "somebody else"},
        {**body, "device": {**body["device"], "serial": "S2"}},
    )
    for other in others:
        answer = server.api("PUT", path, json=other)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert _head(server) == head


def test_a_key_gives_the_first_answer_again(server: Any, item: str) -> None:
    key = {"Idempotency-Key": f"register:{uuid.uuid4()}"}
    body = {"item_id": "", "item_id_type": "none"}
    first, head = server.api("POST", "/parcels", json=body, headers=key), _head(server)
    second = server.api("POST", "/parcels", json=body, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["idempotent-replayed"] == "true"
    assert first.json() == second.json()
    assert _head(server) == head
    other = server.api("POST", "/parcels", json={"item_id": item}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    another_token = server.api("POST", "/parcels", Role.OFFICER, json={"item_id": item}, headers=key)
    assert another_token.status_code == 201


def test_completing_under_a_key(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    bench.result(screening_id)
    key = {"Idempotency-Key": f"complete:{screening_id}"}
    path = f"/screenings/{screening_id}/complete"
    first, second = (server.api("POST", path, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()


def test_posting_a_result_under_a_key(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    body = bench.result_body(screening_id, bench.put_scan(screening_id))
    keyless = server.api("POST", "/results", json=body)
    assert (keyless.status_code, keyless.json()["code"]) == (400, "bad_key")
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (server.api("POST", "/results", json=body, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len(bench.screening(screening_id)["results"]) == 1
    other = server.api("POST", "/results", json={**body, "operator": "x"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


def test_many_at_once_make_one(server: Any, item: str) -> None:
    path = f"/screenings/{uuid.uuid4()}"
    body = {"item_id": item, "item_id_type": "s10", "bench": "bench-1"}
    client = server.client()
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: client.put(f"/api/v1{path}", json=body).status_code, range(16)))
    assert sorted(codes) == [200] * 15 + [201]
