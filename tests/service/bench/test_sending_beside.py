"""What one stalled request may hold up: a file of a method nothing, a swallowed record its own screening."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from service.archive.journal import Archive
from service.bench import method_files
from service.bench.flusher import Flusher
from service.bench.outbox import Lane, Outbox, OutboxOp, Patience
from service.bench.uplink import Uplink
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
#: More than the buffers of two sockets hold.
FILE = b"m" * (16 << 20)
FILE_ID = hashlib.sha256(FILE).hexdigest()
HASTY = Patience(failures=2, over_s=0.0, again_s=600.0)


class Site:
    """A server that takes everything, except that it leaves some paths alone as long as it is told to."""

    def __init__(self):
        self.swallowed = set()
        self.alive = True
        self.begun = threading.Event()
        self.release = threading.Event()
        self.got = []

    def answer(self, handler):
        size = int(handler.headers.get("Content-Length") or 0)
        path = handler.path.removeprefix("/api/v1")
        if not self.alive or path in self.swallowed:
            self.begun.set()
            self.release.wait(30)
            if path in self.swallowed or not self.alive:
                handler.close_connection = True
                return
        while size and (part := handler.rfile.read(min(size, 1 << 20))):
            size -= len(part)
        if size:
            handler.close_connection = True
            return
        if path != "/healthz":
            self.got.append(path)
        body = json.dumps({"status": "ok"}).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@contextmanager
def serving(site):
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            site.answer(self)

        do_GET = do_POST = do_PUT

        def log_message(self, *_):
            return

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            # A client that gave up is what these tests are about.
            return

    server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        site.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def settings(tmp_path, site):
    with serving(site) as address:
        settings = Settings(tmp_path, server_url=address)
        settings.method_files_dir.mkdir()
        (settings.method_files_dir / FILE_ID).write_bytes(FILE)
        yield settings


@pytest.fixture
def outbox(settings):
    return Outbox(settings.outbox_path)


@pytest.fixture
def archive(settings):
    return Archive(settings.archive_dir)


@pytest.fixture
def flusher(settings, archive, outbox):
    flusher = Flusher(settings, archive, outbox)
    yield flusher
    flusher.end()


def screening(name, *parts):
    head = OutboxOp(f"screening:{name}", "PUT", f"/screenings/{name}", {})
    return [head, *(OutboxOp(f"{part}:{name}", "PUT", f"/{part}/{name}", {}) for part in parts)]


METHOD = method_files.operation(FILE_ID)


def test_a_result_is_taken_while_the_file_of_its_method_is_stalled(site, outbox, flusher, wait_until):
    site.swallowed.add(METHOD.path)
    outbox.add([METHOD])
    flusher.start()
    assert site.begun.wait(10)
    outbox.add([*screening("a", "results"), METHOD, *screening("b", "results")])
    assert flusher.kick(wait_s=10) is True
    assert site.got == ["/screenings/a", "/results/a", "/screenings/b", "/results/b"]
    assert [outbox.state_of(key) for key in ("results:b", METHOD.key)] == ["done", "pending"]
    assert not flusher.report.stopped
    site.swallowed.clear()
    site.release.set()
    wait_until(lambda: outbox.state_of(METHOD.key) == "done")
    assert site.got.count(METHOD.path) == 1


def test_a_bench_killed_while_a_file_is_sent_sends_it_again(site, settings, archive, outbox):
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from service.archive.journal import Archive
from service.bench.outbox import Lane, Outbox
from service.bench.uplink import Uplink
from service.settings import Settings
settings = Settings(Path(sys.argv[2]), server_url=sys.argv[3])
with Uplink(settings, Archive(settings.archive_dir)) as send:
    Outbox(settings.outbox_path).flush(send, lane=Lane.FILES)
"""
    site.swallowed.add(METHOD.path)
    outbox.add([METHOD, *screening("a", "results")])
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    arguments = [str(ROOT), str(settings.home), settings.server_url]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], env=env)
    assert site.begun.wait(20)
    with Uplink(settings, archive) as send:
        busy = outbox.flush(send)
        assert (busy.sent, busy.left, busy.busy) == (2, 1, True), "the file is under way over there"
        process.kill()
        process.wait()
        site.swallowed.clear()
        assert outbox.flush(send).sent == 1
        assert outbox.add([METHOD]) == 0
    assert site.got[-1] == METHOD.path
    assert outbox.counts() == {"pending": 0, "done": 3, "refused": 0}


