"""Who may talk to the agent, and the parts of it that need no device."""

import fcntl
import json
import re
import socket
import threading
import time
from contextlib import closing

import httpx
import pytest
import uvicorn

from library.methods import training_method
from service.bench import officers_file
from service.bench.agent import Bench
from service.bench.app import create_bench_app
from service.bench.client import BenchClient
from service.bench.run import run_bench
from service.errors import AgentRefused, AgentUnreachable, SettingsError
from service.settings import Settings

TOKEN = "the-local-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Served(httpx.Client):
    """A client of an agent that runs in a thread of this process."""

    def __init__(self, home, **options) -> None:
        self.bench = Bench(Settings(home), **options)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        super().__init__(base_url=f"http://127.0.0.1:{self.port}", timeout=20)
        self.app = create_bench_app(self.bench, token=TOKEN, port=self.port)
        config = uvicorn.Config(self.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()

    def end(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.close()
        assert self.bench.close() is False


@pytest.fixture
def http(opioscan_home):
    served = Served(opioscan_home)
    yield served
    served.end()


def problem(answer, status: int, code: str) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code"} <= set(body)
    assert (body["code"], body["status"]) == (code, status)
    return body


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", "127.0.0.1:PORT.evil.example"]
)
def test_other_hosts_are_refused_even_with_the_token(http, host):
    host = host.replace("PORT", str(http.port))
    problem(http.get("/bench/v1/status", headers={**BEARER, "Host": host}), 421, "foreign_host")
    assert http.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "LOCALHOST:PORT", "[::1]:PORT"])
def test_own_hosts_are_answered(http, host):
    host = host.replace("PORT", str(http.port))
    assert http.get("/bench/v1/status", headers={**BEARER, "Host": host}).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer tök"},
    ],
)
def test_programs_need_the_token(http, given):
    headers = {name: value.encode() for name, value in given.items()}
    answer = http.get("/bench/v1/status", headers=headers)
    problem(answer, 401, "wrong_token")
    assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/status", "/blanks", "/questions?device=b1", "/visit?item=A"):
        problem(http.get(f"/bench/v1{path}", headers=headers), 401, "wrong_token")
    posts = (
        "/scans",
        "/abort",
        "/blanks",
        "/blanks/rename",
        "/blanks/retire",
        "/verify",
        "/screenings/complete",
    )
    for path in posts:
        assert http.post(f"/bench/v1{path}", json={}, headers=headers).status_code in {401, 422}


def test_no_site_is_let_in_by_cors(http):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = http.options("/bench/v1/scans", headers=asked)
    assert answer.status_code == 405
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_requests_are_bounded_and_say_how_long_they_are(http):
    long = http.post("/bench/v1/scans", content=b"x" * 70_000, headers=BEARER)
    problem(long, 413, "usage")
    streamed = http.post("/bench/v1/scans", content=iter([b"{}"]), headers=BEARER)
    problem(streamed, 413, "usage")


def test_bad_bodies_and_paths_are_problems(http):
    body = problem(
        http.post("/bench/v1/scans", json={"device": "b1", "spot": 0}, headers=BEARER), 422, "usage"
    )
    assert "spot" in body["detail"]
    assert body["instance"] == "/bench/v1/scans"
    problem(http.post("/bench/v1/scans", content=b"{", headers=BEARER), 422, "usage")
    problem(http.get("/bench/v1/nothing", headers=BEARER), 404, "not_found")
    problem(http.get("/bench/v1/scans", headers=BEARER), 405, "method_not_allowed")
    problem(http.post("/bench/v1/scans", json={"device": "none"}, headers=BEARER), 422, "device_url_invalid")
    problem(
        http.post("/bench/v1/screenings/complete", json={"item": "A"}, headers=BEARER), 404, "nothing_open"
    )


def test_what_is_asked_about_devices_items_and_blanks(http, opioscan_home):
    (opioscan_home / "devices.toml").write_text(
        "[devices.ftir]\nspectrometer = 'opus+http://127.0.0.1:9/opusrs'\ncontact = 'atr'\n"
    )
    asked = http.get("/bench/v1/questions", params={"device": "ftir", "item": "A"}, headers=BEARER).json()
    assert (asked["ask_eyewear"], asked["ask_energetic"]) == (False, True), "no laser, no eyewear"
    assert asked["device"]["contact"] == "atr"
    assert (asked["device"]["laser"], asked["device"]["laser_nm"]) == ("none", None)
    unknown = http.get("/bench/v1/questions", params={"device": "none"}, headers=BEARER)
    problem(unknown, 422, "device_url_invalid")
    assert http.get("/bench/v1/blanks", headers=BEARER).json() == {"blanks": []}
    gone = http.post("/bench/v1/blanks/retire", json={"name": "bag"}, headers=BEARER)
    problem(gone, 409, "blank_unusable")
    page = http.get("/blanks").text
    assert '<option value="atr" selected>' in page
    assert "crystal 1" in page
    assert "laser eyewear" not in page
    start = http.get("/").text
    assert '<option value="atr" selected>' in start
    assert "laser eyewear" not in start
    assert "Is the sample possibly energetic" in start


def test_a_bench_without_devices_says_what_to_do(http):
    text = http.get("/").text
    assert "opioscan devices add" in text
    assert http.post("/bench/v1/abort", json={}, headers=BEARER).json() == {"stopped": [], "laser": "off"}


def test_a_damaged_device_file_is_shown_and_not_fatal(http, opioscan_home):
    (opioscan_home / "devices.toml").write_text("[devices")
    assert "not TOML" in http.get("/bench/v1/status", headers=BEARER).json()["devices_trouble"]
    assert "not TOML" in http.get("/").text


