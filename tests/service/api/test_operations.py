"""Operations: planned, changed only by who has read them, and counted by site and time."""

import uuid
from typing import Any

import pytest

from service.api.permissions import Role

PLAN: dict[str, Any] = {
    "name": "Autumn mail",
    "starts_at": "2020-01-01T00:00:00Z",
    "baseline": {"non_compliance_rate": 0.02, "source": "lane report"},
    "targets": {"non_compliance_rate": 0.05, "screened_per_day": 100},
}


@pytest.fixture
def site() -> str:
    return f"S-{uuid.uuid4().hex[:8]}"


def plan(server: Any, *sites: str, role: Role = Role.TECHNICIAN, **changes: Any) -> Any:
    return server.api("POST", "/operations", role, json={**PLAN, "sites": list(sites), **changes})


def opened(server: Any, site: str) -> Any:
    body = {"item_id": uuid.uuid4().hex, "item_id_type": "carrier", "bench": "bench-1", "site": site}
    return server.api("PUT", f"/screenings/{uuid.uuid4()}", json=body).json()


def test_a_screening_counts_in_the_operation_of_its_site(server: Any, site: str) -> None:
    before = opened(server, site)
    made = plan(server, site, "OTHER-" + site).json()
    assert made["running"]
    assert made["overlaps"] == []
    view = opened(server, site)
    assert (view["site"], view["operation_id"]) == (site, made["operation_id"])
    assert before["operation_id"] is None
    assert opened(server, "")["operation_id"] is None
    assert opened(server, site.lower() + "x")["operation_id"] is None
    kept = server.api("GET", f"/screenings/{before['screening_id']}").json()
    assert kept["operation_id"] is None, "what was opened before stays where it was"


def test_two_operations_share_a_site_only_by_saying_so(server: Any, site: str) -> None:
    first = plan(server, site).json()
    refused = plan(server, "X-" + site, site)
    assert (refused.status_code, refused.json()["code"]) == (409, "operations_overlap")
    assert first["operation_id"] in refused.json()["detail"]
    over = plan(server, site, starts_at="2019-01-01T00:00:00Z", ends_at="2020-01-01T00:00:00Z")
    assert over.status_code == 201, "what ends as the other begins does not overlap"
    newer = plan(server, site, takes_over=True).json()
    assert newer["overlaps"] == [first["operation_id"]]
    assert opened(server, site)["operation_id"] == newer["operation_id"]


def test_only_what_was_read_is_changed(server: Any, site: str) -> None:
    path = f"/operations/{plan(server, site).json()['operation_id']}"
    read = server.api("GET", path, Role.OFFICER)
    tag, change = read.headers["etag"], {"ends_at": "2020-06-01T00:00:00Z"}
    assert server.api("PATCH", path, Role.ADMIN, json=change).json()["code"] == "precondition_required"
    changed = server.api("PATCH", path, Role.ADMIN, json=change, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["version"], changed.json()["running"]) == (200, 2, False)
    late = server.api("PATCH", path, Role.ADMIN, json={"name": "x"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    again = server.api(
        "PATCH", path, Role.ADMIN, json={"ends_at": None}, headers={"If-Match": changed.headers["etag"]}
    ).json()
    assert (again["ends_at"], again["name"], again["sites"]) == (None, "Autumn mail", [site])
    events = server.api("GET", "/events?limit=200", Role.AUDITOR).json()["items"]
    kinds = [one["type"] for one in events if one["subject"] == path[1:]]
    assert kinds[0] == "operation.created"
    assert kinds.count("operation.changed") == 2


@pytest.mark.parametrize(
    "change",
    [
        {"sites": []},
        {"sites": ["a b"]},
        {"ends_at": "2019-01-01T00:00:00Z"},
        {"baseline": {"screened_per_day": 3}},
        {"targets": {"inconclusive_rate": False}},
        {"targets": {"screened_per_day": "100"}},
        {"targets": {"non_compliance_rate": 1.1}},
        {"targets": {"happiness": 1}},
        {"starts_at": "soon"},
        {"colour": "red"},
    ],
)
def test_plans_that_do_not_fit_are_refused(server: Any, site: str, change: dict[str, Any]) -> None:
    body = {**PLAN, "sites": [site], **change}
    answer = server.api("POST", "/operations", Role.ADMIN, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_operations_are_listed_by_site(server: Any, site: str) -> None:
    made = plan(server, site).json()
    assert plan(server, site, role=Role.OFFICER).status_code == 403
    for query, count in (
        (f"site={site}", 1),
        (f"site={site}&running=true", 1),
        (f"site={site}&running=false", 0),
    ):
        items = server.api("GET", f"/operations?{query}", Role.BENCH).json()["items"]
        assert [one["operation_id"] for one in items] == [made["operation_id"]] * count


def test_figures_that_are_replaced_are_replaced_whole(server: Any, site: str) -> None:
    made = plan(server, site).json()
    path, tag = f"/operations/{made['operation_id']}", {"If-Match": "*"}
    change = {"baseline": {"inconclusive_rate": 0.2, "source": "October"}, "targets": {}}
    changed = server.api("PATCH", path, Role.ADMIN, json=change, headers=tag).json()
    assert changed["baseline"]["non_compliance_rate"] is None
    query = f"/measures?operation_id={made['operation_id']}"
    progress = server.api("GET", query, Role.OFFICER).json()["operation"]["progress"]
    assert [(one["measure"], one["baseline"]) for one in progress] == [("inconclusive_rate", 0.2)]
    assert server.api("PATCH", path, Role.ADMIN, json={"baseline": {}}, headers=tag).status_code == 200
    assert server.api("GET", query, Role.OFFICER).json()["operation"]["baseline_source"] == ""
