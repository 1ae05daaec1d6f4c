"""The database: its chain of events, its one writer, its steps, and what survives a kill."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

from service.api.database import Database, only_server
from service.api.errors import ServerAlreadyRunning, StoreBusy, StoreTooNew, UnrecordedChange
from service.api.events import catalogue, chain
from service.api.events.verification import ChainFault, verify_chain
from service.api.permissions import Role
from service.api.tables import Base, Token
from service.api.tokens.repository import create_token

ROOT = Path(__file__).resolve().parents[3]


def faults(path: Path) -> list[ChainFault]:
    with Database(path) as database, database.read() as session:
        return verify_chain(session)


def tamper(path: Path, *statements: str) -> None:
    """Change rows as somebody with the file would, triggers out of the way."""
    with closing(sqlite3.connect(path)) as raw, raw:
        for table in ("events", "results"):
            for verb in ("update", "delete"):
                raw.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
        for statement in statements:
            assert raw.execute(statement).rowcount > 0, statement


@pytest.fixture
def records(serve_at: Any, scan_file: Any, new_identification: Any, tmp_path: Path) -> Path:
    """Return a database with one screened parcel and five events after the tokens."""
    with serve_at(tmp_path) as served:
        screening_id = str(uuid.uuid4())
        scan_id, data = scan_file(screening_id)
        opening = {"item_id": "X1", "item_id_type": "carrier", "bench": "b"}
        served.api("PUT", f"/screenings/{screening_id}", json=opening)
        served.api("PUT", f"/scans/{scan_id}", content=data)
        body = {
            "screening_id": screening_id,
            "scan_id": scan_id,
            "identification": new_identification(scan_id),
            "device": {"model": "m", "serial": "s"},
        }
        assert served.api("PUT", f"/results/{uuid.uuid4()}", json=body).status_code == 201
        assert served.api("POST", f"/screenings/{screening_id}/complete", json={}).status_code == 200
        path = served.settings.db_path
    assert faults(path) == []
    return path


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        (
            "UPDATE events SET data = replace(data, 'false', 'true') WHERE type = 'parcel.registered'",
            "event 7",
        ),
        ("UPDATE events SET at = '2020-01-01T00:00:00Z' WHERE seq = 3", "event 3"),
        ("UPDATE events SET data = 'no json' WHERE seq = 2", "event 2"),
        ("DELETE FROM events WHERE seq = 4", "event 4"),
        ("DELETE FROM events WHERE seq = 1", "event 1"),
        ("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)", "head"),
        ("UPDATE results SET verdict = 'alarm_named'", "row results/1"),
        ("UPDATE results SET identification = replace(identification, '0.22', '0.99')", "row results/1"),
        ("UPDATE results SET device = '{'", "row results/1"),
        ("DELETE FROM results", "row results/1"),
        (
            "UPDATE screenings SET finding = replace(finding, 'no_hold_requested', 'refer')",
            "row screenings/1",
        ),
        ("DELETE FROM screenings", "row screenings/1"),
        ("UPDATE chain_head SET seq = seq + 1", "head"),
    ],
)
def test_what_was_altered_or_removed_is_found(records: Path, statement: str, where: str) -> None:
    tamper(records, statement)
    found = faults(records)
    assert any(fault.where.startswith(where) for fault in found), found


def test_a_result_slipped_in_is_found(records: Path) -> None:
    columns = (
        "screening_id, parcel_id, scan_id, verdict, training, emulated, late, identification, device, "
        "record_digest, received_at"
    )
    tamper(records, f"INSERT INTO results (result_id, {columns}) SELECT 'forged', {columns} FROM results")
    assert ChainFault("row results/2", "has no event that tells of it") in faults(records)


@pytest.mark.parametrize("table", ["results", "events"])
def test_records_cannot_be_changed_by_mistake(records: Path, table: str) -> None:
    with closing(sqlite3.connect(records)) as raw:
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET rowid = rowid"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                raw.execute(statement)


def test_the_steps_build_what_the_tables_say(database: Database) -> None:
    with database.read() as session:
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == "0010"
        assert session.connection().exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert session.connection().exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    Database(path).close()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew, match="9999.*update the software"):
        Database(path)


def test_a_change_without_an_event_is_refused(database: Database) -> None:
    with pytest.raises(UnrecordedChange), database.write("test") as change:
        change.session.add(Token(token_id="t", role="admin", name="", digest="d", created_at=change.now))
    with database.read() as session:
        assert session.query(Token).count() == 0


def test_an_event_of_an_unknown_kind_is_refused(database: Database) -> None:
    with pytest.raises(KeyError, match="catalogue"), database.write("test") as change:
        change.record("parcel.vanished", "parcels/1", {})
    assert all(text.endswith(".") for text in catalogue.KINDS.values())


def test_a_failed_change_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write("test") as change:
            create_token(change, Role.ADMIN)
            change.session.add(Token(token_id="t", role=None, name="", digest="d", created_at=change.now))

    with pytest.raises(IntegrityError):
        fail()
    with database.read() as session:
        assert chain.head(session) == (0, chain.FIRST)
        assert verify_chain(session) == []


def test_a_writer_waits_its_turn_and_no_longer(tmp_path: Path) -> None:
    with Database(tmp_path / "db.sqlite3", busy_s=0.05) as database:
        entered, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with database.write("first"):
                entered.set()
                leave.wait(10)

        thread = threading.Thread(target=hold)
        thread.start()
        entered.wait(10)
        with pytest.raises(StoreBusy, match="try again"), database.write("second"):
            pass
        leave.set()
        thread.join()
        with database.write("third") as change:
            create_token(change, Role.ADMIN)


def test_one_server_process_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "db.sqlite3"
    with only_server(path), pytest.raises(ServerAlreadyRunning, match="stop it"), only_server(path):
        pass
    with only_server(path):
        pass


def test_kill_between_posts_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPIOSCAN_HOME": str(tmp_path)}
    path = tmp_path / "server" / "opioscan.sqlite3"
    with Database(path) as database, database.write("test") as change:
        secret, _ = create_token(change, Role.PARCEL_SYSTEM)
    answered: list[str] = []
    for round_ in range(3):
        url, process = _start(env)
        stopper = threading.Timer(0.05 * round_, process.send_signal, [signal.SIGKILL])
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=10) as client:
            try:
                while True:
                    body = {"item_id": uuid.uuid4().hex, "item_id_type": "carrier"}
                    answer = client.post("/api/v1/parcels", json=body)
                    answered.append(answer.json()["parcel_id"])
                    if stopper.ident is None:
                        stopper.start()
            except httpx.TransportError:
                pass
        stopper.join()
        process.communicate(timeout=10)
    assert faults(path) == []
    with closing(sqlite3.connect(path)) as raw:
        kept = {row[0] for row in raw.execute("SELECT parcel_id FROM parcels")}
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert set(answered) <= kept
    assert len(kept) <= len(answered) + 3


def _start(env: dict[str, str]) -> tuple[str, subprocess.Popen[str]]:
    import json

    command = [sys.executable, "-m", "service.cli.start", "serve", "--port", "0", "--json"]
    process = subprocess.Popen(command, env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return json.loads(process.stdout.readline())["address"], process
