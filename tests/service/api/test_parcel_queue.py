"""The screening queue: the riskiest first, by cursors, and only what waits."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from service.api.database import Database
from service.api.parcels.queue import rank_of
from service.api.permissions import Role
from service.api.tables import ParcelQueue


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from tests.service.api.conftest import serving

    with serving(tmp_path_factory.mktemp("queue")) as served:
        yield served


def register(server: Any, name: str, **advance: Any) -> str:
    body: dict[str, Any] = {"item_id": name, "item_id_type": "carrier"}
    if advance:
        body["advance"] = advance
    return server.api("POST", "/parcels", Role.PARCEL_SYSTEM, json=body).json()["parcel_id"]


def queue(server: Any, **params: Any) -> list[str]:
    seen: list[str] = []
    while True:
        page = server.api("GET", "/parcels/queue", Role.OFFICER, params=params).json()
        seen += [one["item_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            return seen
        params["cursor"] = page["next_cursor"]


def risk(score: float) -> dict[str, Any]:
    return {"score": score, "source": "targeting"}


def test_the_order_of_the_queue(empty: Any, tmp_path: Path) -> None:
    register(empty, "low", risk=risk(0.1), site="A")
    register(empty, "unknown")
    register(empty, "known-shipper", known_shipper=True)
    register(empty, "high", risk=risk(0.9), site="B")
    top = register(empty, "top", risk=risk(1.0), site="A")
    register(empty, "unknown-later", known_shipper=False)
    order = ["top", "high", "unknown", "unknown-later", "known-shipper", "low"]
    assert queue(empty) == queue(empty, limit=1) == queue(empty, limit=4) == order
    assert queue(empty, site="A", limit=2) == [one for one in order if one != "high"]
    assert queue(empty, site="C") == ["unknown", "unknown-later", "known-shipper"]

    screening_id = str(uuid.uuid4())
    opening = {"item_id": "high", "item_id_type": "carrier", "bench": "b"}
    assert empty.api("PUT", f"/screenings/{screening_id}", json=opening).status_code == 201
    assert queue(empty) == [one for one in order if one != "high"]
    body = {"screening_id": screening_id, "parcel_id": top, "why": "swapped"}
    assert empty.api("POST", "/links", Role.OFFICER, json=body).status_code == 201
    assert queue(empty) == ["high", *order[2:]], "what was taken from it by mistake waits again"
    assert queue(empty, site="A") == order[2:], "and where it is due is not forgotten"

    patch = {"advance": {"risk": risk(0.0), "known_shipper": True}}
    path = f"/parcels/{register(empty, 'unknown')}"
    done = empty.api("PATCH", path, Role.PARCEL_SYSTEM, json=patch, headers={"If-Match": "*"})
    assert done.status_code == 200
    assert queue(empty)[-1] == "unknown"
    empty.api("POST", "/sandbox/parcels", Role.PARCEL_SYSTEM, json={"advance": {"risk": risk(1.0)}})
    assert queue(empty)[0] == "high"
    bad = empty.api("GET", "/parcels/queue", Role.OFFICER, params={"cursor": "x"})
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_cursor")

    with Database(empty.settings.db_path) as database, database.write("test") as change:
        aged = update(ParcelQueue).where(ParcelQueue.parcel_row == 1)
        change.session.execute(aged.values(created_at="2020-01-01T00:00:00.000000Z"))
    assert "low" not in queue(empty)
    register(empty, "another")
    with Database(empty.settings.db_path) as database, database.read() as session:
        assert session.get(ParcelQueue, 1) is None


def test_unknown_risk_stands_between_high_and_low() -> None:
    ranks = [rank_of(0.9, True), rank_of(0.5, False), rank_of(None, True), rank_of(0.499, None)]
    assert ranks == sorted(ranks)
    assert rank_of(None, None) == rank_of(0.5, False) < rank_of(0.5, True)


@pytest.mark.parametrize("site", [None, "A"])
def test_a_page_of_the_queue_is_one_look_into_an_index(database: Any, site: str | None) -> None:
    where = "site = 'A' AND " if site else ""
    asked = (
        f"EXPLAIN QUERY PLAN SELECT rank, parcel_row FROM parcel_queue WHERE {where}created_at >= '2026' "
        "AND (rank, parcel_row) > (5, 5) ORDER BY rank, parcel_row LIMIT 51"
    )
    with database.read() as session:
        plan = " ".join(str(one) for one in session.execute(text(asked)))
    assert f"parcel_queue_by_{'site' if site else 'rank'}" in plan
    assert "TEMP B-TREE" not in plan
