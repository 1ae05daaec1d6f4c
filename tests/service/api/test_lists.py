"""Lists are followed by cursors, and events by their numbers."""

import uuid
from pathlib import Path
from typing import Any

from service.api.permissions import Role
from spectra.digest import json_digest


def test_a_cursor_leads_through_everything_once(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path) as served:
        made = [
            served.api("POST", "/parcels", json={"item_id": f"C{n}", "item_id_type": "carrier"}).json()
            for n in range(7)
        ]
        seen, params, pages = [], {"limit": 3}, 0
        while True:
            page = served.api("GET", "/parcels", params=params).json()
            seen += page["items"]
            pages += 1
            if page["next_cursor"] is None:
                break
            params = {"limit": 3, "cursor": page["next_cursor"]}
        assert (seen, pages) == (made, 3)
        newer = served.api("POST", "/parcels", json={"item_id": "C9", "item_id_type": "carrier"}).json()
        assert served.api("GET", "/parcels", params=params).json()["items"] == [made[-1], newer]

        other = served.api("GET", "/parcels", params={**params, "item_id": "C1"})
        assert (other.status_code, other.json()["code"]) == (400, "bad_cursor")
        elsewhere = served.api("GET", "/results", params={"cursor": params["cursor"]})
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (400, "bad_cursor")


def test_results_are_paged_within_their_filter(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    made = [bench.result(screening_id) for _ in range(3)]
    bench.result(bench.open(item))
    params = {"screening_id": screening_id, "limit": 2}
    first = server.api("GET", "/results", params=params).json()
    second = server.api("GET", "/results", params={**params, "cursor": first["next_cursor"]}).json()
    assert [one["result_id"] for one in first["items"] + second["items"]] == made
    assert second["next_cursor"] is None


def test_events_have_no_gaps_and_anybody_can_check_them(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    bench.result(screening_id)
    bench.complete(screening_id)
    after, previous, kinds = 0, "0" * 64, []
    while True:
        page = server.api("GET", "/events", Role.AUDITOR, params={"after": after, "limit": 5}).json()
        for event in page["items"]:
            assert event["seq"] == after + 1
            assert event["prev_hash"] == previous
            assert json_digest({k: v for k, v in event.items() if k != "hash"}) == event["hash"]
            after, previous = event["seq"], event["hash"]
            if screening_id in str(event["data"]):
                kinds.append(event["type"])
        assert page["next_after"] == after
        if not page["items"]:
            break
    assert (page["head_seq"], page["head_hash"]) == (after, previous)
    assert kinds == ["screening.opened", "link.made", "result.accepted", "screening.completed"]


def test_an_empty_list(server: Any) -> None:
    answer = server.api("GET", "/results", params={"screening_id": str(uuid.uuid4())})
    assert answer.json() == {"items": [], "next_cursor": None}
