"""Everything that goes wrong has one shape."""

import socket
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from service import problems as shared
from service.api import problems
from service.api.errors import StoreBusy
from service.api.limits import JSON_BYTES, SCAN_BYTES
from service.errors import ArchiveError, DiskFull, ScanNotFound

FIELDS = {"type", "title", "status", "detail", "instance", "code"}


def check(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    body = answer.json()
    assert set(body) - {"errors"} == FIELDS
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] == f"urn:opioscan:problem:{code}"
    assert body["title"] == problems.KINDS[code].title
    assert body["detail"]
    assert "\n" not in body["detail"]
    assert body["instance"].startswith("urn:uuid:")
    return body


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/api/v1/parcels/", "/redoc"])
def test_unknown_paths(server: Any, path: str) -> None:
    check(server.client().get(path), 404, "not_found")


def test_wrong_method_on_every_route(server: Any) -> None:
    paths = server.client(None).get("/api/v1/openapi.json").json()["paths"]
    for path in [*(one for one in paths if "delete" not in paths[one]), "/", "/login", "/logout"]:
        filled = path.replace("{scan_id}", "0" * 64)
        for name in ("parcel_id", "screening_id", "result_id"):
            filled = filled.replace(f"{{{name}}}", str(uuid.uuid4()))
        wrong = "PUT" if "delete" in paths.get(path, {}) else "DELETE"
        answer = server.client().request(wrong, filled)
        check(answer, 405, "method_not_allowed")
        assert answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", "/parcels", {"json": {}}),
        ("POST", "/parcels", {"json": []}),
        ("POST", "/parcels", {"json": {"item_id": "x", "unknown": 1}}),
        ("POST", "/parcels", {"json": {"item_id": 5}}),
        ("POST", "/parcels", {"json": {"item_id": "x" * 65}}),
        ("POST", "/parcels", {"json": {"item_id": "x", "item_id_type": "gs1"}}),
        ("POST", "/parcels", {"content": b"{", "headers": {"content-type": "application/json"}}),
        ("POST", "/parcels", {"content": b'{"item_id": "x"}', "headers": {"content-type": "text/plain"}}),
        ("POST", "/parcels", {"json": {"item_id": "x"}, "headers": {"Idempotency-Key": "a b"}}),
        ("GET", "/parcels/no-uuid", {}),
        ("GET", "/scans/ABC", {}),
        ("GET", "/parcels?limit=0", {}),
        ("GET", "/parcels?limit=201", {}),
        ("GET", "/parcels?item=typo", {}),
        ("GET", "/results?parcel_id=7", {}),
        ("PUT", f"/screenings/{uuid.UUID(int=1)}", {"json": {"item_id": "x", "item_id_type": "s10"}}),
        ("PUT", f"/results/{uuid.UUID(int=1)}", {"json": {"screening_id": "x"}}),
    ],
)
def test_requests_that_do_not_fit(server: Any, method: str, path: str, options: dict[str, Any]) -> None:
    body = check(server.api(method, path, **options), 422, "invalid")
    assert all(set(one) == {"pointer", "message"} for one in body["errors"])
    assert body["errors"]


def test_a_deep_or_odd_body_is_refused(server: Any) -> None:
    json_head = {"content-type": "application/json"}
    deep = server.api("POST", "/parcels", content=b"[" * 200_000, headers=json_head)
    assert deep.status_code in {400, 422}
    check(deep, deep.status_code, deep.json()["code"])
    nan = server.api("POST", "/parcels", content=b'{"item_id": NaN}', headers=json_head)
    check(nan, 422, "invalid")


def test_numbers_that_are_not_finite_are_refused(server: Any, bench: Any, item: str) -> None:
    import json

    screening_id = bench.open(item)
    body = bench.result_body(screening_id, bench.put_scan(screening_id))
    body["identification"]["quality"]["snr"] = float("nan")
    answer = server.api(
        "PUT",
        f"/results/{uuid.uuid4()}",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
    )
    assert check(answer, 422, "invalid")["errors"][0]["pointer"] == "body/identification/quality/snr"


