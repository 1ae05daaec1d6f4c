"""Parcels, screenings, scans and results over HTTP, as a bench and a parcel system use them."""

import json
import uuid
from typing import Any

import pytest
from sqlalchemy import update

from service.api.database import Database
from service.api.pages.visit import rule_lines
from service.api.permissions import Role
from service.api.screenings.models import FindingView
from service.api.tables import Parcel


def test_a_parcel_from_registration_to_finding(server: Any, bench: Any, item: str) -> None:
    registered = server.api("POST", "/parcels", Role.PARCEL_SYSTEM, json={"item_id": item.lower()})
    assert registered.status_code == 201
    parcel = registered.json()
    assert parcel["status"] == "not_screened"
    assert (parcel["item_id"], parcel["item_id_type"], parcel["provisional"]) == (item, "s10", False)
    again = server.api("POST", "/parcels", Role.PARCEL_SYSTEM, json={"item_id": item})
    assert (again.status_code, again.json()) == (200, parcel)

    screening_id = bench.open(item)
    assert bench.parcel(parcel["parcel_id"])["status"] == "open"
    result_id = bench.result(screening_id)
    screening = bench.screening(screening_id)
    assert screening["parcel_id"] == parcel["parcel_id"]
    assert screening["state"] == "open"
    assert screening["finding"]["outward"] is None, "only completion may say that nothing holds the parcel"
    assert screening["finding"]["provisional"]
    assert [one["result_id"] for one in screening["results"]] == [result_id]

    complete = bench.complete(screening_id)
    assert complete == bench.complete(screening_id)
    assert complete["state"] == "complete"
    finding = complete["finding"]
    assert finding["outward"] == "no_hold_requested"
    assert finding["presumptive"] is True
    assert (finding["provisional"], finding["training"], finding["emulated"]) == (False, True, True)
    seen = bench.parcel(parcel["parcel_id"])
    assert (seen["status"], seen["training"], seen["finding"]) == ("complete", True, finding)


def test_an_alarm_holds_at_once_and_is_never_outvoted(bench: Any, item: str) -> None:
    first = bench.open(item)
    bench.result(first, "alarm_named")
    open_ = bench.screening(first)
    assert (open_["finding"]["outward"], open_["finding"]["provisional"]) == ("hold", True)
    assert open_["finding"]["substances"] == ["Metamizole"]
    bench.result(first, "no_alarm", spot=2)
    assert bench.complete(first)["finding"]["verdict"] == "alarm_named"

    second = bench.open(item)
    bench.result(second, "no_alarm")
    bench.complete(second)
    assert bench.screening(first)["state"] == "complete"
    parcel = bench.parcel(bench.screening(second)["parcel_id"])
    assert (parcel["finding"]["outward"], parcel["training"]) == ("hold", True)


def test_a_later_complete_screening_stands_for_a_negative_one(bench: Any, item: str) -> None:
    first, second = bench.open(item), bench.open(item)
    bench.result(first, "inconclusive")
    bench.complete(first)
    bench.result(second)
    assert bench.screening(first)["state"] == "complete"
    bench.complete(second)
    assert bench.screening(first)["state"] == "superseded"
    assert bench.screening(first)["finding"]["outward"] == "refer"
    assert bench.parcel(bench.screening(first)["parcel_id"])["finding"]["outward"] == "no_hold_requested"


def test_practice_takes_no_real_screening_out(server: Any, bench: Any, item: str) -> None:
    real = bench.open(item)
    bench.result(real, "inconclusive", training=False)
    bench.complete(real)
    practice = bench.open(item)
    bench.result(practice, "no_alarm", training=True)
    bench.complete(practice)
    assert bench.screening(real)["state"] == "complete"
    parcel_id = bench.screening(real)["parcel_id"]
    assert bench.parcel(parcel_id)["finding"]["outward"] == "refer"
    again = bench.open(item)
    bench.result(again, "no_alarm", training=False)
    bench.complete(again)
    assert [bench.screening(one)["state"] for one in (real, practice)] == ["superseded"] * 2


def test_a_late_result_makes_a_finding_graver_never_milder(server: Any, bench: Any, item: str) -> None:
    first = bench.open(item)
    bench.result(first, "inconclusive")
    bench.complete(first)
    bench.result(first, "no_alarm")
    assert bench.screening(first)["finding"]["outward"] == "refer"
    second = bench.open(item)
    bench.result(second)
    bench.complete(second)
    late = bench.result(first, "alarm_class")
    assert server.api("GET", f"/results/{late}").json()["late"] is True
    screening = bench.screening(first)
    assert (screening["state"], screening["finding"]["outward"]) == ("complete", "hold")
    assert bench.parcel(screening["parcel_id"])["finding"]["outward"] == "hold"