def test_a_file_that_fails_waits_alone_and_comes_when_the_server_is_back(
    site, settings, outbox, flusher, wait_until
):
    away = Flusher(
        Settings(settings.home, server_url="http://127.0.0.1:9"), Archive(settings.archive_dir), outbox
    )
    outbox.add([METHOD, *screening("a")])
    away.start()
    wait_until(lambda: outbox.get_state("sending:files") and outbox.get_state("sending"))
    away.end()
    failures, until, unreachable = json.loads(outbox.get_state("sending:files"))
    assert (failures, unreachable) == (1, True)
    # As after an hour without a server.
    outbox.set_state("sending:files", json.dumps([9, until + 290.0, True]))
    flusher.start()
    assert flusher.kick(wait_s=10)
    wait_until(lambda: outbox.counts()["pending"] == 0)
    assert site.got == ["/screenings/a", METHOD.path]


@pytest.fixture
def send(settings, archive):
    with Uplink(settings, archive, timeout=httpx.Timeout(5.0, read=0.1)) as send:
        yield send


def test_a_swallowed_record_is_set_aside_with_its_screening(site, outbox, send):
    site.swallowed.add("/results/a")
    outbox.add(screening("a", "scans", "results", "complete"))
    outbox.add(screening("b", "results"))
    reports = [outbox.flush(send, force=True, patience=HASTY) for _ in range(2)]
    assert [bool(one.stopped) for one in reports] == [True, False]
    assert reports[0].away is False
    assert site.got == ["/screenings/a", "/scans/a", "/screenings/b", "/results/b"]
    (told,) = outbox.aside()
    assert (told.op.key, told.status, told.failures, told.held) == ("results:a", 0, 2, 2)
    assert "gave no answer to it: timed out" in told.detail
    site.swallowed.clear()
    outbox.retry_aside()
    assert outbox.flush(send, patience=HASTY).left == 0
    assert site.got[-2:] == ["/results/a", "/complete/a"]


def test_what_was_set_aside_is_tried_again_after_all_else(site, outbox, send):
    site.swallowed.add("/results/a")
    outbox.add(screening("a", "results", "complete"))
    due = Patience(failures=1, over_s=0.0, again_s=0.0)
    # Due again at once, and after it the next screening comes first.
    assert outbox.flush(send, patience=Patience(failures=1, over_s=0.0, again_s=1e-3)).aside == 1
    outbox.add(screening("b", "results"))
    site.got.clear()
    site.swallowed.clear()
    assert outbox.flush(send, patience=due).left == 0
    assert site.got == ["/screenings/b", "/results/b", "/results/a", "/complete/a"]


def test_where_nothing_answers_nothing_is_set_aside(site, outbox, send):
    site.alive = False
    outbox.add(screening("a", "results"))
    for _ in range(4):
        report = outbox.flush(send, force=True, patience=HASTY)
        assert (report.aside, report.away, report.left) == (0, True, 2)
    site.alive = True
    assert outbox.flush(send, force=True).left == 0


def test_lanes_go_on_without_each_other(site, outbox, send):
    outbox.add([METHOD, *screening("a")])
    assert outbox.flush(send, lane=Lane.FILES).sent == 1
    assert outbox.flush(send, lane=Lane.RECORDS).sent == 1
    assert site.got == [METHOD.path, "/screenings/a"]
