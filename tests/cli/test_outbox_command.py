"""``opioscan outbox`` as a real process, against a real server."""

import fcntl
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.bench.outbox import Outbox, OutboxOp, Patience
from service.errors import Unanswered


@pytest.fixture
def server():
    """Yield a server that refuses paths that say so, and its list of paths."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            got.append(self.path)
            status = 409 if "refused" in self.path else 503 if "busy" in self.path else 201
            body = json.dumps({"detail": "no \x1b[31mway"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/problem+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield {"OPIOSCAN_SERVER": f"http://127.0.0.1:{server.server_port}", "OPIOSCAN_TOKEN": "ops_x"}, got
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def outbox(opioscan_home):
    return Outbox(opioscan_home / "outbox.sqlite3")


def add(outbox, *paths):
    outbox.add([OutboxOp(path, "PUT", path, {}) for path in paths])


def test_an_empty_bench_has_an_empty_outbox(run_cli, opioscan_home):
    ran = run_cli("outbox", "status", "--json")
    empty = {"pending": 0, "done": 0, "refused": 0, "refusals": [], "aside": [], "server": ""}
    assert (ran.code, json.loads(ran.out)) == (0, empty)
    assert list(opioscan_home.iterdir()) == []
    assert "none configured" in run_cli("outbox", "status").out


def test_everything_is_sent(run_cli, outbox, server):
    environ, got = server
    add(outbox, "/b", "/a")
    ran = run_cli("outbox", "flush", env=environ)
    assert (ran.code, ran.out, ran.err) == (0, "2 sent, 0 refused, 0 waiting\n", "")
    assert got == ["/api/v1/b", "/api/v1/a"]


def test_what_was_refused_is_shown_and_can_be_tried_again(run_cli, outbox, server):
    environ, got = server
    add(outbox, "/refused", "/ok")
    ran = run_cli("outbox", "flush", "--json", env=environ)
    assert ran.code == 5
    assert json.loads(ran.out) | {"sent": 1, "refused": 1, "left": 0} == json.loads(ran.out)
    assert json.loads(ran.err)["code"] == "server_refused"
    ran = run_cli("outbox", "status", env=environ)
    assert "0 waiting, 1 sent, 1 refused" in ran.out
    assert "refused 409: PUT /refused: no \N{REPLACEMENT CHARACTER}[31mway" in ran.out
    assert run_cli("outbox", "flush", env=environ).code == 0
    assert run_cli("outbox", "flush", "--refused", env=environ).code == 5
    assert got == ["/api/v1/refused", "/api/v1/ok", "/api/v1/refused"]


def test_a_server_out_of_order_leaves_everything_waiting(run_cli, outbox, server):
    environ, _ = server
    add(outbox, "/ok", "/busy", "/last")
    ran = run_cli("outbox", "flush", env=environ)
    assert (ran.code, ran.out) == (5, "1 sent, 0 refused, 2 waiting\n")
    assert "503" in ran.err
    assert "2 operation(s) wait and are kept" in ran.err


def test_what_is_never_answered_is_shown_with_its_reason(run_cli, outbox):
    def send(op):
        raise Unanswered("http://server gave no answer to it: timed out")

    add(outbox, "/results/1")
    assert outbox.flush(send, patience=Patience(failures=1, over_s=0.0)).aside == 1
    out = run_cli("outbox", "status").out
    assert "1 waiting, 0 sent, 0 refused" in out
    assert "set aside, with 0 waiting behind it until " in out
    assert "the server answers, but not this, 1 times by now: /results/1: http://server gave no answer" in out


def test_without_a_server_nothing_is_lost(run_cli, outbox):
    add(outbox, "/a")
    ran = run_cli("outbox", "flush")
    assert (ran.code, ran.out) == (5, "")
    assert "no server is configured" in ran.err
    assert outbox.counts()["pending"] == 1


def test_without_a_command_the_help_is_shown_as_a_usage_error(run_cli):
    ran = run_cli("outbox")
    assert (ran.code, ran.err) == (2, "")
    assert "flush" in ran.out


def test_while_another_process_sends_nothing_is_sent_twice(run_cli, outbox, server):
    environ, got = server
    add(outbox, "/a")
    with outbox.path.with_name("outbox.sqlite3.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = run_cli("outbox", "flush", env=environ)
    assert (ran.code, ran.err, got) == (0, "", [])
    assert "another process is sending" in ran.out