def test_bodies_that_are_too_large(server: Any) -> None:
    json_head = {"content-type": "application/json"}
    check(
        server.api("POST", "/parcels", content=b" " * (JSON_BYTES + 1), headers=json_head), 413, "too_large"
    )

    def unannounced() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    check(server.api("POST", "/parcels", content=unannounced(), headers=json_head), 413, "too_large")
    host = urlsplit(server.url)
    with socket.create_connection((host.hostname, host.port), timeout=10) as raw:
        head = (
            f"PUT /api/v1/scans/{'0' * 64} HTTP/1.1\r\nHost: x\r\nContent-Length: {SCAN_BYTES + 1}\r\n"
            f"Authorization: Bearer {server.tokens['bench']}\r\n\r\n"
        )
        raw.sendall(head.encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_scan_may_be_larger_than_json(server: Any) -> None:
    answer = server.api("PUT", f"/scans/{'0' * 64}", content=b"x" * (JSON_BYTES + 1))
    check(answer, 422, "digest_mismatch")


def test_a_body_that_never_ends(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, body_s=0.2) as served:
        host = urlsplit(served.url)
        with socket.create_connection((host.hostname, host.port), timeout=10) as raw:
            head = (
                f"PUT /api/v1/scans/{'0' * 64} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                f"Authorization: Bearer {served.tokens['bench']}\r\n\r\nab"
            )
            raw.sendall(head.encode())
            assert raw.recv(4096).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("cursor", ["x", "!!!!", "bm9uZS4x", "ä", "a" * 100])
def test_cursors_of_nowhere(server: Any, cursor: str) -> None:
    check(server.api("GET", "/parcels", params={"cursor": cursor}), 400, "bad_cursor")


def test_a_disk_without_room(server: Any, scan_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    scan_id, data = scan_file(seed=31)
    real = os.fsync

    def full(descriptor: int) -> None:
        if scan_id[:2] in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    check(server.api("PUT", f"/scans/{scan_id}", content=data), 507, "disk_full")
    monkeypatch.undo()
    assert server.api("PUT", f"/scans/{scan_id}", content=data).status_code == 201


def test_a_scan_that_was_damaged_in_the_archive(server: Any, scan_file: Any) -> None:
    scan_id, data = scan_file(seed=32)
    server.api("PUT", f"/scans/{scan_id}", content=data)
    path = server.settings.scans_path / scan_id[:2] / f"{scan_id}.h5"
    path.chmod(0o600)
    path.write_bytes(data[:-1])
    body = check(server.api("GET", f"/scans/{scan_id}"), 500, "archive_error")
    assert str(path) not in str(body)
    assert server.api("PUT", f"/scans/{scan_id}", content=data).status_code == 200
    assert server.api("GET", f"/scans/{scan_id}").content == data


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreBusy("busy"), 503, "store_busy"),
        (OperationalError("x", {}, Exception("database is locked")), 503, "store_busy"),
        (OperationalError("x", {}, Exception("database or disk is full")), 507, "disk_full"),
        (OperationalError("x", {}, Exception("no such table")), 500, "internal_error"),
        (DiskFull("x"), 507, "disk_full"),
        (ScanNotFound("x"), 500, "archive_error"),
        (ArchiveError("x"), 500, "archive_error"),
        (KeyError("secret detail"), 500, "internal_error"),
    ],
)
def test_failures_inside_have_the_shape_too(error: Exception, status: int, code: str) -> None:
    import asyncio

    from fastapi import FastAPI

    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def fail() -> None:
        raise error

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/")

    answer = asyncio.run(ask())
    check(answer, status, code)
    assert "secret" not in answer.text


def test_the_same_mistake_has_the_same_name_everywhere() -> None:
    others = {kind.code: kind for kind in shared.KINDS.values()}
    for code in problems.KINDS.keys() & others.keys():
        assert problems.KINDS[code] == problems.Kind(others[code].status, others[code].title), code
