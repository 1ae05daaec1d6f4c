"""``opioscan impact`` against a real server: names, ambiguities, files, and what strangers answer."""

import csv
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from service.api.permissions import Role
from service.bench import operations
from service.cli.start import run


@pytest.fixture
def run_here(opioscan_home: Any, capsys: Any, monkeypatch: Any, server: Any) -> Any:
    """Return a function that runs ``opioscan impact`` in this process: a start costs a second."""

    def run_(*options: str, role: Role = Role.TECHNICIAN, url: str = "") -> tuple[int, str, str]:
        monkeypatch.setenv("OPIOSCAN_SERVER", url or server.url)
        monkeypatch.setenv("OPIOSCAN_TOKEN", server.tokens[role])
        monkeypatch.setenv("COLUMNS", "200")
        code = run(["impact", *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_


@pytest.fixture
def measured(server: Any, bench: Any, item: str) -> Any:
    """Return a function that brings a result of an instrument and returns its id."""
    screening_id = bench.open(item)

    def make(serial: str, verdict: str = "no_alarm", **changes: Any) -> str:
        body = bench.result_body(screening_id, bench.put_scan(screening_id), verdict, **changes)
        body["device"]["serial"] = serial
        made = str(uuid.uuid4())
        assert server.api("PUT", f"/results/{made}", json=body).status_code == 201
        return made

    return make


def test_results_of_a_device_as_table_json_and_file(
    server: Any, run_here: Any, measured: Any, item: str, tmp_path: Path
) -> None:
    serial = uuid.uuid4().hex
    calm, alarm = measured(serial), measured(serial, "alarm_named")
    measured("S2")
    times = {"since": "", "until": "2026-11-22T08:00:00Z"}
    op = operations.flag(
        str(uuid.uuid4()), device=f"STS/{serial}", verification="e" * 64, result_ids=[alarm], **times
    )
    assert server.api("PUT", op.path, json=dict(op.json)).status_code == 201
    code, out, err = run_here(serial)
    assert (code, err) == (0, "")
    for words in (
        "2026-11-21 12:00",
        item,
        "○ NO ALARM (training, emulated)",
        "▲ ALARM (training, emulated)",
        f"STS/{serial}",
        "measured with it",
        "⚑ UNDER REVIEW",
        f"2 result(s) depend on device {serial}",
        "1 of 2 shown are under review",
    ):
        assert words in out, words
    code, out, _ = run_here(f"STS/{serial}", "--json", "--kind", "device")
    found = json.loads(out)
    assert (code, found["total"], found["source"]) == (0, 2, server.url)
    assert [one["result_id"] for one in found["items"]] == [calm, alarm]
    code, out, _ = run_here(serial, "--csv", str(tmp_path / "out.csv"))
    assert f"Written to {tmp_path / 'out.csv'}" in out
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert [(one["result_id"], one["under_review"]) for one in rows] == [(calm, "no"), (alarm, "yes")]
    code, out, _ = run_here(serial, "--since", "2026-11-22")
    assert (code, "Nothing depends on device" in out) == (0, True)


def test_the_kind_is_recognised_and_a_short_name_completed(
    run_here: Any, measured: Any, new_identification: Any
) -> None:
    method, name = uuid.uuid4().hex * 2, uuid.uuid4().hex
    changed = {**new_identification("x")["provenance"]}
    changed["method"] = {"name": name, "version": 3, "digest": method}
    changed["recipe"] = {"name": "r", "digest": method[:9] + "0" * 55}
    measured("S1", provenance=changed)
    assert f"1 result(s) depend on method {method}" in run_here(method[:12])[1]
    assert f"1 result(s) depend on method {method}" in run_here(method.upper())[1]
    assert f"1 result(s) depend on method {name}@3" in run_here(f"{name}@3")[1]
    code, out, err = run_here(method[:9])
    assert (code, out) == (2, "")
    assert f"method {method}" in err
    assert "recipe" in err
    assert err.count("\n") == 1
    assert f"depend on recipe {method[:9]}0" in run_here(method[:9], "--kind", "recipe")[1]


def test_names_nothing_depends_on(run_here: Any, tmp_path: Path) -> None:
    code, out, err = run_here("no-such-thing")
    assert (code, err) == (0, "")
    assert "Nothing depends on no-such-thing" in out
    assert "at least 8 digits" in run_here("abc123")[1]
    code, out, _ = run_here("no-such-thing", "--json", "--csv", str(tmp_path / "out.csv"))
    assert json.loads(out)["items"] == []
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith("at,item_id")


def test_what_cannot_be_asked(run_here: Any, opioscan_home: Any) -> None:
    assert run_here("x", "--kind", "parcel")[0] == 2
    code, _, err = run_here("x", "--since", "yesterday")
    assert (code, "--since" in err) == (2, True)
    code, _, err = run_here("x", role=Role.BENCH)
    assert code == 5
    assert "token of a technician, auditor or admin, or ask with --bench" in err
    code, _, err = run_here("x", url="http://127.0.0.1:9")
    assert (code, "out of reach" in err) == (5, True)


def test_many_results_are_followed_page_by_page(
    run_here: Any, server: Any, bench: Any, item: str, monkeypatch: Any
) -> None:
    serial = uuid.uuid4().hex
    screening_id = bench.open(item)
    monkeypatch.setattr("service.impact.PAGE", 2)
    monkeypatch.setattr("service.cli.impact.MAX_LINES", 3)
    scan_id = bench.put_scan(screening_id)
    body = bench.result_body(screening_id, scan_id)
    body["device"]["serial"] = serial
    for _ in range(7):
        assert server.api("PUT", f"/results/{uuid.uuid4()}", json=body).status_code == 201
    found = json.loads(run_here(serial, "--json")[1])
    assert (found["total"], len({one["result_id"] for one in found["items"]})) == (7, 7)
    out = run_here(serial)[1]
    assert "The first 3 are shown" in out
    assert out.count(item) == 3


def test_the_command_takes_a_cell_for_no_formula() -> None:
    from service.cli.impact import _cell

    assert _cell("=1+1") == "'=1+1"
    assert _cell("RB473124829US") == "RB473124829US"
    assert (_cell(None), _cell(True), _cell("a\x1bb")) == ("", "yes", "a\N{REPLACEMENT CHARACTER}b")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"items": 5}',
        b'{"items": [5]}',
        b'{"items": [{"kind": "device", "value": "x"}]}',
        b'{"items": [{"kind": "device", "value": "x"}], "total": 9, "next_cursor": "x"}',
        b'{"items": [{"kind": "device", "value": "x"}], "total": 1, "next_cursor": null}',
    ],
)
def test_strangers_are_no_server(run_here: Any, saying: Any, body: bytes) -> None:
    with saying(body) as url:
        code, out, err = run_here("x", url=url)
    assert (code, out) == (5, "")
    assert err.startswith("opioscan: http://127.0.0.1")