def test_an_unexpected_failure_is_one_plain_problem(http, opioscan_home):
    http.app.state.bench = None
    body = problem(http.get("/bench/v1/status", headers=BEARER), 500, "internal_error")
    assert "assert" not in body["detail"]


def test_one_agent_per_home_and_its_card(opioscan_home, run_cli):
    settings = Settings(opioscan_home, bench_port=0)
    (opioscan_home / "config.toml").write_text("bench_port = 0\n")
    with BenchClient.connect(settings, within_s=60) as client:
        card = json.loads(settings.bench_file.read_text())
        assert settings.bench_file.stat().st_mode & 0o777 == 0o600
        assert (card["address"], card["pid"]) == (client.address, client.pid)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", card["address"])
        second = run_cli("bench", "--port", "0")
        assert second.code == 5
        assert card["address"] in second.err
        with BenchClient.connect(settings, start=False) as same:
            assert same.pid == client.pid
        stranger = BenchClient(client.address, "wrong", pid=0, lock=opioscan_home / "bench.lock")
        with stranger, pytest.raises(AgentRefused):
            stranger.status()
        stopped = run_cli("bench", "--stop")
        assert stopped.code == 0, stopped.err
    assert not settings.bench_file.exists()


def test_an_explicit_port_that_is_taken_and_a_remote_address_are_refused(opioscan_home):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match="choose another with --port"):
            run_bench(Settings(opioscan_home), port=port)
    for host in ("0.0.0.0", "bench.example", "192.0.2.1"):
        with pytest.raises(SettingsError, match="loopback only"):
            run_bench(Settings(opioscan_home, host=host))


@pytest.mark.parametrize(
    "card", ["", "[]", "{}", '{"address": "http://127.0.0.1:9", "token": "x", "pid": 1}', '{"address": 1}']
)
def test_stale_and_damaged_cards_mean_no_agent(opioscan_home, card):
    settings = Settings(opioscan_home)
    settings.bench_file.write_text(card)
    with pytest.raises(AgentUnreachable, match="no bench agent runs"):
        BenchClient.connect(settings, start=False)


def test_an_agent_that_cannot_start_is_reported(opioscan_home):
    settings = Settings(opioscan_home)
    settings.outbox_path.write_bytes(b"this is no database" * 100)
    with pytest.raises(AgentUnreachable, match=re.escape("bench.log")):
        BenchClient.connect(settings, within_s=60)
    assert "outbox" in (opioscan_home / "bench.log").read_text()


@pytest.mark.parametrize("body", [b"not json", b"[1]"])
def test_a_stranger_at_the_address_is_no_agent(opioscan_home, body):
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        stranger = threading.Thread(target=answer)
        stranger.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            BenchClient(address, "t", pid=0, lock=opioscan_home / "bench.lock") as client,
            pytest.raises(AgentUnreachable),
        ):
            client.status()
        stranger.join()


def test_scan_usage_errors(opioscan_home, run_cli):
    late = run_cli("scan", "--device", "b1", "--parcel", "X", "--delay", "61")
    assert (late.code, "--delay" in late.err) == (2, True)
    exposure = run_cli("scan", "--device", "b1", "--parcel", "X", "--exposure", "0")
    assert exposure.code == 2
    assert run_cli("scan", "--device", "b1").code == 2


# ── stopping what has not begun ──────────────────────────────────────────────


@pytest.fixture
def slow(opioscan_home, prepared):
    """Yield an agent with a device that leaves traces when it is opened, whose method takes its time."""
    (opioscan_home / "devices.toml").write_text(
        "[devices.b1]\nspectrometer = 'obp+serial:///dev/nothing1?model=STS'\nlaser_nm = 785.0\n"
    )
    loaded = threading.Event()

    def load():
        assert loaded.wait(20)
        return training_method(prepared)

    served = Served(opioscan_home, load=load)
    yield served, loaded
    loaded.set()
    served.end()


def test_a_stop_counts_for_a_scan_that_still_waits_for_its_method(slow, wait_until):
    http, loaded = slow
    own = {"Origin": f"http://127.0.0.1:{http.port}"}
    token = re.search(r'name="form_token" value="([^"]+)"', http.get("/").text).group(1)
    form = {"form_token": token, "device": "b1", "item": "EARLY", "energetic": "no", "eyewear": "yes"}
    where = http.post("/screen", data=form, headers=own).headers["location"]
    assert "STOP" in http.get(where).text
    stopped = http.post("/stop", data={"run": where.rpartition("/")[2]}, headers=own)
    assert "STOPPED" in stopped.text
    loaded.set()
    wait_until(lambda: 'http-equiv="refresh"' not in http.get(where).text)
    assert "STOPPED" in http.get(where).text, "a device that is opened would not be found"
    assert http.bench.attempts.screening_of("EARLY") is None


def test_a_stop_waits_for_no_thread_that_others_hold(http, opioscan_home, monkeypatch):
    monkeypatch.setattr(officers_file, "_N", 16)
    own = {"Origin": f"http://127.0.0.1:{http.port}"}
    answers = []

    def sign_in():
        with httpx.Client(base_url=http.base_url, timeout=30) as other:
            answers.append(
                other.post("/sign-in", data={"badge": "B" * 8, "pin": "1"}, headers=own).status_code
            )

    with (opioscan_home / "officers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # More than the agent has threads for requests.
        asking = [threading.Thread(target=sign_in) for _ in range(45)]
        for one in asking:
            one.start()
        time.sleep(0.5)
        assert "STOPPED" in http.post("/stop", headers=own).text
        assert http.post("/bench/v1/abort", json={}, headers=BEARER).json()["laser"] == "off"
        assert answers == []
    for one in asking:
        one.join()
    assert set(answers) == {403}