def test_a_later_attempt_at_a_spot_answers_an_inconclusive_one(bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    bench.result(screening_id, "inconclusive", spot=1)
    bench.result(screening_id, "no_alarm", spot=2)
    assert bench.screening(screening_id)["finding"]["verdict"] == "inconclusive"
    bench.result(screening_id, "no_alarm", spot=1)
    assert bench.complete(screening_id)["finding"]["outward"] == "no_hold_requested"


def test_both_techniques_of_a_screening_and_the_rule_are_in_its_finding(bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    bench.result(screening_id, "inconclusive", spot=1)
    bench.result(screening_id, "alarm_named", spot=1)
    one = bench.screening(screening_id)["finding"]
    assert one["agreement"] == "one_technique"
    assert "Only Raman was used" in one["agreement_text"]
    bench.result(screening_id, "alarm_named", spot=2, technique="ftir", laser_nm=None)
    finding = bench.complete(screening_id)["finding"]
    assert finding["agreement"] == "two_techniques_agree"
    assert "both name Metamizole" in finding["agreement_text"]
    assert "both vibrational" in finding["agreement_text"]
    assert [(each["technique"], each["verdict"], each["spots"]) for each in finding["by_technique"]] == [
        ("ftir", "alarm_named", [2]),
        ("raman", "alarm_named", [1]),
    ]
    assert all(len(each["scan_ids"]) >= 1 for each in finding["by_technique"])
    assert [(each["spot"], each["technique"]) for each in finding["carried_by"]] == [
        (1, "raman"),
        (2, "ftir"),
    ]
    assert [each["reasons"] for each in finding["superseded"]] == [["weak_signal"]]
    assert finding["unanswered"] == []


def test_a_finding_of_an_earlier_build_is_read_without_the_newer_fields() -> None:
    earlier = {
        "verdict": "no_alarm",
        "outward": "no_hold_requested",
        "reasons": [],
        "techniques": ["raman"],
        "substances": [],
        "presumptive": True,
        "provisional": False,
        "training": False,
        "emulated": False,
    }
    view = FindingView.model_validate_json(json.dumps(earlier))
    assert (view.agreement, view.agreement_text, view.by_technique) == (None, "", [])
    assert rule_lines(view) == ()


def test_a_screening_without_a_result_cannot_be_completed(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    answer = server.api("POST", f"/screenings/{screening_id}/complete", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_screened")
    assert bench.screening(screening_id)["state"] == "open"
    assert bench.screening(screening_id)["finding"] is None


@pytest.mark.parametrize(
    ("item_id", "kind", "says"),
    [
        ("RB473124820US", "s10", "check digit"),
        ("NOLABEL-A1B2C3D4", "none", "no readable label"),
        ("", "none", "no readable label"),
        ("", "s10", "empty"),
    ],
)
def test_a_bad_label_gives_a_provisional_parcel(server: Any, item_id: str, kind: str, says: str) -> None:
    answer = server.api("POST", "/parcels", json={"item_id": item_id, "item_id_type": kind})
    assert answer.status_code == 201
    assert answer.json()["provisional"]
    assert says in answer.json()["label_problem"]


def test_two_items_without_any_label_are_two_parcels(bench: Any) -> None:
    one, other = bench.open("", "none"), bench.open("", "none")
    assert bench.screening(one)["parcel_id"] != bench.screening(other)["parcel_id"]


def test_an_identifier_is_reused_after_twelve_months(server: Any, bench: Any, item: str) -> None:
    old = server.api("POST", "/parcels", json={"item_id": item}).json()["parcel_id"]
    with Database(server.settings.db_path) as database, database.write("test") as change:
        aged = update(Parcel).where(Parcel.parcel_id == old).values(created_at="2020-01-01T00:00:00.000000Z")
        change.session.execute(aged)
    new = server.api("POST", "/parcels", json={"item_id": item})
    assert new.status_code == 201
    assert new.json()["parcel_id"] != old
    listed = server.api("GET", "/parcels", params={"item_id": item}).json()["items"]
    assert [one["parcel_id"] for one in listed] == [old, new.json()["parcel_id"]]
    assert bench.screening(bench.open(item))["parcel_id"] == new.json()["parcel_id"]


def test_the_label_finds_the_parcel_whatever_its_kind_is_said_to_be(
    server: Any, bench: Any, item: str
) -> None:
    known = server.api("POST", "/parcels", json={"item_id": item, "item_id_type": "carrier"}).json()
    assert bench.screening(bench.open(item))["parcel_id"] == known["parcel_id"]


def test_a_scan_comes_back_byte_for_byte(server: Any, scan_file: Any) -> None:
    scan_id, data = scan_file(seed=123456)
    first = server.api("PUT", f"/scans/{scan_id}", content=data)
    second = server.api("PUT", f"/scans/{scan_id}", content=data)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (first.json()["size"], first.json()["emulated"]) == (len(data), True)
    fetched = server.api("GET", f"/scans/{scan_id}")
    assert fetched.content == data
    assert scan_id in fetched.headers["etag"]


def test_bytes_that_are_no_scan_are_refused(server: Any, scan_file: Any) -> None:
    from spectra.digest import bytes_digest

    scan_id, data = scan_file(seed=1234567)
    wrong = server.api("PUT", f"/scans/{scan_id}", content=data[:-1])
    assert (wrong.status_code, wrong.json()["code"]) == (422, "digest_mismatch")
    cut = data[: len(data) // 2]
    damaged = server.api("PUT", f"/scans/{bytes_digest(cut)}", content=cut)
    assert (damaged.status_code, damaged.json()["code"]) == (422, "scan_damaged")
    assert server.api("GET", f"/scans/{scan_id}").status_code == 404


def test_a_result_is_the_same_in_every_list(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    result_id = bench.result(screening_id)
    result = server.api("GET", f"/results/{result_id}").json()
    assert (result["presumptive"], result["training"], result["emulated"]) == (True, True, True)
    assert (result["operator"], result["late"]) == ("A. Jansen", False)
    for path, params in (
        ("/results", {"screening_id": screening_id}),
        ("/results", {"parcel_id": result["parcel_id"]}),
        (f"/parcels/{result['parcel_id']}/results", {}),
    ):
        page = server.api("GET", path, params=params).json()
        assert page == {"items": [result], "next_cursor": None}


def test_a_parcel_system_does_not_see_who_scanned(server: Any, bench: Any, item: str) -> None:
    result_id = bench.result(bench.open(item))
    assert server.api("GET", f"/results/{result_id}", Role.PARCEL_SYSTEM).json()["operator"] is None
    events = server.api("GET", "/events", Role.AUDITOR, params={"limit": 200}).text
    assert "Jansen" not in events
    assert item not in events


def test_a_result_needs_its_screening_and_its_scan(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    missing = bench.result_body(screening_id, "0" * 64)
    answer = server.api("PUT", f"/results/{uuid.uuid4()}", json=missing)
    assert (answer.status_code, answer.json()["code"]) == (409, "scan_missing")
    scan_id = bench.put_scan("")
    nowhere = bench.result_body(str(uuid.uuid4()), scan_id)
    answer = server.api("PUT", f"/results/{uuid.uuid4()}", json=nowhere)
    assert (answer.status_code, answer.json()["code"]) == (409, "screening_missing")


def test_a_scan_of_something_else_is_no_evidence(server: Any, bench: Any, item: str) -> None:
    from spectra.values import Role as ScanRole

    screening_id, other = bench.open(item), bench.open(item)
    of_other, blank = bench.put_scan(other), bench.put_scan("", role=ScanRole.BLANK)
    good = bench.put_scan(screening_id)
    swapped = {**bench.result_body(screening_id, good), "scan_id": blank}
    for body in (bench.result_body(screening_id, of_other), bench.result_body(screening_id, blank), swapped):
        answer = server.api("PUT", f"/results/{uuid.uuid4()}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "scan_mismatch")


@pytest.mark.parametrize(
    "path", ["/parcels/{}", "/parcels/{}/results", "/screenings/{}", "/results/{}", "/scans/" + "0" * 64]
)
def test_what_is_not_there_is_404(server: Any, path: str) -> None:
    answer = server.api("GET", path.format(uuid.uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_completing_an_unknown_screening_is_404(server: Any) -> None:
    assert server.api("POST", f"/screenings/{uuid.uuid4()}/complete", json={}).status_code == 404


def test_health(server: Any) -> None:
    assert server.client(None).get("/healthz").json() == {"status": "ok"}
    assert server.client(None).get("/readyz").json() == {"status": "ready"}
