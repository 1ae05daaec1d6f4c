"""Methods, curves, reports and bundles on a real server, and results computed again from their bundles."""

import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest

from calibration.in_force import UNCALIBRATED
from service.api.evidence.bundles import require_room
from service.api.permissions import Role
from service.api.settings import ServerSettings
from service.archive.journal import RESERVE_BYTES
from service.archive.scanfile import decode_scan
from service.backup.restoring import restore_backup
from service.backup.writing import write_backup
from service.cli.start import run as started
from service.errors import DiskFull
from service.evidence.bundle import MANIFEST, manifest, read_bundle
from service.evidence.inputs import Inputs
from service.evidence.recompute import recompute, recomputed
from service.method_file import file_id_of
from service.plain_zip import write_zip
from tests.service.api.postgres import new_database

_SPEC = importlib.util.spec_from_file_location("evidence_kit", Path(__file__).with_name("evidence_kit.py"))
kit = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(kit)

MIXTURE = {"metamizole": 0.7, "lactose": 0.3}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evidence")


@pytest.fixture(scope="module")
def method_data(home: Path) -> bytes:
    return kit.method_data(home)


@pytest.fixture(scope="module")
def sent(server: Any, home: Path, method_data: bytes) -> Any:
    """A result of an alarm through a plastic bag, with its method on the server."""
    method, _ = kit.small(home)
    one = kit.Result.simulated(
        method, {**MIXTURE, "polyethylene": 0.4}, seed=1, container={"polyethylene": 1.0}, presentation="bag"
    )
    one.send(server, method_data)
    return one


@pytest.fixture(scope="module")
def bundle(server: Any, sent: Any) -> bytes:
    answer = server.api("GET", f"/results/{sent.result_id}/bundle", Role.AUDITOR)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_a_method_is_kept_once_and_comes_back_as_it_went(server: Any, sent: Any, method_data: bytes) -> None:
    file_id = file_id_of(method_data)
    again = server.api("PUT", f"/methods/{file_id}", content=method_data)
    assert again.status_code == 200
    back = server.api("GET", f"/methods/{file_id}", Role.AUDITOR)
    assert back.content == method_data
    digest = sent.identification["provenance"]["method"]["digest"]
    listed = server.api("GET", "/methods", Role.AUDITOR, params={"method_digest": digest}).json()["items"]
    assert [one["file_id"] for one in listed] == [file_id]
    path = server.settings.methods_path / f"{file_id}.zip"
    assert path.stat().st_mode & 0o777 == 0o400
    assert server.api("GET", "/methods", Role.PARCEL_SYSTEM).status_code == 403


def test_what_is_no_method_is_refused_and_leaves_nothing(server: Any, method_data: bytes) -> None:
    other = server.api("PUT", f"/methods/{'0' * 64}", content=method_data)
    assert (other.status_code, other.json()["code"]) == (422, "digest_mismatch")
    for data in (b"PK", write_zip({"method.json": b"{}"}), b""):
        answer = server.api("PUT", f"/methods/{file_id_of(data)}", content=data)
        assert (answer.status_code, answer.json()["code"]) == (422, "evidence_damaged"), answer.text
    left = sorted(one.name for one in server.settings.methods_path.iterdir())
    assert left in ([], [f"{file_id_of(method_data)}.zip"])


def test_curves_add_up_and_name_what_the_result_names(server: Any, sent: Any) -> None:
    told = server.api("GET", f"/results/{sent.result_id}/curves", Role.OFFICER).json()
    assert told["complete"], told["why"]
    assert {one["substance"].casefold() for one in told["components"]} >= set(MIXTURE)
    assert [one["role"] for one in told["components"]].count("container") >= 1
    size = len(told["axis_cm1"])
    assert all(len(told[name]) == size for name in ("query", "fit", "residual"))
    rest = [a - b - c for a, b, c in zip(told["query"], told["fit"], told["residual"], strict=True)]
    assert max(map(abs, rest)) < 1e-5
    assert max(map(abs, told["residual"])) < 0.2 < max(told["fit"])


def test_without_its_method_the_scan_alone_is_drawn(server: Any, home: Path) -> None:
    method, _ = kit.small(home)
    one = kit.Result.simulated(kit.another(method), {"ibuprofen": 1.0}, seed=2)
    one.send(server)
    told = server.api("GET", f"/results/{one.result_id}/curves", Role.OFFICER).json()
    assert not told["complete"]
    assert "method" in told["why"]
    assert len(told["query"]) == len(told["axis_cm1"]) > 100
    assert told["fit"] is None
    page = server.api("GET", f"/results/{one.result_id}/report.pdf", Role.OFFICER)
    assert page.content.startswith(b"%PDF")


