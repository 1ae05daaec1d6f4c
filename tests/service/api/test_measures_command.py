"""``opioscan measures`` and ``opioscan operation`` against a real server."""

import json
import uuid
from typing import Any

import pytest

from service.api.permissions import Role
from service.cli.start import run


@pytest.fixture
def run_here(server: Any, opioscan_home: Any, capsys: Any, monkeypatch: Any) -> Any:
    def run_(*words: str, role: Role = Role.TECHNICIAN) -> tuple[int, str, str]:
        monkeypatch.setenv("OPIOSCAN_SERVER", server.url)
        monkeypatch.setenv("OPIOSCAN_TOKEN", server.tokens[role])
        monkeypatch.setenv("COLUMNS", "250")
        code = run(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_


def test_an_operation_from_plan_to_progress(server: Any, bench: Any, run_here: Any) -> None:
    site = f"S-{uuid.uuid4().hex[:8]}"
    plan = ("--from", "2026-01-01T00:00:00Z", "--site", site, "--target", "screened_per_day=50")
    code, out, err = run_here(
        "operation",
        "create",
        "Autumn mail",
        *plan,
        "--baseline",
        "inconclusive_rate=0.1",
        "--source",
        "x",
        "--json",
    )
    assert (code, err) == (0, "")
    made = json.loads(out)
    again = run_here("operation", "create", "Other", *plan)
    assert again[0] == 5
    assert "takes_over" in again[2]
    code, out, _ = run_here("operation", "change", made["operation_id"], "--to", "2099-01-01T00:00:00Z")
    assert (code, "to 2099-01-01" in out) == (0, True)
    assert made["operation_id"] in run_here("operation", "list", "--running", "--site", site)[1]
    assert "targets: screened_per_day 50" in run_here("operation", "show", made["operation_id"])[1]
    body = {"item_id": uuid.uuid4().hex, "item_id_type": "carrier", "bench": "bench-1", "site": site}
    server.api("PUT", f"/screenings/{uuid.uuid4()}", json=body)
    code, out, err = run_here("measures", "--operation", made["operation_id"], "--by", "bench")
    assert (code, err) == (0, "")
    for words in ("bench-1", "parcels screened a day: target not reached", "presumptive"):
        assert words in out, out
    assert json.loads(run_here("measures", "--site", site, "--json")[1])["totals"][0]["opened"] == 1
    assert run_here("measures", "--site", site, "--csv")[1].startswith("group,label,training")


def test_what_cannot_be_done_says_why(run_here: Any) -> None:
    for words, code, hint in (
        (("measures", "--json", "--csv"), 2, "--json or --csv"),
        (("measures", "--by", "person"), 5, "422"),
        (("operation", "create", "x", "--from", "2026-01-01T00:00:00Z"), 2, "--site"),
        (("operation", "change", str(uuid.uuid4())), 2, "what is to be changed"),
        (("operation", "change", str(uuid.uuid4()), "--name", "x"), 5, "no operation"),
        (("operation", "change", str(uuid.uuid4()), "--target", "joy=1"), 2, "joy"),
    ):
        found, _, err = run_here(*words)
        assert (found, hint in err) == (code, True), err
    found, _, err = run_here("measures", role=Role.PARCEL_SYSTEM)
    assert (found, "OPIOSCAN_TOKEN" in err) == (5, True)
