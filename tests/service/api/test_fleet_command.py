"""``opioscan fleet`` against a real server, strangers and none."""

import json

import pytest

from service.api.permissions import Role
from service.cli.start import run
from service.errors import ServerUnreachable
from service.fleet import ask_fleet
from service.settings import Settings


@pytest.fixture
def run_here(opioscan_home, capsys, monkeypatch):
    """Return a function that runs ``opioscan fleet`` in this process: a start costs a second."""

    def run_(url, token, *options):
        monkeypatch.setenv("OPIOSCAN_SERVER", url)
        monkeypatch.setenv("OPIOSCAN_TOKEN", token)
        monkeypatch.setenv("COLUMNS", "200")
        code = run(["fleet", *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_


def report(**changes):
    verification = {"state": "missing", "verified_at": None, "due_at": None}
    device = {"name": "b1", "model": "", "serial": "", "emulated": True, "verification": verification}
    library = {"name": "starter", "digest": "b" * 64}
    method = {"name": "training", "version": 1, "digest": "a" * 64, "training": True, "library": library}
    return {
        "sent_at": "2026-11-22T12:00:00Z",
        "software": "0.1.0",
        "clock": "unknown",
        "method": method,
        "release": None,
        "devices": [device],
        "outbox": {"pending": 0, "refused": 0, "oldest_s": None},
        **changes,
    }


def test_the_fleet_in_a_terminal_and_for_programs(server, run_here):
    token = server.tokens[Role.TECHNICIAN]
    code, out, _ = run_here(server.url, token)
    assert code == 0
    assert "0 benches." in out
    assert "No bench has reported yet." in out
    assert server.api("PUT", "/benches/bench-3", json=report()).status_code == 201
    code, out, err = run_here(server.url, token)
    assert (code, err) == (0, "")
    for words in (
        "1 bench: ! 1 unverified.",
        "bench-3",
        "! UNVERIFIED",
        "training@1, not released",
        "### TRAINING ###",
        "### EMULATED INSTRUMENT ###",
        "b1: not opened yet (emulated), never verified",
        "b1: its axis was never verified",
    ):
        assert words in out, words
    code, out, _ = run_here(server.url, token, "--json")
    found = json.loads(out)
    assert (found["server"], found["newest_release"]) == (server.url, None)
    assert [one["report"] for one in found["benches"]] == [report()]


def test_a_bench_sees_no_fleet(server, run_here):
    code, out, err = run_here(server.url, server.tokens[Role.BENCH])
    assert (code, out) == (5, "")
    assert "may not list benches" in err
    assert "token of a technician" in err
    code, _, err = run_here(server.url, "ops_wrong", "--json")
    assert (code, json.loads(err)["code"]) == (5, "server_refused")


def test_without_a_server(run_here):
    assert "no server is configured" in run_here("", "")[2]
    code, _, err = run_here("http://127.0.0.1:9", "")
    assert code == 5
    assert "out of reach" in err


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<h1>Welcome to the airport</h1>", "text/html"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"{}", "application/json"),
        (b'{"items": 5, "newest_release": null, "next_cursor": null}', "application/json"),
        (b'{"items": [5], "newest_release": null, "next_cursor": null}', "application/json"),
        (b'{"items": [{"bench": "x"}], "newest_release": null, "next_cursor": null}', "application/json"),
        (b'{"items": [], "newest_release": 7, "next_cursor": null}', "application/json"),
    ],
)
def test_strangers_are_no_server(run_here, saying, body, kind):
    with saying(body, kind) as url:
        code, out, err = run_here(url, "")
    assert (code, out) == (5, "")
    assert err.startswith("opioscan: http://127.0.0.1")
    assert "Traceback" not in err


def test_a_list_without_an_end_is_left(tmp_path, saying):
    endless = b'{"items": [{}], "newest_release": null, "next_cursor": "x"}'
    with saying(endless) as url, pytest.raises(ServerUnreachable, match="no end"):
        ask_fleet(Settings(tmp_path, server_url=url))


def test_a_state_of_a_later_version_is_shown_first(server, run_here, saying):
    answer = server.api("GET", "/benches", Role.ADMIN).json()
    assert answer["items"], "the first test reported"
    later = {**answer["items"][0], "bench": "later\x1b[31m", "state": "asleep", "states": ["asleep"]}
    page = {"items": [*answer["items"], later], "newest_release": None, "next_cursor": None}
    with saying(json.dumps(page).encode()) as url:
        code, out, _ = run_here(url, "")
    assert code == 0
    assert out.index("later") < out.index("bench-3")
    assert "? UNKNOWN STATE" in out
    assert "\x1b" not in out
