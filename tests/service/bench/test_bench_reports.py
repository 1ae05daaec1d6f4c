"""What a bench tells the server of itself: complete, discreet, quiet when it fails, and in nobody's way."""

import json
import logging
import socket
import time
from contextlib import closing

import pytest

from instrument.config import BenchConfig, save_device
from service.api.benches.models import BenchReport
from service.api.benches.repository import fleet_of
from service.api.database import Database
from service.api.permissions import Role
from service.api.settings import ServerSettings
from service.api.tokens.repository import create_token
from service.bench.agent import Bench
from service.bench.notes import validity
from service.bench.outbox import OutboxOp
from service.bench.report import report_of, what_matters
from service.bench.reporter import Reporter
from service.bench.status import describe
from service.bench.verifications import VerificationNote
from service.settings import Settings
from spectra.values import DeviceInfo
from tests.bars.release_lab import BenchHome, Lab, fitted_methods
from tests.service.api.conftest import serving

#: Every field a report may have: what is not in here has no business in one.
FIELDS = {
    "": "sent_at software clock method release devices outbox",
    "method": "name version digest training library",
    "method.library": "name digest",
    "release": "number stale expires_at held_back",
    "devices": "name model serial emulated verification",
    "devices.verification": "state verified_at due_at",
    "outbox": "pending refused oldest_s",
}


