"""Reviews: asked, drawn, answered, and never making a finding less grave."""

import dataclasses
import json
import re
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.database import Database
from service.api.events.verification import verify_chain
from service.api.permissions import Role
from service.api.reviews import drawing

LABORATORY = {"substance": "fentanyl", "method": "GC-MS", "reference": "L-1", "at": "2026-11-24T09:00:00Z"}


def answer(server: Any, review_id: str, role: Role = Role.TECHNICIAN, **body: Any) -> httpx.Response:
    return server.api("POST", f"/reviews/{review_id}/answers", role, json=body)


def test_a_result_is_sent_to_a_technician(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    made, other = bench.result(screening_id, "inconclusive"), bench.result(screening_id, spot=2)
    path, key = f"/results/{made}/reviews", {"Idempotency-Key": secrets.token_hex(8)}
    asked = server.api("POST", path, Role.OFFICER, json={"question": "Two bands?"}, headers=key)
    again = server.api("POST", path, Role.OFFICER, json={"question": "Two bands?"}, headers=key)
    assert (asked.status_code, again.json()) == (201, asked.json())
    view = asked.json()
    assert (view["kind"], view["open"], view["verdict"], view["item_id"]) == (
        "referral",
        True,
        "inconclusive",
        item,
    )
    assert not view["overdue"]
    noted = answer(server, view["review_id"], outcome="note", note="asked the laboratory").json()
    assert noted["open"], "a note settles nothing"
    closed = answer(server, view["review_id"], outcome="overrule", note="it is metamizole").json()
    assert [one["outcome"] for one in closed["answers"]] == ["note", "overrule"]
    assert not closed["open"]
    later = answer(
        server, view["review_id"], outcome="laboratory", confirmed=False, laboratory=LABORATORY
    ).json()
    assert (later["closed_at"], later["confirmed"]) == (closed["closed_at"], False)
    shown = server.api("GET", f"/results/{made}", Role.PARCEL_SYSTEM).json()["reviews"]
    assert [(one["outcome"], one["confirmed"], one["open"]) for one in shown] == [
        ("laboratory", False, False)
    ]
    assert "it is metamizole" not in json.dumps(shown)
    assert server.api("GET", f"/results/{other}", Role.OFFICER).json()["reviews"] == []
    assert len(bench.screening(screening_id)["reviews"]) == 1
    events = server.api("GET", "/events?limit=200", Role.AUDITOR).json()["items"]
    mine = [one for one in events if one["subject"] == f"reviews/{view['review_id']}"]
    assert [one["type"] for one in mine] == ["review.requested"] + ["review.answered"] * 3
    assert not re.search("Two bands|metamizole|asked the lab|fentanyl", json.dumps(mine))


def test_an_alarm_asks_for_acknowledgement_and_stays_an_alarm(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    bench.result(screening_id, "alarm_named")
    done = bench.complete(screening_id)
    (alarm,) = done["reviews"]
    assert (alarm["kind"], alarm["open"], alarm["result_id"]) == ("alarm", True, None)
    bench.result(screening_id, "alarm_class", spot=2)
    assert len(bench.screening(screening_id)["reviews"]) == 1, "an amendment asks no second time"
    assert answer(server, alarm["review_id"], Role.OFFICER, outcome="agree").status_code == 403
    seen = answer(server, alarm["review_id"], Role.ADMIN, outcome="overrule", note="an artefact").json()
    assert not seen["open"]
    assert bench.screening(screening_id)["finding"]["outward"] == "hold"
    referral = server.api(
        "POST", f"/results/{bench.screening(screening_id)['results'][0]['result_id']}/reviews"
    )
    refused = answer(server, referral.json()["review_id"], Role.ADMIN, outcome="agree")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "body",
    [
        {"outcome": "shrug"},
        {"outcome": "overrule"},
        {"outcome": "note", "note": " "},
        {"outcome": "laboratory", "confirmed": True},
        {"outcome": "agree", "confirmed": True},
        {"outcome": "agree", "laboratory": LABORATORY},
        {"outcome": "laboratory", "confirmed": True, "laboratory": {**LABORATORY, "substance": ""}},
        {"outcome": "agree", "note": "x" * 2001},
    ],
)
def test_answers_that_do_not_fit_are_refused(server: Any, body: dict[str, Any]) -> None:
    refused = answer(server, "00000000-0000-4000-8000-000000000000", **body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


def test_negatives_are_drawn_and_never_those_of_the_sandbox(
    serve_at: Any, tmp_path: Path, bench: Any, item: str
) -> None:
    with serve_at(tmp_path, negative_check_share=1.0) as served:
        bench = dataclasses.replace(bench, served=served)
        screening_id = bench.open(item)
        bench.result(screening_id)
        assert bench.screening(screening_id)["reviews"] == []
        (check,) = bench.complete(screening_id)["reviews"]
        assert check["kind"] == "negative_check"
        assert len(bench.complete(screening_id)["reviews"]) == 1, "completing again draws no second time"
        events = served.api("GET", "/events?limit=200", Role.AUDITOR).json()["items"]
        (told,) = [one["data"] for one in events if one["type"] == "review.requested"]
        assert told["chance_ppm"] == drawing.OF
        assert 0 <= told["draw"] < drawing.OF
        view = served.api("GET", f"/reviews/{check['review_id']}", Role.AUDITOR).json()
        assert (view["chance"], view["training"], view["emulated"]) == (1.0, True, True)
        answer(served, check["review_id"], outcome="laboratory", confirmed=True, laboratory=LABORATORY)
        missed = served.api("GET", "/measures?include=training,emulated", Role.AUDITOR).json()["totals"][-1]
        assert (missed["miss_rate"]["k"], missed["miss_rate"]["n"], missed["checks_drawn"]) == (1, 1, 1)
        parcel = served.api("POST", "/sandbox/parcels", Role.PARCEL_SYSTEM, json={}).json()
        play = f"/sandbox/parcels/{parcel['parcel_id']}/screen"
        for outcome in ("no_alarm", "alarm_named"):
            said = served.api("POST", play, Role.PARCEL_SYSTEM, json={"outcome": outcome})
            assert said.status_code == 200, said.text
        assert len(served.api("GET", "/reviews", Role.OFFICER).json()["items"]) == 1
        path = served.settings.db_path
    with Database(path) as database, database.read() as session:
        assert verify_chain(session) == []


def test_the_page_shows_and_answers(server: Any, bench: Any, item: str) -> None:
    screening_id = bench.open(item)
    bench.result(screening_id, "alarm_named")
    (alarm,) = bench.complete(screening_id)["reviews"]
    with httpx.Client(base_url=server.url, timeout=20) as browser:
        assert browser.get("/reviews").headers["location"] == "/login"
        browser.post("/login", data={"token": server.tokens[Role.TECHNICIAN]})
        page = browser.get("/reviews?kind=alarm&site=").text
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
        for words in ("Acknowledge an alarm: " + item, "open for", "▲ ALARM", "TRAINING", "EMULATED"):
            assert words in text, words
        where = f"/reviews/{alarm['review_id']}"
        foreign = browser.post(where, data={"outcome": "agree"}, headers={"sec-fetch-site": "cross-site"})
        assert foreign.status_code == 403
        assert browser.post(where, data={"outcome": "overrule"}).status_code == 422
        forgotten = {"outcome": "agree", "confirmed": "yes", "substance": "fentanyl"}
        refused = browser.post(where, data=forgotten)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
        lab = {"outcome": "laboratory", "confirmed": "yes", "substance": "<b>x", "method": "GC-MS"}
        assert browser.post(where, data=lab).headers["location"] == "/reviews"
        assert where not in browser.get("/reviews").text
        assert "&lt;b&gt;x found" in browser.get("/reviews?all=1&kind=alarm").text
    assert (
        '<form method="post" action="/reviews' not in server.client(Role.OFFICER).get("/reviews?all=1").text
    )
