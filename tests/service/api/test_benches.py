"""Reports of benches: who may report what, what is refused, and how the fleet is judged by them."""

import copy
import json
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import create_engine

from service.api import migrating
from service.api.benches.models import BenchReport, NewestRelease
from service.api.benches.states import Fleet, judge
from service.api.database import Database
from service.api.events.chain import canonical
from service.api.events.verification import verify_chain
from service.api.limits import REPORT_BYTES
from service.api.permissions import Role
from service.api.tokens.repository import create_token, revoke_token
from service.fleet_words import bench_line

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SHA = {name: name * 64 for name in "abc"}


def report(**changes: Any) -> dict[str, Any]:
    """Return the report of a bench with which all is well."""
    verification = {
        "state": "verified",
        "verified_at": "2026-11-22T08:00:00Z",
        "due_at": "2101-01-01T00:00:00Z",
    }
    device = {"name": "b1", "model": "STS", "serial": "S1", "emulated": False, "verification": verification}
    library = {"name": "ours", "digest": SHA["b"]}
    method = {"name": "ours", "version": 1, "digest": SHA["a"], "training": False, "library": library}
    said = {
        "sent_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "software": "0.1.0",
        "clock": "synchronised",
        "method": method,
        "release": {"number": 3, "stale": False, "expires_at": "2101-01-01T00:00:00Z", "held_back": 0},
        "devices": [device],
        "outbox": {"pending": 0, "refused": 0, "oldest_s": None},
    }
    return {**copy.deepcopy(said), **changes}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return a report with one value at a path like ``devices.0.name``."""
    said = report()
    *way, last = (int(step) if step.isdecimal() else step for step in path.split("."))
    place: Any = said
    for step in way:
        place = place[step]
    place[last] = value
    return said


@pytest.fixture
def new_token(server: Any) -> Iterator[Callable[..., tuple[str, str]]]:
    """Return a maker of tokens; those of a test are revoked after it, so that its benches leave the fleet."""
    made = []

    def make(role: Role = Role.BENCH, **options: Any) -> tuple[str, str]:
        with Database(server.settings.db_path) as database, database.write("test") as change:
            secret, row = create_token(change, role, **options)
            made.append(row.token_id)
            return secret, row.token_id

    yield make
    with Database(server.settings.db_path) as database, database.write("test") as change:
        for token_id in made:
            revoke_token(change, token_id)


def put(server: Any, secret: str, name: str, body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}"}
    return server.client(None).put(f"/api/v1/benches/{name}", json=body, headers=headers)


def fleet(server: Any, **params: Any) -> dict[str, Any]:
    answer = server.api("GET", "/benches", Role.TECHNICIAN, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def changes_of(server: Any, name: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(server.settings.db_path)) as raw:
        query = "SELECT data FROM events WHERE type = 'bench.changed' AND subject = ? ORDER BY seq"
        return [json.loads(data) for (data,) in raw.execute(query, (f"benches/{name}",))]


def fresh() -> str:
    return f"bench-{uuid.uuid4()}"


def test_a_report_is_kept_and_shown(server: Any, new_token: Any) -> None:
    (secret, token_id), name, said = new_token(), fresh(), report()
    first = put(server, secret, name, said)
    assert (first.status_code, first.json()["bench"]) == (201, name)
    assert set(first.json()) == {"bench", "received_at", "head"}, "nothing that changes a bench is sent back"
    assert put(server, secret, name, said).status_code == 200
    found = server.api("GET", f"/benches/{name}", Role.AUDITOR).json()
    assert found["report"] == said
    assert (found["state"], found["states"], found["reasons"]) == ("current", ["current"], [])
    assert abs(found["clock_skew_s"]) < 30
    (told,) = changes_of(server, name)
    assert told["token_id"] == token_id
    assert told["facts"]["method"] == said["method"]


def test_only_changes_are_told_in_the_chain(server: Any, new_token: Any) -> None:
    (secret, _), name = new_token(), fresh()
    put(server, secret, name, report())
    busy = report(outbox={"pending": 9, "refused": 0, "oldest_s": 3.5}, clock="unsynchronised")
    busy["release"]["expires_at"] = "2101-02-01T00:00:00Z"
    assert put(server, secret, name, busy).status_code == 200
    assert server.api("GET", f"/benches/{name}", Role.OFFICER).json()["report"] == busy
    assert len(changes_of(server, name)) == 1
    put(server, secret, name, changed("method.version", 2))
    told = changes_of(server, name)
    assert [one["facts"]["method"]["version"] for one in told] == [1, 2]
    with Database(server.settings.db_path) as database, database.read() as session:
        assert verify_chain(session) == []


def test_a_start_of_a_bench_is_no_change(server: Any, new_token: Any) -> None:
    (secret, _), name = new_token(), fresh()
    put(server, secret, name, report())
    put(server, secret, name, report(method=None, release=None))
    assert server.api("GET", f"/benches/{name}", Role.OFFICER).json()["report"]["method"] is None
    put(server, secret, name, report())
    assert len(changes_of(server, name)) == 1


def test_a_bench_speaks_for_itself_only(server: Any, new_token: Any) -> None:
    (mine, _), (other, other_id), name = new_token(), new_token(), fresh()
    assert put(server, mine, name, report()).status_code == 201
    forged = put(server, other, name, changed("method.version", 7))
    assert (forged.status_code, forged.json()["code"]) == (409, "bench_taken")
    second = put(server, mine, fresh(), report())
    assert (second.status_code, second.json()["code"]) == (409, "token_taken")
    assert server.api("GET", f"/benches/{name}", Role.ADMIN).json()["report"]["method"]["version"] == 1
    assert len(changes_of(server, name)) == 1
    assert other_id not in forged.text


def test_a_new_token_takes_over_when_the_old_one_is_revoked(server: Any, new_token: Any) -> None:
    (old, old_id), (new, new_id), name = new_token(), new_token(), fresh()
    put(server, old, name, report())
    with Database(server.settings.db_path) as database, database.write("test") as change:
        revoke_token(change, old_id)
    assert name not in {one["bench"] for one in fleet(server, limit=200)["items"]}, "taken out of service"
    assert server.api("GET", f"/benches/{name}", Role.TECHNICIAN).status_code == 200
    assert put(server, new, name, report()).status_code == 200
    assert name in {one["bench"] for one in fleet(server, limit=200)["items"]}
    assert [one["token_id"] for one in changes_of(server, name)] == [old_id, new_id]
    assert put(server, old, name, report()).status_code == 401


def test_a_bench_may_report_and_see_nothing(server: Any, new_token: Any) -> None:
    (secret, _), name = new_token(), fresh()
    put(server, secret, name, report())
    headers = {"Authorization": f"Bearer {secret}"}
    for path in ("/api/v1/benches", f"/api/v1/benches/{name}", "/fleet"):
        assert server.client(None).get(path, headers=headers).status_code == 403
    missing = server.api("GET", f"/benches/{fresh()}", Role.TECHNICIAN)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("parcel", "RB473124829US"),
        ("devices.0.operator", "A. Jansen"),
        ("method.secret", "x"),
        ("software", ""),
        ("software", "0.1\u202e0"),
        ("software", "\ud800"),
        ("sent_at", "2026-11-22T12:00:00+01:00"),
        ("sent_at", "2026-13-22T12:00:00Z"),
        ("sent_at", 5),
        ("clock", "right"),
        ("method.version", 0),
        ("method.version", True),
        ("method.version", "1"),
        ("method.version", 10**30),
        ("method.digest", "A" * 64),
        ("method.digest", "a" * 64 + "\n"),
        ("method.name", "x" * 129),
        ("method.training", 0),
        ("release.number", 0),
        ("release.number", 10**9),
        ("devices", {}),
        ("devices", [report()["devices"][0]] * 65),
        ("devices.0.serial", "S1\x1b[31m"),
        ("devices.0.verification.state", "passed"),
        ("outbox.pending", -1),
        ("outbox.oldest_s", -0.5),
        ("outbox", None),
        ("\ud800", 1),
    ],
)
def test_what_does_not_fit_is_refused(server: Any, path: str, value: Any) -> None:
    body, head = json.dumps(changed(path, value)), {"content-type": "application/json"}
    answer = server.api("PUT", f"/benches/{fresh()}", content=body, headers=head)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_numbers_that_are_not_finite_are_refused(server: Any, number: str) -> None:
    body = json.dumps(changed("outbox.oldest_s", 12345.5)).replace("12345.5", number)
    head = {"content-type": "application/json"}
    answer = server.api("PUT", f"/benches/{fresh()}", content=body, headers=head)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    "name", ["%20", "-x", "a%2Fb", "x" * 65, "b%00", "b%0A", "%F0%9F%92%A3", "..%2F..", "a b"]
)
def test_strange_names_are_refused(server: Any, name: str) -> None:
    answer = server.api("PUT", f"/benches/{name}", json=report())
    assert answer.status_code in {404, 422}
    assert answer.json()["code"] in {"not_found", "invalid"}


def test_long_reports_are_refused(server: Any) -> None:
    body, head = b'{"x": "' + b"x" * REPORT_BYTES + b'"}', {"content-type": "application/json"}
    answer = server.api("PUT", f"/benches/{fresh()}", content=body, headers=head)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    deep = server.api("PUT", f"/benches/{fresh()}", content=b"[" * 60_000, headers=head)
    assert deep.json()["code"] in {"invalid", "bad_request"}


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
_PATHS = [
    "sent_at software clock method method.name method.version method.library release release.number",
    "release.expires_at devices devices.0 devices.0.name devices.0.serial devices.0.emulated outbox",
    "devices.0.verification.state devices.0.verification.verified_at devices.0.verification.due_at",
    "outbox.pending outbox.oldest_s outbox.refused",
]


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(" ".join(_PATHS).split()), value=_JSON)
def test_whatever_stands_there_is_taken_whole_or_refused(path: str, value: Any) -> None:
    said = changed(path, value)
    try:
        taken = BenchReport.model_validate(said)
    except ValidationError:
        return
    assert taken.model_dump(mode="json") == said
    kept = BenchReport.model_validate_json(canonical(taken.model_dump(mode="json")))
    assert kept == taken
    canonical(kept.facts())
    standing = judge(kept, NOW, NOW, Fleet(newest(4, 2), {}, 900.0, 600.0))
    line = bench_line(
        {
            "bench": "b",
            "state": standing.states[0],
            "states": standing.states,
            "reasons": standing.reasons,
            "training": False,
            "emulated": False,
            "received_at": NOW.isoformat(),
            "silent_for_s": 1.0,
            "report": kept.model_dump(mode="json"),
        }
    )
    assert "\n" not in "".join((*line.reasons, *line.devices, line.method, line.queue, line.software))


def test_the_list_is_paged_and_names_the_newest_release(server: Any, new_token: Any) -> None:
    names = [fresh() for _ in range(3)]
    for number, name in enumerate(names, 20):
        said = changed("release.number", number)
        said["method"]["version"] = number
        assert put(server, new_token()[0], name, said).status_code == 201
    found, cursor = [], ""
    while cursor is not None:
        page = fleet(server, limit=2, **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next_cursor"]
    states = {one["bench"]: one["state"] for one in found if one["bench"] in names}
    assert states == dict(zip(names, ["behind", "behind", "current"], strict=True))
    newest = page["newest_release"]
    assert (newest["number"], newest["source"], newest["bench"]) == (22, "reported", names[2])
    assert server.api("GET", "/benches?state=typo", Role.ADMIN).status_code == 422


def test_the_document_shows_a_report(server: Any) -> None:
    document = server.client(None).get("/api/v1/openapi.json").json()
    schema = document["components"]["schemas"]["BenchReport"]
    (example,) = schema["examples"]
    BenchReport.model_validate(example)
    assert schema["additionalProperties"] is False
    assert {"201", "200"} <= set(document["paths"]["/api/v1/benches/{bench}"]["put"]["responses"])


# How a bench stands ---------------------------------------------------------------------------


def stands(said: dict[str, Any], *, minutes: float = 1.0, **against: Any) -> tuple[list[str], str]:
    said = {**said, "sent_at": (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    usual = {"newest": None, "versions": {"ours": 1}, "silent_s": 900.0, "queue_s": 600.0}
    standing = judge(
        BenchReport.model_validate(said), NOW - timedelta(minutes=minutes), NOW, Fleet(**{**usual, **against})
    )
    return [one.value for one in standing.states], "; ".join(standing.reasons)


def newest(number: int, version: int, sha: str = "c") -> NewestRelease:
    return NewestRelease(
        number=number, name="ours", version=version, digest=SHA[sha], source="installed_here", bench=None
    )


def verified(**changes: Any) -> dict[str, Any]:
    usual = {"state": "verified", "verified_at": "2026-11-21T08:00:00Z", "due_at": "2101-01-01T00:00:00Z"}
    return changed("devices.0.verification", {**usual, **changes})


NEVER = {"verified_at": None, "due_at": None}


@pytest.mark.parametrize(
    ("said", "options", "states", "words"),
    [
        (report(), {}, ["current"], ""),
        (report(), {"minutes": 14}, ["current"], ""),
        (report(), {"minutes": 34}, ["silent"], "no report for 34 min"),
        (verified(state="missing", **NEVER), {}, ["unverified"], "b1 (STS S1): its axis was never verified"),
        (verified(state="failed"), {}, ["unverified"], "of 2026-11-21 08:00 UTC failed"),
        (verified(state="overdue"), {}, ["unverified"], "due since"),
        (verified(due_at="2026-11-22T11:59:59Z"), {}, ["unverified"], "due since 2026-11-22 11:59 UTC"),
        (report(devices=[]), {}, ["current"], ""),
        (
            report(),
            {"newest": newest(4, 2)},
            ["behind"],
            "ours@1 (release 3); the newest is ours@2 (release 4)",
        ),
        (report(), {"newest": newest(3, 1, "a")}, ["current"], ""),
        (report(), {"newest": newest(3, 1, "b")}, ["behind"], "release 3"),
        (changed("release.held_back", 4), {"newest": newest(4, 2)}, ["behind"], "rolled back from 4"),
        (report(release=None), {"newest": newest(4, 2)}, ["behind"], "which was not released"),
        (report(release=None), {"versions": {"ours": 2}}, ["behind"], "another bench has version 2"),
        (report(release=None), {"versions": {"other": 2}}, ["current"], ""),
        (report(release=None, method=None), {"newest": newest(4, 2)}, ["current"], ""),
        (changed("release.stale", True), {}, ["behind"], "past its expiry: no negatives"),
        (changed("release.number", None), {"newest": newest(4, 2)}, ["behind"], "nobody can tell"),
        (
            changed("release.expires_at", "2026-11-22T11:00:00Z"),
            {},
            ["behind"],
            "past its expiry since 2026-11-22 11:00 UTC",
        ),
        (report(outbox={"pending": 3, "refused": 0, "oldest_s": 20.0}), {}, ["current"], ""),
        (
            report(outbox={"pending": 3, "refused": 0, "oldest_s": 1500.0}),
            {},
            ["queue_waiting"],
            "3 operation(s) wait, the oldest for 25 min",
        ),
        (report(outbox={"pending": 0, "refused": 1, "oldest_s": None}), {}, ["queue_waiting"], "refused"),
        (
            report(
                devices=verified(state="failed")["devices"],
                outbox={"pending": 1, "refused": 0, "oldest_s": 1e6},
            ),
            {"minutes": 60 * 24 * 9, "newest": newest(4, 2)},
            ["silent", "unverified", "behind", "queue_waiting"],
            "no report for 9 d",
        ),
    ],
)
def test_how_a_bench_stands(said: Any, options: Any, states: list[str], words: str) -> None:
    found, reasons = stands(said, **options)
    assert found == states
    assert words in reasons
    assert bool(reasons) == (states != ["current"])


def test_a_wrong_clock_is_told_and_is_no_state() -> None:
    said = BenchReport.model_validate({**report(), "sent_at": "2026-11-22T12:10:00Z"})
    standing = judge(said, NOW, NOW, Fleet(None, {}, 900.0, 600.0))
    assert [one.value for one in standing.states] == ["current"]
    assert standing.reasons == ("its clock is 10 min ahead: set it right",)


# The page -------------------------------------------------------------------------------------


def test_the_page_tells_states_in_words(server: Any, new_token: Any) -> None:
    calm, grave = fresh(), fresh()
    put(server, new_token()[0], calm, report())
    bad = verified(state="failed")
    bad["method"] |= {"name": "<script>alert(1)</script>", "training": True}
    bad["devices"][0]["emulated"] = True
    bad["outbox"] = {"pending": 4, "refused": 1, "oldest_s": 7300.0}
    put(server, new_token()[0], grave, bad)
    page = server.client(Role.TECHNICIAN).get("/fleet")
    assert page.status_code == 200
    assert "<script" not in page.text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text))
    for words in (
        "! UNVERIFIED",
        "≡ QUEUE WAITING",
        "✓ CURRENT",
        "TRAINING",
        "EMULATED INSTRUMENT",
        "b1: STS S1 (emulated), FAILED at 2026-11-21 08:00",
        "4 waiting, the oldest 2 h, 1 refused",
        "ours@1, release 3, good until 2101-01-01 00:00",
        "software 0.1.0, clock synchronised",
    ):
        assert words in text, words
    rows = [page.text.index(f">{name}<") for name in (grave, calm)]
    assert rows == sorted(rows), "the gravest first"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert 'href="/fleet"' in server.client(Role.TECHNICIAN).get("/").text


def test_strangers_are_led_to_the_form(server: Any) -> None:
    with httpx.Client(base_url=server.url) as browser:
        answer = browser.get("/fleet")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_server_without_benches_says_so(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path) as served:
        assert "No bench has reported yet" in served.client(Role.ADMIN).get("/fleet").text
        assert fleet(served) == {"items": [], "next_cursor": None, "newest_release": None}


# The database ---------------------------------------------------------------------------------


def test_a_database_of_before_the_fleet_is_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with Database(path) as database:
        with database.write("test") as change:
            create_token(change, Role.BENCH)
        with database.read() as session:
            assert verify_chain(session) == []


def test_facts_that_were_altered_are_found(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path) as served:
        assert served.api("PUT", "/benches/b", json=report()).status_code == 201
    path = served.settings.db_path
    for statement in (
        "UPDATE benches SET facts = replace(facts, '\"version\":1', '\"version\":2')",
        "DELETE FROM benches",
    ):
        with closing(sqlite3.connect(path)) as raw, raw:
            assert raw.execute(statement).rowcount == 1
        with Database(path) as database, database.read() as session:
            (fault,) = verify_chain(session)
        assert fault.where == "row benches/1"