def test_the_report_is_one_page_and_the_same_each_time(server: Any, sent: Any) -> None:
    first = server.api("GET", f"/results/{sent.result_id}/report.pdf", Role.OFFICER)
    second = server.api("GET", f"/results/{sent.result_id}/report.pdf", Role.TECHNICIAN)
    assert first.content == second.content
    assert first.content.count(b"/Type /Page\n") == 1
    nameless = server.api("GET", f"/results/{sent.result_id}/report.pdf", Role.PARCEL_SYSTEM)
    assert nameless.status_code == 200
    assert nameless.content != first.content, "parcel systems are not told who made it"


def test_a_bundle_says_how_to_check_it_and_what_it_says_is_so(bundle: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle)) as opened:
        assert opened.testzip() is None
        opened.extractall(tmp_path)
    text = (tmp_path / "README.txt").read_text()
    program = text.split('python3 -c "')[1].split('"\n')[0]
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
    for folder in ("scan", "blank", "method"):
        (one,) = (tmp_path / folder).iterdir()
        assert hashlib.sha256(one.read_bytes()).hexdigest() == one.stem
    locked = json.loads((tmp_path / "environment.json").read_text())
    assert locked["distributions"]["numpy"]
    assert locked["numeric_fingerprint"]["blas"]
    assert b"Jansen" not in bundle, "people only where they are asked for"


def test_people_are_named_where_they_are_asked_for(server: Any, sent: Any) -> None:
    path = f"/results/{sent.result_id}/bundle?people=true"
    named = read_bundle(server.api("GET", path, Role.AUDITOR).content)
    told = json.loads(bytes(named.members["people.json"]))
    events = [json.loads(one) for one in bytes(named.members["chain/events.jsonl"]).splitlines()]
    due = next(one["data"]["operator_digest"] for one in events if one["type"] == "result.accepted")
    assert hashlib.sha256(bytes.fromhex(told["salt"]) + told["operator"].encode()).hexdigest() == due
    assert server.api("GET", path, Role.OFFICER).status_code == 403


def test_a_result_comes_out_the_same_from_its_bundle_alone(bundle: bytes) -> None:
    found = recompute(read_bundle(bundle))
    assert found["same"], found["differences"]
    assert found["identical"]
    assert found["verdict"] == "alarm_named"
    assert found["recorded_digest"] == found["recomputed_digest"]


def another_machines(said: dict[str, Any], by: float) -> dict[str, Any]:
    """Return an answer as a machine of other numerics may have recorded it, the first number changed."""
    first, *others = said["components"]
    components = [{**first, "hqi": round(first["hqi"] + by, 6)}, *others]
    provenance = {**said["provenance"], "build": "numeric-of-another"}
    return {**said, "components": components, "provenance": provenance}


@pytest.mark.parametrize(
    ("light", "by", "same"), [(20_000.0, 1e-5, True), (20_000.0, 0.02, False), (4000.0, 1e-5, False)]
)
def test_only_numbers_that_the_last_bit_moves_are_excused(
    home: Path, method_data: bytes, light: float, by: float, same: bool
) -> None:
    # So bright that the weights of its background swing.
    shown = {"caffeine": 0.6, "ibuprofen": 0.4, "polyethylene": 0.4}
    made = kit.Result.simulated(kit.small(home)[0], shown, seed=36, light=light)
    scan = decode_scan(made.data)
    inputs = Inputs(another_machines(made.identification, by), scan, None, UNCALIBRATED)
    found = recomputed(made.result_id, inputs, method_data)
    assert found["kept"]
    assert found["same"] is same, found["differences"]
    assert any("last bit" in one for one in found["borderline"]) is same


def altered(bundle: bytes, name: str, change: Any) -> bytes:
    """Return a bundle of which somebody changed a member, and the manifest with it."""
    members = {key: bytes(data) for key, data in read_bundle(bundle).members.items() if key != MANIFEST}
    result_id = read_bundle(bundle).result_id
    found = next(key for key in members if key.startswith(name))
    data = change(members.pop(found))
    if data is not None:
        members[found] = data
    told = {key: (hashlib.sha256(one).hexdigest(), len(one)) for key, one in members.items()}
    return write_zip({**members, MANIFEST: manifest(result_id, told)})


def swapped(old: bytes, new: bytes) -> Any:
    return lambda data: data.replace(old, new)


