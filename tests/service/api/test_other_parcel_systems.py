"""A parcel system sees its own references and risk scores, and nobody else's: events, webhooks, links, dispositions."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.api.database import Database
from service.api.permissions import Role
from service.api.tokens.repository import create_token

from .conftest import API, Bench, Served, fresh_item, serving
from .receivers import receiving

PS = Role.PARCEL_SYSTEM
ADVANCE = {"risk": {"score": 0.82, "source": "targeting-2"}, "reference": "SHIP-815", "weight_g": 310}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    options = {"webhook_allow_private": True, "webhook_private_networks": ("127.0.0.0/8",)}
    with serving(tmp_path_factory.mktemp("systems"), **options) as served:
        yield served


@pytest.fixture(scope="module")
def other(server: Served) -> Iterator[tuple[str, httpx.Client]]:
    """Another parcel system: its token's id, and what it asks with."""
    with Database(server.settings.db_path) as database, database.write("test") as change:
        secret, token = create_token(change, PS, name="another")
        token_id = token.token_id
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=20) as client:
        yield token_id, client


@pytest.fixture
def told(server: Served, bench: Bench) -> dict[str, Any]:
    """A parcel of the first parcel system, screened, and disposed of."""
    item = fresh_item()
    body = {"item_id": item, "advance": ADVANCE}
    parcel = server.api("POST", "/parcels", PS, json=body).json()
    screening = bench.open(item)
    bench.result(screening)
    bench.complete(screening)
    path = f"/parcels/{parcel['parcel_id']}/dispositions"
    case = {"decision": "released", "decided_at": "2026-11-22T08:00:00Z", "reference": "CASE-1"}
    assert server.api("POST", path, PS, json=case).status_code == 201
    return {"parcel": parcel["parcel_id"], "screening": screening}


def events(client: httpx.Client, parcel: str) -> dict[str, dict[str, Any]]:
    items: list[dict[str, Any]] = []
    after = 0
    while True:
        page = client.get(f"{API}/events", params={"after": after, "limit": 200}).json()
        items += page["items"]
        if page["next_after"] >= page["head_seq"]:
            break
        after = page["next_after"]
    return {one["type"]: one for one in items if one.get("data", {}).get("parcel_id") == parcel}


def test_events_show_its_own_alone(
    server: Served, told: dict[str, Any], other: tuple[str, httpx.Client]
) -> None:
    mine, theirs = events(server.client(PS), told["parcel"]), events(other[1], told["parcel"])
    assert mine["parcel.updated"]["data"]["risk_score"] == 0.82
    assert mine["link.made"]["data"]["reference"] == "SHIP-815"
    assert "redacted" not in mine["link.made"]
    for kind, field in (("parcel.updated", "risk_score"), ("link.made", "reference")):
        assert theirs[kind]["data"][field] is None
        assert theirs[kind]["redacted"]
        assert "rows" not in theirs[kind]["data"]
        assert theirs[kind]["hash"] == mine[kind]["hash"]
    assert theirs["screening.completed"] == mine["screening.completed"], "what was found is for all of them"
    whole = events(server.client(Role.AUDITOR), told["parcel"])
    assert whole["parcel.updated"]["data"]["risk_score"] == 0.82
    catalogue = other[1].get(f"{API}/events/catalogue").json()["kinds"]
    (schema,) = (one["data_schema"] for one in catalogue if one["type"] == "parcel.updated")
    assert set(schema["required"]) <= theirs["parcel.updated"]["data"].keys(), "what is promised is there"


def test_links_and_dispositions_do_too(
    server: Served, told: dict[str, Any], other: tuple[str, httpx.Client]
) -> None:
    for client, reference, case in ((server.client(PS), "SHIP-815", "CASE-1"), (other[1], None, "")):
        (link,) = client.get(f"{API}/links", params={"screening_id": told["screening"]}).json()["items"]
        assert link["reference"] == reference
        path = f"{API}/parcels/{told['parcel']}"
        (one,) = client.get(f"{path}/dispositions").json()["items"]
        assert one["reference"] == client.get(path).json()["disposition"]["reference"] == case
    assert "SHIP-815" not in other[1].get(path).text


def test_streams_show_its_own_alone(
    server: Served, told: dict[str, Any], other: tuple[str, httpx.Client]
) -> None:
    for client, due in ((server.client(PS), 0.82), (other[1], None)):
        with client.stream(
            "GET", f"{API}/events/stream", params={"after": 0, "type": "parcel.updated"}
        ) as lines:
            for line in lines.iter_lines():
                if line.startswith("data:") and told["parcel"] in line:
                    assert json.loads(line[5:])["data"]["risk_score"] == due
                    break


def test_webhooks_send_its_own_alone(
    server: Served, told: dict[str, Any], other: tuple[str, httpx.Client]
) -> None:
    _, _, last = max(
        (one["seq"], one["type"], one) for one in events(server.client(PS), told["parcel"]).values()
    )
    with receiving() as receiver:
        for client in (server.client(PS), other[1]):
            hook = {"url": receiver.url, "types": ["parcel.updated"]}
            made = client.post(f"{API}/webhooks", json=hook)
            assert made.status_code == 201, made.text
        item = fresh_item()
        assert (
            server.api("POST", "/parcels", PS, json={"item_id": item, "advance": ADVANCE}).status_code == 201
        )
        end = time.monotonic() + 10
        while len(receiver.got) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        sent = [json.loads(body)["data"] for _, body in receiver.got]
    assert all(one["seq"] > last["seq"] for one in sent)
    assert sorted((one["data"]["risk_score"] or 0, one.get("redacted", False)) for one in sent) == [
        (0, True),
        (0.82, False),
    ]