def until(true, timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    base = tmp_path_factory.mktemp("reporting")
    made = Lab(base / "lab", fitted_methods(base / "methods", 2))
    made.release(1)
    return made


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def make_bench(tmp_path, opioscan_home):
    """Return a maker of benches without devices that answer, each in a home of its own."""
    made = []

    def make(name="one", *, url="", token="", load=lambda: None):
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        made.append(Bench(Settings(home, server_url=url, server_token=token, bench_name=name), load=load))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


def paths_of(value, path=""):
    if isinstance(value, list):
        for one in value:
            yield from paths_of(one, path)
    elif isinstance(value, dict):
        yield path, set(value)
        for key, one in value.items():
            yield from paths_of(one, f"{path}.{key}".lstrip("."))


def named(bench, name="b1", url="obp+serial:///dev/ttyUSB7?model=STS", **more):
    config = BenchConfig(name, url, None, 785.0, **more)
    save_device(bench.settings.devices_path, config)
    return config


def test_a_report_says_what_it_may_and_nothing_else(lab, opioscan_home):
    home = BenchHome(opioscan_home, lab)
    home.update()
    bench = Bench(Settings(opioscan_home, server_token="ops_secret"))
    try:
        assert report_of(bench)["method"] is None, "a report waits for nothing"
        method = bench.method()
        named(bench)
        bench.outbox.open_screening("RR123456785GB")
        bench.outbox.add([OutboxOp("k", "PUT", "/screenings/1", {"item_id": "RR123456785GB"})])
        said = report_of(bench)
        BenchReport.model_validate(said)
        assert {path: " ".join(sorted(keys)) for path, keys in paths_of(said)} == {
            path: " ".join(sorted(keys.split())) for path, keys in FIELDS.items()
        }
        text = json.dumps(said)
        for word in ("RR123456785GB", "ops_secret", "ttyUSB7", str(opioscan_home)):
            assert word not in text
        assert (said["method"]["digest"], said["release"]["number"]) == (method.digest, 1)
        assert said["method"]["library"]["digest"] == method.library_digest
        assert said["devices"][0]["verification"] == {"state": "missing", "verified_at": None, "due_at": None}
        assert said["outbox"]["pending"] == 1
        assert 0 <= said["outbox"]["oldest_s"] < 60
        (home.releases / "state.json").write_text("{}")
        damaged = report_of(bench)["release"]
        assert damaged == {"number": None, "stale": True, "expires_at": None, "held_back": 0}
    finally:
        bench.close()


def test_an_instrument_is_remembered_with_its_verification(make_bench):
    bench = make_bench()
    config = named(bench)
    taken_at, expires_at = validity()
    note = VerificationNote("STS/S1\x07", "positive", "passed", "a" * 64, "polystyrene", taken_at, expires_at)
    bench.verifications.keep(note)
    bench.devices.configured()[0]._seen = DeviceInfo("STS", "S1\x07", emulated=True)
    said = report_of(bench)
    BenchReport.model_validate(said)
    (device,) = said["devices"]
    assert (device["model"], device["serial"], device["emulated"]) == ("STS", "S1?", True)
    assert device["verification"] == {"state": "verified", "verified_at": taken_at, "due_at": expires_at}
    again = report_of(make_bench())
    assert again["devices"] == said["devices"], "after a restart"
    assert what_matters(again) == what_matters(said)
    named(bench, url="obp+serial:///dev/ttyUSB8?model=STS", emulated=config.emulated)
    assert report_of(bench)["devices"][0]["model"] == "", "another port: nobody knows"
    bench.outbox.set_state("seen:obp+serial:///dev/ttyUSB8?model=STS", "{}")
    assert report_of(bench)["devices"][0]["serial"] == ""


def test_devices_named_by_url_hide_their_address(make_bench):
    bench = make_bench()
    device = bench.devices.get("obp+tcp://192.0.2.7:57357?model=FX&laser_nm=785")
    assert report_of(bench)["devices"] == [], "never opened"
    device._seen = DeviceInfo("FX", "F1")
    (told,) = report_of(bench)["devices"]
    assert (told["name"], told["model"]) == ("obp+tcp", "FX")
    bench.settings.devices_path.write_text("not toml")
    assert len(report_of(bench)["devices"]) == 1


def test_the_fleet_sees_who_is_behind(lab, served, opioscan_home, tmp_path):
    benches, homes = {}, {}
    try:
        for name in ("ahead", "late"):
            homes[name] = BenchHome(tmp_path / name, lab)
            homes[name].update()
            token = bench_token(served)
            settings = Settings(tmp_path / name, server_url=served.url, server_token=token, bench_name=name)
            benches[name] = bench = Bench(settings)
            bench.method()
            bench.reporter = Reporter(bench, look_s=0.05)
            bench.reporter.start()
            until(lambda bench=bench: bench.reporter.last.state == "sent")
        assert states(served) == {"ahead": "current", "late": "current"}
        lab.release(2)
        homes["ahead"].update()
        ahead = benches["ahead"]

        def taken_up():
            ahead.renew_method("RA123456785GB")
            return ahead.method().version == 2

        until(taken_up)
        until(lambda: states(served) == {"ahead": "current", "late": "behind"})
        assert benches["late"].method().version == 1, "a report brings nothing back"
        newest = served.api("GET", "/benches", Role.TECHNICIAN).json()["newest_release"]
        assert (newest["number"], newest["version"], newest["bench"]) == (2, 2, "ahead")
    finally:
        for bench in benches.values():
            bench.close()


def test_what_the_server_itself_installed_is_the_newest(lab, tmp_path, caplog):
    home = BenchHome(tmp_path / "home", lab)
    settings = ServerSettings(tmp_path / "db.sqlite3", tmp_path / "scans", releases_path=home.releases)
    with Database(settings.db_path) as database, database.read() as session:
        assert fleet_of(session, settings).newest is None, "nothing is installed yet"
        home.update()
        newest = fleet_of(session, settings).newest
        assert (newest.source, newest.bench, newest.name) == ("installed_here", None, "ours")
        (home.releases / "state.json").write_text("{}")
        assert fleet_of(session, settings).newest is None
    assert "tell nothing of the fleet" in caplog.text


def bench_token(served):
    with Database(served.settings.db_path) as database, database.write("test") as change:
        return create_token(change, Role.BENCH)[0]


def states(served):
    items = served.api("GET", "/benches", Role.TECHNICIAN).json()["items"]
    return {one["bench"]: one["state"] for one in items}


def test_a_bench_alone_reports_to_nobody(make_bench):
    bench = make_bench()
    bench.reporter.start()
    bench.reporter.kick()
    assert bench.reporter.last.state == "none"


def test_failures_are_quiet_and_seen_in_the_status(make_bench, served, caplog):
    caplog.set_level(logging.INFO)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    bench = make_bench("nobody-there", url=f"http://127.0.0.1:{port}")
    stranger = make_bench("stranger", url=served.url, token="ops_wrong")
    for one in (bench, stranger):
        one.reporter.start()
        until(lambda one=one: one.reporter.last.state not in {"unknown", "none"})
    said = describe(bench)["report"]
    assert said["state"] == "failed"
    assert said["at"]
    assert "out of reach" in said["detail"]
    assert "401" in describe(stranger)["report"]["detail"]
    assert describe(stranger)["report"]["state"] == "refused"
    assert [one for one in caplog.records if one.name.startswith("service.bench")] == []


def test_a_report_that_cannot_be_made_breaks_nothing_else(make_bench):
    bench = make_bench(url="http://127.0.0.1:9")
    kept = bench.outbox.path.read_bytes()
    bench.outbox.path.write_bytes(b"no database" * 100)
    bench.reporter.start()
    until(lambda: bench.reporter.last.state == "failed")
    assert "no report could be made" in bench.reporter.last.detail
    bench.outbox.path.write_bytes(kept)
    bench.reporter.kick()
    until(lambda: "out of reach" in bench.reporter.last.detail)


def test_a_server_that_never_answers_delays_nobody(make_bench):
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        bench = make_bench(url=f"http://127.0.0.1:{mute.getsockname()[1]}")
        bench.reporter.start()
        connection, _ = mute.accept()
        with closing(connection):
            begun = time.monotonic()
            bench.reporter.kick()
            bench.outbox.open_screening("RR123456785GB")
            bench.reporter.end()
            assert time.monotonic() - begun < 1.0
            assert bench.reporter.last.state == "unknown"


def test_a_scan_under_way_is_left_alone(make_bench, served):
    bench = make_bench("calm", url=served.url, token=bench_token(served))
    bench.reporter = Reporter(bench, look_s=0.02)
    bench.reporter.start()
    named(bench)
    device = bench.devices.get("b1")

    def told():
        found = served.api("GET", "/benches/calm", Role.TECHNICIAN)
        return (
            [one["name"] for one in found.json()["report"]["devices"]] if found.status_code == 200 else None
        )

    until(lambda: told() == ["b1"])
    device._idle.clear()
    named(bench, "b2")
    time.sleep(0.3)
    assert told() == ["b1"]
    device._idle.set()
    until(lambda: told() == ["b1", "b2"])


def test_a_name_is_settled_between_screenings(make_bench):
    bench = make_bench("one")
    assert bench.name == "one"
    bench.outbox.open_screening("RR123456785GB")
    home = bench.settings.home
    renamed = Bench(Settings(home, bench_name="two"), load=lambda: None)
    assert renamed.name == "one", "a screening is open under that name"
    renamed.close()
    bench.outbox.close_screening("RR123456785GB")
    for settings in (Settings(home, bench_name="two"), Settings(home)):
        renamed = Bench(settings, load=lambda: None)
        assert renamed.name == "two"
        renamed.close()
