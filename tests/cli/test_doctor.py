"""``opioscan doctor``: everything it looks at, found well and found wanting."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from library.starter import ensure_starter
from service.bench.outbox import Outbox, OutboxOp, SendReply
from service.cli import checks, checks_reach, doctor
from service.cli.checks import STARTER_GAP, State
from service.clock import SYNCHRONISED, UNKNOWN, UNSYNCHRONISED, clock_state
from service.settings import Settings, load_settings


@pytest.fixture
def settings(opioscan_home):
    return load_settings()


def only(found):
    (check,) = found
    return check


@contextmanager
def server_that(ready=200, known=200, date="", kind="application/json", body=b"{}"):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response_only(ready if self.path == "/readyz" else known)
            if date:
                self.send_header("Date", date)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_fresh_installation_is_told_what_to_do(run_cli):
    ran = run_cli("doctor")
    assert (ran.code, ran.err) == (0, "")
    for words in (
        "opioscan ",
        "Python ",
        "devices: none configured",
        STARTER_GAP,
        "bench agent: not running",
    ):
        assert words in ran.out
    assert "holds no Raman reference of any fentanyl, because no open one exists" in ran.out


def test_json_carries_the_same(run_cli, opioscan_home):
    ran = run_cli("doctor", "--json")
    found = json.loads(ran.out)
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert ran.out.count("\n") == 1
    assert {"software", "home folder", "devices", "starter library", "methods", "outbox", "clock"} <= set(
        states
    )
    assert found["problems"] == sum(state == "problem" for state in states.values())
    assert list(opioscan_home.iterdir()) == []


def test_a_damaged_file_is_a_problem_and_the_rest_goes_on(settings, run_cli):
    settings.devices_path.write_text("not toml")
    ran = run_cli("doctor")
    assert ran.code == 0
    assert f"PROBLEM  devices: {settings.devices_path}" in ran.out
    assert "clock" in ran.out


def test_devices_are_listed_and_missing_ports_marked(settings):
    settings.devices_path.write_text(
        '[devices.gone]\nspectrometer = "obp+serial:///dev/no-such-port?model=STS"\nlaser_nm = 785.0\n'
        '[devices.net]\nspectrometer = "obp+tcp://127.0.0.1:9?model=FX"\nlaser_nm = 785.0\nemulated = true\n'
    )
    found = {check.facts.get("name"): check for check in checks.devices(settings)}
    assert found["gone"].state is State.PROBLEM
    assert "/dev/no-such-port" in found["gone"].text
    assert found["net"].state is State.OK
    assert "(emulated)" in found["net"].text


def test_missing_packages_are_a_problem(settings, monkeypatch):
    monkeypatch.setattr(checks, "_required", lambda: ["numpy", "no-such-package"])
    found = list(checks.software(settings))
    assert found[0].state is State.PROBLEM
    assert "not installed: no-such-package" in found[0].text


def test_requirements_come_from_the_installed_metadata(monkeypatch):
    lines = ["numpy>=1.26", "rich (>=13)", 'ruff>=0.8; extra == "dev"']
    monkeypatch.setattr(checks.metadata, "requires", lambda _name: lines)
    assert checks._required() == ["numpy", "rich"]


def test_a_full_disk_or_foreign_home_is_a_problem(settings, monkeypatch):
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 1})())
    assert "free some space" in only(checks.home_folder(settings)).text
    monkeypatch.setattr(checks.os, "access", lambda *_: False)
    assert "may not write" in only(checks.home_folder(settings)).text


def test_a_home_to_come_is_no_problem(tmp_path):
    check = only(checks.home_folder(Settings(home=tmp_path / "a" / "b")))
    assert check.state is State.OK
    assert "made when first needed" in check.text


def test_a_token_others_may_read_is_a_problem(settings):
    settings.token_path.write_text("ops_x")
    settings.token_path.chmod(0o644)
    assert "chmod 600" in list(checks.home_folder(settings))[-1].text
    settings.token_path.chmod(0o600)
    assert only(checks.home_folder(settings)).state is State.OK


def test_the_starter_library_is_found(settings):
    ensure_starter(settings.libraries_dir)
    check = only(checks.starter_library(settings))
    assert check.state is State.OK
    assert check.facts["entries"] > 80
    assert STARTER_GAP in check.text


def test_a_damaged_starter_library_is_a_problem(settings, monkeypatch):
    settings.libraries_dir.mkdir()
    (settings.libraries_dir / "starter.h5").write_bytes(b"damaged")
    monkeypatch.setattr(doctor, "CHECKS", (checks.starter_library,))
    check = only(doctor.run_checks(settings))
    assert (check.name, check.state) == ("starter library", State.PROBLEM)


def test_methods_are_counted(settings):
    assert only(checks.methods(settings)).state is State.NOTE
    settings.methods_dir.mkdir()
    (settings.methods_dir / "training").write_text("")
    assert only(checks.methods(settings)).facts["files"] == ["training"]


def test_what_the_outbox_holds_is_told(settings):
    outbox = Outbox(settings.outbox_path)
    outbox.add([OutboxOp("a", "PUT", "/x", {}), OutboxOp("b", "PUT", "/x", {})])
    assert only(checks_reach.outbox(settings)).text == "2 waiting, 0 sent, 0 refused"
    outbox.flush(lambda op: SendReply(409 if op.key == "a" else 201))
    check = only(checks_reach.outbox(settings))
    assert check.state is State.PROBLEM
    assert check.facts == {"pending": 0, "done": 1, "refused": 1, "aside": 0}


@pytest.mark.parametrize(
    ("ready", "known", "state", "words"),
    [
        (200, 200, State.OK, "is ready"),
        (503, 200, State.PROBLEM, "not ready"),
        (200, 401, State.PROBLEM, "does not take the token"),
    ],
)
def test_the_server_is_asked(settings, ready, known, state, words):
    with server_that(ready, known) as url:
        check = only(checks_reach.server(Settings(home=settings.home, server_url=url, server_token="ops_x")))
    assert check.state is state
    assert words in check.text


def test_a_server_out_of_reach_is_a_problem(settings):
    with server_that() as url:
        pass
    check = only(checks_reach.server(Settings(home=settings.home, server_url=url)))
    assert check.state is State.PROBLEM
    assert "results wait in the outbox" in check.text


def test_clocks_that_differ_are_a_problem(settings):
    with server_that(date="Sat, 21 Nov 2020 12:00:00 GMT") as url:
        found = list(checks_reach.server(Settings(home=settings.home, server_url=url)))
    assert found[-1].name == "clock against server"
    assert found[-1].state is State.PROBLEM


@pytest.mark.parametrize(("state", "wanted"), [(UNSYNCHRONISED, State.PROBLEM), (SYNCHRONISED, State.OK)])
def test_the_clock_is_judged(settings, monkeypatch, state, wanted):
    monkeypatch.setattr(checks, "clock_state", lambda: state)
    assert only(checks.clock(settings)).state is wanted


def test_the_kernel_knows_about_the_clock(monkeypatch):
    assert clock_state() in {SYNCHRONISED, UNSYNCHRONISED, UNKNOWN}
    for answer, state in ((-1, UNKNOWN), (0, SYNCHRONISED), (5, UNSYNCHRONISED)):
        kernel = SimpleNamespace(adjtimex=lambda _buffer, answer=answer: answer)
        monkeypatch.setattr("service.clock.ctypes.CDLL", lambda _name, kernel=kernel: kernel)
        assert clock_state() == state
    monkeypatch.setattr("service.clock.ctypes.CDLL", lambda _name: SimpleNamespace())
    assert clock_state() == UNKNOWN
    monkeypatch.setattr("sys.platform", "darwin")
    assert clock_state() == UNKNOWN


def test_an_agent_that_is_gone_is_a_note(settings):
    settings.bench_file.write_text(json.dumps({"address": "http://127.0.0.1:9", "token": "x", "pid": 1}))
    assert only(checks_reach.bench_agent(settings)).state is State.NOTE


def test_an_agent_that_answers_is_found(settings):
    with server_that() as url:
        settings.bench_file.write_text(json.dumps({"address": url, "token": "x", "pid": 1}))
        check = only(checks_reach.bench_agent(settings))
    assert (check.state, check.facts["address"]) == (State.OK, url)


@pytest.mark.parametrize(
    ("last", "wanted"),
    [
        ({"state": "sent", "at": "2026-11-22T12:00:00Z", "detail": ""}, State.OK),
        ({"state": "refused", "at": "", "detail": "the server answered 409: taken"}, State.PROBLEM),
        ({"state": "failed", "at": "", "detail": "out of reach"}, State.PROBLEM),
    ],
)
def test_what_the_server_knows_of_the_bench_is_said(settings, last, wanted):
    with server_that(body=json.dumps({"report": last}).encode()) as url:
        settings.bench_file.write_text(json.dumps({"address": url, "token": "x", "pid": 1}))
        _, check = checks_reach.bench_agent(settings)
    assert (check.name, check.state) == ("report to the server", wanted)
    assert last["detail"] in check.text
