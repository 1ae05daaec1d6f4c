"""The pages: signed-in people only, no script, verdicts in words."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.api.database import Database
from service.api.pages.static_files import static
from service.api.permissions import Role
from service.api.sessions import Sessions
from service.api.tokens.repository import create_token, revoke_token


@pytest.fixture
def browser(server: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=10) as client:
        yield client


def _sign_in(browser: httpx.Client, secret: str, **headers: str) -> httpx.Response:
    return browser.post("/login", data={"token": secret}, headers=headers)


def test_strangers_are_led_to_the_form(browser: httpx.Client, server: Any) -> None:
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert browser.get("/", params={"token": server.tokens[Role.OFFICER]}).status_code == 303
    page = browser.get("/login")
    assert page.status_code == 200
    assert 'type="password"' in page.text


def test_signing_in_and_out(browser: httpx.Client, server: Any) -> None:
    answer = _sign_in(browser, server.tokens[Role.OFFICER], **{"sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert server.tokens[Role.OFFICER] not in cookie
    assert browser.get("/").status_code == 200
    kept = dict(browser.cookies)
    assert browser.post("/logout").status_code == 303
    browser.cookies.update(kept)
    assert browser.get("/").status_code == 303, "the secret is dead, not only forgotten"


@pytest.mark.parametrize(("secret", "status"), [("", 401), ("ops_wrong", 401), ("x" * 129, 422)])
def test_wrong_tokens_do_not_sign_in(browser: httpx.Client, secret: str, status: int) -> None:
    answer = _sign_in(browser, secret)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("role", [Role.BENCH, Role.PARCEL_SYSTEM])
def test_machines_have_no_pages(browser: httpx.Client, server: Any, role: Role) -> None:
    assert _sign_in(browser, server.tokens[role]).status_code == 403


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_forms_of_other_sites_are_refused(browser: httpx.Client, server: Any, path: str) -> None:
    data = {"token": server.tokens[Role.OFFICER]}
    answer = browser.post(path, data=data, headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_forms_are_refused_by_origin_where_a_browser_says_no_more(
    browser: httpx.Client, server: Any, path: str
) -> None:
    data = {"token": server.tokens[Role.OFFICER]}
    for origin in ("http://127.0.0.1:9", "null", "https://elsewhere.example"):
        answer = browser.post(path, data=data, headers={"origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), origin
    assert browser.post(path, data=data, headers={"origin": server.url}).status_code == 303


def test_signing_out_without_a_sign_in_writes_nothing(database: Database) -> None:
    from sqlalchemy import event

    begun: list[Any] = []
    event.listen(database._engine, "commit", begun.append)
    Sessions(database).close("")
    Sessions(database).close("nobody's")
    assert begun == []


def test_a_token_with_scopes_is_told_at_once_that_it_shows_no_pages(
    browser: httpx.Client, server: Any
) -> None:
    with Database(server.settings.db_path) as database, database.write("test") as change:
        secret, _ = create_token(change, Role.OFFICER, scopes=["parcels:read"])
    answer = _sign_in(browser, secret)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_revoked_token_ends_its_sign_ins(browser: httpx.Client, server: Any) -> None:
    with Database(server.settings.db_path) as database:
        with database.write("test") as change:
            secret, token = create_token(change, Role.AUDITOR)
        _sign_in(browser, secret)
        assert browser.get("/").status_code == 200
        with database.write("test") as change:
            revoke_token(change, token.token_id)
        assert browser.get("/").status_code == 303


def test_the_list_says_verdicts_in_words(server: Any, bench: Any, item: str) -> None:
    alarm, calm, doubtful, empty = (bench.open(item) for _ in range(4))
    bench.result(calm, "no_alarm", technique="ftir", laser_nm=None)
    bench.result(calm)
    bench.complete(calm)
    bench.result(doubtful, "inconclusive")
    bench.result(alarm, "alarm_named")
    bench.complete(alarm)
    bench.open("<script>alert(1)</script>", "carrier")
    page = server.client(Role.OFFICER).get("/")
    assert page.status_code == 200
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text))
    for words in (
        "▲ ALARM: Metamizole",
        "○ NO ALARM",
        "? INCONCLUSIVE",
        "… NO RESULT YET",
        "hold requested",
        "nothing said yet",
        "TRAINING",
        "EMULATED INSTRUMENT",
        "presumptive",
        "Move the probe closer",
        "Only Raman was used; infrared has not looked.",
        "Neither Raman nor infrared alarms.",
        "both vibrational techniques",
        "Infrared: ○ NO ALARM (spot 1)",
        "It rests on: spot 1, attempt 1 (infrared), spot 1, attempt 1 (Raman).",
    ):
        assert words in text, words
    assert empty in page.text
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


def test_pages_load_nothing_and_are_not_kept(server: Any) -> None:
    page = server.client(Role.ADMIN).get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert "script-src" not in policy, "a page without a chart runs no script"
    assert set(re.findall(r'(?:href|src)="([^"]*)"', page.text)) >= {static("pages.css")}
    assert page.headers["cache-control"] == "no-store"
    assert "http" not in re.sub(r"<!doctype html>", "", page.text)


@pytest.mark.parametrize("name", ["pages.css", "mark.svg", "plotly.min.js"])
def test_static_files_are_kept_for_long_under_their_digest(browser: httpx.Client, name: str) -> None:
    plain = browser.get(static(name), headers={"accept-encoding": "identity"})
    assert plain.status_code == 200
    assert "immutable" in plain.headers["cache-control"]
    assert "content-encoding" not in plain.headers
    packed = browser.get(static(name), headers={"accept-encoding": "br;q=1, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert browser.get(f"/static/{name}").headers["cache-control"] == "no-cache"
    again = browser.get(static(name), headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.css", "..%2Frender.py", ".hidden", "pages.css%00"])
def test_nothing_else_is_static(browser: httpx.Client, name: str) -> None:
    assert browser.get(f"/static/{name}").status_code == 404


def test_sign_ins_are_bounded_and_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.sessions.MOST", 3)
    with database.write("test") as change:
        token_id = create_token(change, Role.ADMIN)[1].token_id
    sessions = Sessions(database)
    first = sessions.open(token_id)
    assert sessions.token_id(first) == Sessions(database).token_id(first) == token_id
    assert sessions.token_id("other") is sessions.token_id("") is None
    others = [sessions.open(token_id) for _ in range(3)]
    assert sessions.token_id(first) is None
    sessions.close(others[0])
    assert [sessions.token_id(one) for one in others] == [None, token_id, token_id]
    monkeypatch.setattr("service.api.sessions.utc_now", lambda: "2999-01-01T00:00:00.000000Z")
    assert sessions.token_id(others[1]) is None


def test_the_page_of_a_parcel_says_what_the_api_says_however_often_it_was_opened(
    server: Any, bench: Any, item: str
) -> None:
    first = bench.open(item, "carrier")
    bench.result(first, "alarm_named")
    bench.complete(first)
    for _ in range(51):
        bench.open(item, "carrier")
    parcel_id = bench.screening(first)["parcel_id"]
    assert bench.parcel(parcel_id)["finding"]["outward"] == "hold"
    page = server.client(Role.OFFICER).get(f"/parcels/{parcel_id}").text
    assert "The parcel system is asked to hold the parcel" in page


def test_pages_of_a_result_lead_to_the_parcel_it_belongs_to_now(server: Any, bench: Any, item: str) -> None:
    screening_id, other = bench.open(item, "carrier"), f"{item}-OTHER"
    result_id = bench.result(screening_id)
    right = bench.screening(bench.open(other, "carrier"))["parcel_id"]
    body = {"screening_id": screening_id, "parcel_id": right, "why": "swapped on the bench"}
    assert server.api("POST", "/links", Role.TECHNICIAN, json=body).status_code == 201
    page = server.client(Role.OFFICER).get(f"/results/{result_id}").text
    assert f"Result of {other}" in page
    assert f'href="/parcels/{right}"' in page
