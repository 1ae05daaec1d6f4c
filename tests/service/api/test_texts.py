"""Texts that cannot be kept are refused, on both kinds of database with the same problem."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.errors import TextUnfit
from service.api.guards.texts import require_fit, wrong_json, wrong_quoted
from service.api.permissions import Role

from .conftest import API, Bench, Served, serving

PS = Role.PARCEL_SYSTEM


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: Served
) -> Iterator[Served]:
    from .postgres import new_database

    if request.param == "sqlite":
        yield server
        return
    url = new_database(request.getfixturevalue("postgres_url")) or ""
    with serving(tmp_path_factory.mktemp("texts"), database_url=url) as found:
        yield found


def raw(served: Served, method: str, path: str, body: bytes = b"", *, role: Role = PS, kind: str = "") -> Any:
    headers = {"Content-Type": kind or "application/json", "If-Match": '"x"'}
    return served.client(role).request(method, path, content=body, headers=headers)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def parcel(text: str) -> bytes:
    name = uuid.uuid4().hex[:12].upper()
    body = f'{{"item_id": "{name}", "item_id_type": "carrier", "advance": {{"content": "{text}"}}}}'
    return body.encode("utf-8", "surrogatepass")


BAD = ["\\u0000", "a\\\\\\u0000", "\\ud800", "\\uD834 \\udd1e", "\\udc00\\ud800", "\ud800"]


@pytest.mark.parametrize("text", BAD)
def test_a_body_is_refused(served: Served, text: str) -> None:
    assert refusal(raw(served, "POST", f"{API}/parcels", parcel(text))) == (422, "invalid")
    place = f"{API}/parcels/{uuid.uuid4()}/hold"
    body = json.dumps({"why": "x"}).encode().replace(b"x", text.encode("utf-8", "surrogatepass"))
    assert refusal(raw(served, "PUT", place, body, role=Role.ADMIN)) == (422, "invalid")


def test_a_body_of_another_coding_is_refused(served: Served) -> None:
    body = parcel("x").decode().encode("utf-16")
    assert refusal(raw(served, "POST", f"{API}/parcels", body)) == (422, "invalid")


@pytest.mark.parametrize("text", ["\\\\u0000", "\\\\\\\\ud800", "\\ud834\\udd1e", "%00", "é 한"])
def test_what_only_looks_like_it_is_taken(served: Served, text: str) -> None:
    answer = raw(served, "POST", f"{API}/parcels", parcel(text))
    assert answer.status_code == 201, answer.text
    assert answer.json()["advance"]["content"] == json.loads(f'"{text}"')


@pytest.mark.parametrize(
    "path",
    [
        "/parcels?item_id=a%00b",
        "/parcels?item_id=%ED%A0%80",
        "/parcels/a%00b",
        "/parcels/%ff",
        "/parcels/%00/hold",
        "/results?screening_id=%00",
        "/events?type=%00",
    ],
)
def test_an_address_is_refused(served: Served, path: str) -> None:
    assert refusal(raw(served, "GET", f"{API}{path}", role=Role.ADMIN)) == (422, "invalid")


def test_a_form_is_refused(served: Served) -> None:
    kind = "application/x-www-form-urlencoded"
    for body in (b"token=%00", b"token=\0", b"token=%ed%a0%80"):
        assert refusal(raw(served, "POST", "/login", body, kind=kind)) == (422, "invalid")


def test_results_and_scan_files_are_refused(served: Served, scan_file: Any) -> None:
    bench = Bench(served, scan_file, iter(range(100, 200)))
    screening = bench.open(f"X{uuid.uuid4().hex[:8]}", "carrier")
    body = bench.result_body(screening, bench.put_scan(screening))
    body["operator"] = "A\0B"
    place = f"{API}/results/{uuid.uuid4()}"
    assert refusal(raw(served, "PUT", place, json.dumps(body).encode(), role=Role.BENCH)) == (422, "invalid")
    scan_id, data = scan_file("a\0b", seed=7)
    answer = raw(served, "PUT", f"{API}/scans/{scan_id}", data, role=Role.BENCH)
    assert refusal(answer) == (422, "text_unfit")


def test_pieces_are_told_apart() -> None:
    assert [bool(wrong_json(one)) for one in (b'"\\u0000"', b'"\\\\u0000"', b'"\\uDBFF\\uDFFF"')] == [1, 0, 0]
    assert [bool(wrong_quoted(one)) for one in (b"a=%e2%82%ac", b"a=%e2%82", b"a", b"\xff")] == [0, 1, 0, 1]
    for text in ("\0", "\ud800"):
        with pytest.raises(TextUnfit):
            require_fit("a", text)


def test_a_body_in_pieces_is_looked_at_whole(served: Served, tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield from (parcel("\\u0000")[at : at + 3] for at in range(0, 120, 3))

    headers = {"Content-Type": "application/json"}
    answer = served.client(PS).post(f"{API}/parcels", content=pieces(), headers=headers)
    assert refusal(answer) == (422, "invalid")
