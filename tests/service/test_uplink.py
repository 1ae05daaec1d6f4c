"""The uplink against real HTTP servers: ours, strangers, slow ones and none."""

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import numpy as np
import pytest

from service.archive.journal import Archive
from service.bench.outbox_ops import OutboxOp
from service.bench.uplink import MAX_REPLY_BYTES, Uplink
from service.errors import ScanNotFound, ServerUnreachable, Unanswered
from service.replies import read_bounded
from service.settings import Settings
from spectra.values import DeviceInfo, Scan, Technique

TIMEOUT = httpx.Timeout(5.0, read=0.3)
JSON, PROBLEM = "application/json", "application/problem+json"


@contextmanager
def serving(status=201, body=b"{}", kind=JSON, *, alive=False, **headers):
    """Run a server that answers everything alike, and yield its address and what it got.

    ``alive``: also say so when asked for.
    """
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            size = int(self.headers.get("Content-Length") or 0)
            got.append((self.command, self.path, dict(self.headers), self.rfile.read(size)))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT

        def do_GET(self):
            said = b'{"status":"ok"}' if alive and self.path == "/healthz" else b"<h1>Welcome</h1>"
            self.send_response(200)
            self.send_header("Content-Type", JSON)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "archive")


def send(tmp_path, archive, address, op, token=""):
    settings = Settings(home=tmp_path, server_url=address, server_token=token)
    with Uplink(settings, archive, timeout=TIMEOUT) as uplink:
        return uplink(op)


PUT = OutboxOp("key", "PUT", "/screenings/1", {"item_id": "ä", "n": 0.1})


def test_a_body_arrives_as_json_with_the_token(tmp_path, archive):
    with serving() as (address, got):
        reply = send(tmp_path, archive, address, PUT, token="ops_x")
    assert (reply.status, reply.detail, reply.retry_after_s) == (201, "", None)
    ((method, path, headers, body),) = got
    assert (method, path) == ("PUT", "/api/v1/screenings/1")
    assert json.loads(body) == {"item_id": "ä", "n": 0.1}
    assert headers["Authorization"] == "Bearer ops_x"
    assert headers["Content-Type"] == JSON
    assert "Idempotency-Key" not in headers


def test_a_post_carries_its_key(tmp_path, archive):
    with serving() as (address, got):
        send(tmp_path, archive, address, OutboxOp("schlüssel:1/2", "POST", "/screenings/1/complete", {}))
    assert got[0][2]["Idempotency-Key"] == "schl%C3%BCssel:1/2"
    assert "Authorization" not in got[0][2]


def test_a_scan_is_sent_as_its_archived_bytes(tmp_path, archive):
    scan = Scan(
        technique=Technique.RAMAN,
        counts=np.ones((1, 4)),
        device=DeviceInfo("STS", "1"),
        exposure_s=1.0,
        taken_at="2026-11-21T12:00:00Z",
        axis=np.arange(4.0),
    )
    scan_id = archive.put(scan).scan_id
    op = OutboxOp("s", "PUT", f"/scans/{scan_id}", None, scan_id)
    with serving() as (address, got):
        assert send(tmp_path, archive, address, op).status == 201
        assert got[0][3] == archive.read_bytes(scan_id)
        assert got[0][2]["Content-Type"] == "application/octet-stream"
        archive.path_of(scan_id).unlink()
        with pytest.raises(ScanNotFound):
            send(tmp_path, archive, address, op)


def test_problems_are_told_in_the_servers_words(tmp_path, archive):
    body = json.dumps({"title": "t", "detail": "another\nbody", "code": "conflict"}).encode()
    with serving(409, body, PROBLEM) as (address, _):
        reply = send(tmp_path, archive, address, PUT)
    assert (reply.status, reply.detail) == (409, "another body")


@pytest.mark.parametrize(("given", "seconds"), [("7", 7.0), ("soon", None), ("9" * 20, None)])
def test_a_busy_server_says_when_to_come_back(tmp_path, archive, given, seconds):
    with serving(429, b'{"title": "busy"}', PROBLEM, Retry_After=given) as (address, _):
        reply = send(tmp_path, archive, address, PUT)
    assert (reply.status, reply.detail, reply.retry_after_s) == (429, "busy", seconds)


def test_a_proxys_error_page_is_the_servers_failure(tmp_path, archive):
    with serving(502, b"<h1>bad gateway</h1>", "text/html") as (address, _):
        assert send(tmp_path, archive, address, PUT).status == 502


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<h1>Welcome to the airport</h1>", "text/html"),
        (200, b"<h1>Welcome</h1>", JSON),
        (200, b"[]", JSON),
        (201, b"[" * 100000, JSON),
        (404, b"not here", "text/plain"),
        (302, b"", "text/html"),
        (200, b'"' + b"x" * MAX_REPLY_BYTES + b'"', JSON),
        (500, b"x" * (MAX_REPLY_BYTES + 1), JSON),
    ],
)
def test_a_strangers_answer_crosses_nothing_off(tmp_path, archive, status, body, kind):
    with serving(status, body, kind) as (address, _), pytest.raises(ServerUnreachable, match="login page"):
        send(tmp_path, archive, address, PUT)


def test_a_request_that_alone_gets_no_answer_is_told_apart(tmp_path, archive):
    """As where a proxy before the server finds one body too large, and says so with a page."""
    page, words = (413, b"<h1>too large</h1>", "text/html"), "answered 413, but not as an opioscan server"
    with serving(*page, alive=True) as (address, _), pytest.raises(Unanswered, match=words):
        send(tmp_path, archive, address, PUT)
    with serving(*page) as (address, _), pytest.raises(ServerUnreachable, match="login page") as caught:
        send(tmp_path, archive, address, PUT)
    assert not isinstance(caught.value, Unanswered)


@pytest.mark.parametrize(
    "token", ["ops_secret\nops_second", "ops_s\u00e9cret", "ops_secret\x7f", "ops secret"]
)
def test_a_damaged_token_is_sent_nowhere_and_quoted_nowhere(tmp_path, archive, token):
    with serving() as (address, got), pytest.raises(ServerUnreachable, match="is damaged") as caught:
        send(tmp_path, archive, address, PUT, token=token)
    assert got == []
    assert "secret" not in str(caught.value)


def test_an_answer_that_never_ends_is_given_up():
    def drip():
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while True:
                connection.sendall(b"{")
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        with httpx.stream("GET", address) as response, pytest.raises(httpx.ReadTimeout, match="did not end"):
            read_bounded(response, 1000, within_s=0.1)
        thread.join(5)
    assert not thread.is_alive()


def test_no_server_and_silent_servers_are_unreachable(tmp_path, archive):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ServerUnreachable, match="out of reach"):
            send(tmp_path, archive, address, PUT)
    with pytest.raises(ServerUnreachable, match="out of reach"):
        send(tmp_path, archive, address, PUT)
    with pytest.raises(ServerUnreachable, match="no server is configured"):
        send(tmp_path, archive, "", PUT)