TAMPERED = [
    ("result.json", swapped(b'"alarm_named"', b'"no_alarm"')),
    ("identification.json", swapped(b'"alarm_named"', b'"no_alarm"')),
    ("chain/events.jsonl", swapped(b"alarm_named", b"no_alarm")),
    ("chain/events.jsonl", lambda data: b"".join(data.splitlines(keepends=True)[1:])),
    ("chain/segment.json", lambda _: None),
    ("scan/", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    ("method/", lambda data: data[: len(data) // 2]),
    ("result.json", lambda _: b"[" * 100_000),
    ("environment.json", lambda _: None),
]


@pytest.mark.parametrize("number", range(len(TAMPERED)))
def test_whatever_was_altered_is_found(
    bundle: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(altered(bundle, *TAMPERED[number]))
    assert run("audit", "recompute", str(path)) == 4
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_bundles_of_strangers_are_refused(bundle: bytes, tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("../../escape", b"0" * 10_000_000)
    hostile = [made.getvalue(), bundle[:-30], bundle + b"x", b"", b"PK\x03\x04" * 100, os.urandom(4096)]
    for data in hostile:
        path = tmp_path / "hostile.zip"
        path.write_bytes(data)
        assert run("audit", "recompute", str(path)) == 4


def test_a_missing_method_is_said(bundle: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(altered(bundle, "method/", lambda _: None))
    assert run("audit", "recompute", str(path)) == 4
    assert "method" in capsys.readouterr().err


def test_from_the_command_line_beside_the_running_server(
    server: Any,
    sent: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / "home"))
    out, page = tmp_path / "evidence.zip", tmp_path / "result.pdf"
    db = ("--db", str(server.settings.db_path))
    assert run("audit", "bundle", sent.result_id, "--out", str(out), *db, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert run("audit", "bundle", sent.result_id, "--out", str(out), *db) == 2, "it is there already"
    monkeypatch.setenv("OPIOSCAN_TOKEN", server.tokens[Role.AUDITOR])
    assert run("report", sent.result_id, "--out", str(page), "--server", server.url) == 0
    assert page.read_bytes().startswith(b"%PDF")
    capsys.readouterr()
    assert run("audit", "recompute", str(out), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["same"]
    assert told["identical"]
    assert not [one for one in server.settings.methods_path.iterdir() if one.name.startswith(".")]


def test_from_the_command_line_with_records_in_postgresql(
    server: Any, sent: Any, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, scans = new_database(postgres_url) or "", tmp_path / "there" / "scans"
    moved = ServerSettings(tmp_path / "none.sqlite3", scans, database_url=url)
    write_backup(server.settings, tmp_path / "server.tar")
    restore_backup(moved, tmp_path / "server.tar")
    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / "home"))
    places = ("--db", url, "--scans", str(scans))
    page, out = tmp_path / "result.pdf", tmp_path / "evidence.zip"
    assert run("report", sent.result_id, "--out", str(page), *places) == 0
    answer = server.api("GET", f"/results/{sent.result_id}/report.pdf", Role.AUDITOR)
    assert page.read_bytes() == answer.content
    monkeypatch.setenv("OPIOSCAN_DATABASE_URL", url)
    assert run("audit", "bundle", sent.result_id, "--out", str(out), *places[2:]) == 0
    assert read_bundle(out.read_bytes()).result_id == sent.result_id
    both = ("--force", "--db", url, "--server", server.url)
    assert run("report", sent.result_id, "--out", str(page), *both) == 2
    assert run("report", sent.result_id, "--out", str(page), "--force", "--db", "postgresql://u@h") == 2


def test_what_cannot_be_written_is_said_and_leaves_nothing(
    sent: Any,
    server: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPIOSCAN_TOKEN", server.tokens[Role.AUDITOR])
    for command in (("report",), ("audit", "bundle")):
        out = tmp_path / "none" / "file"
        assert run(*command, sent.result_id, "--out", str(out), "--db", str(server.settings.db_path)) == 2
        assert "no folder" in capsys.readouterr().err
    # A name as long as a name may be has no room for that of the draft.
    out = tmp_path / ("x" * 255)
    assert run("report", sent.result_id, "--out", str(out), "--server", server.url) == 2
    assert capsys.readouterr().err.count("\n") == 1
    missing = ("report", str(uuid.uuid4()), "--out", str(tmp_path / "x.pdf"))
    assert run(*missing, "--server", server.url) == run(*missing, "--db", str(server.settings.db_path)) == 4
    assert list(tmp_path.glob("*.pdf")) == list(tmp_path.glob(".*.part")) == []


def test_a_bundle_leaves_the_room_that_records_need(tmp_path: Path) -> None:
    require_room(tmp_path, 1000, lambda _: RESERVE_BYTES + 1000)
    with pytest.raises(DiskFull, match="no room"):
        require_room(tmp_path, 1000, lambda _: RESERVE_BYTES + 999)


def run(*arguments: str) -> int:
    """Run a command as `opioscan` does, and return its exit code."""
    return started(list(arguments))
