"""Proof: seals of rows, signed heads, what audit verify finds, and personal data erased without breaking it."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from service.api import migrating
from service.api.clock import utc_now
from service.api.database import Database
from service.api.errors import AuditKeyUnusable, StoreUnreadable, UnrecordedChange
from service.api.events import chain, sealing
from service.api.events.read_only import read_only
from service.api.events.verification import Proof, verify
from service.api.heads_key import PRIVATE, PUBLIC, load_or_make, read_public
from service.api.heads_signed import HASHES, KEPT, LATEST, read_heads
from service.api.permissions import Role
from service.api.purging import count_purgeable, purge
from service.api.screenings.bodies import ScreeningBody
from service.api.screenings.repository import open_screening
from service.api.tables import Parcel, ResultPerson, Token
from service.api.tokens.repository import create_token
from service.api.witness import gather
from service.bench.head_copies import MOST, file_of, keep_head
from service.cli import audit
from spectra.digest import bytes_digest, json_digest

ROOT = Path(__file__).resolve().parents[3]


def prove(db: Path, **options: Any) -> Proof:
    witness = gather(options.pop("folder", db.parent), **options)
    with read_only(db) as connection:
        return verify(connection, witness)


def edit(db: Path, *statements: str) -> None:
    with closing(sqlite3.connect(db)) as raw, raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert raw.execute(statement).rowcount > 0, statement


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a server that made a few tokens and parcels, held one, and was stopped."""
    from .conftest import serving

    folder = tmp_path_factory.mktemp("stopped")
    with serving(folder) as served:
        for number in range(3):
            body = {"item_id": f"X{number}", "item_id_type": "carrier"}
            made = served.api("POST", "/parcels", Role.PARCEL_SYSTEM, json=body).json()
        parcel = made["parcel_id"]
        place = f"/parcels/{parcel}/hold"
        answers = [served.api("PUT", place, Role.ADMIN, json={"why": why}) for why in ("a", "a", "b")]
        assert [one.status_code for one in answers] == [201, 200, 409]
        assert served.api("GET", place, Role.AUDITOR).json()["why"] == "a"
        assert served.api("PUT", place, Role.OFFICER, json={"why": "a"}).status_code == 403
        assert [served.api("DELETE", place, Role.AUDITOR).status_code for _ in "12"] == [200, 404]
        assert (
            served.api("PUT", f"/parcels/{uuid.uuid4()}/hold", Role.ADMIN, json={"why": "a"}).status_code
            == 404
        )
        head = served.api("GET", "/audit/head", Role.PARCEL_SYSTEM).json()
        assert served.api("GET", "/audit/head", Role.OFFICER).status_code == 403
        assert (folder / "copy.jsonl").write_text(json.dumps(head) + "\n")
    return folder / "server"


@pytest.fixture
def copy(stopped: Path, tmp_path: Path) -> Path:
    """Return the database of a copy of that folder."""
    import shutil

    shutil.copytree(stopped, tmp_path / "server")
    return tmp_path / "server" / "opioscan.sqlite3"


# Seals ----------------------------------------------------------------------------------------


def test_an_event_carries_the_digests_of_the_rows_it_tells_of(database: Database) -> None:
    with database.write("test") as change:
        create_token(change, Role.ADMIN, name='Ä"\u2028\x1f\x7f😀')
    with database.read() as session:
        (token,) = session.query(Token).all()
        event = session.connection().exec_driver_sql("SELECT data FROM events").scalar_one()
    columns = {one.name: getattr(token, one.name) for one in Token.__table__.columns}
    said = {name: value for name, value in columns.items() if value is not None}
    assert json.loads(event)["rows"] == {f"tokens/{token.token_id}": json_digest(said)}


def test_the_fast_digest_is_that_of_rfc_8785() -> None:
    texts = ["", 'a"\\/', "\b\f\n\r\t\0\x1f\x7f", "é\u2028\ud7ff\ue000", "😀"]
    for text in texts:
        value = {"a": text, "b": 2**53 - 1, "c": None, "d": True, text: [text]}
        assert chain.canonical(value) == rfc8785.dumps(value).decode()
    assert chain.canonical({"b": 1e-7, "a": 1.0}) == '{"a":1,"b":1e-7}'
    row = {"row": 1, "parcel_id": "p", "salt": b"\1\xff", "sandbox": 0, "known_shipper": 1}
    sealer = sealing.sealer_of("parcels")
    assert sealer is not None
    due = {"row": 1, "parcel_id": "p", "salt": "01ff", "known_shipper": True}
    # What a later column says of older rows is left out, so that the step that adds it breaks no seal.
    assert sealer.digest(row) == json_digest(due)
    assert sealer.digest({**row, "risk_score": 1.0}) == json_digest({**due, "risk_score": 1})
    assert sealer.digest({**row, "sandbox": 1}) != sealer.digest(row)
    assert sealer.key({"row": "a/b%"}) == "parcels/a%2Fb%25"
    assert all(reason for reason in sealing.EXEMPT.values())


def test_a_row_changed_after_its_event_is_refused(database: Database) -> None:
    def change_after() -> None:
        with database.write("test") as change:
            _, token = create_token(change, Role.ADMIN)
            token.name = "another"

    with pytest.raises(UnrecordedChange, match="tokens has no event"):
        change_after()
    with database.read() as session:
        assert chain.head(session) == (0, chain.FIRST)


# Heads ----------------------------------------------------------------------------------------


def test_heads_are_signed_outside_the_database(stopped: Path) -> None:
    proof = prove(stopped / "opioscan.sqlite3", heads=[stopped.parent / "copy.jsonl"])
    assert proof.sound, proof.faults
    assert proof.signed_to == proof.events == 11
    key = read_public(stopped / PUBLIC)
    (latest,) = read_heads(stopped / "heads" / LATEST)
    assert latest.signed_by(key)
    assert sum(latest.counts.values()) == latest.seq == 11
    assert stat.S_IMODE((stopped / PRIVATE).stat().st_mode) == 0o600
    assert len((stopped / "heads" / HASHES).read_bytes()) == 32 * 11
    assert [one.seq for one in read_heads(stopped / "heads" / KEPT)] == [6, 11]


def test_a_cut_tail_shows_against_a_copy_of_a_head(copy: Path) -> None:
    counts = json.dumps({"token.created": 6})
    edit(
        copy,
        "DELETE FROM parcels",
        "DELETE FROM legal_holds",
        "DELETE FROM events WHERE seq > 6",
        f"UPDATE chain_head SET seq = 6, counts = '{counts}', hash = (SELECT hash FROM events WHERE seq = 6)",
    )
    key = copy.parent / PUBLIC
    assert prove(copy, folder=None).sound, "alone the chain agrees with itself"
    outside = copy.parent.parent / "copy.jsonl"
    outside.write_bytes((copy.parent / "heads" / LATEST).read_bytes())
    proof = prove(copy, folder=None, heads=[outside], public_keys=[key])
    assert not proof.sound
    assert proof.faults.first_event == 7
    outside.write_text(outside.read_text().replace('"seq": 11', '"seq": 6'))
    assert "altered after it was signed" in str(
        list(prove(copy, folder=None, heads=[outside], public_keys=[key]).faults)
    )
    load_or_make(copy.parent / "other")
    other = copy.parent / "other" / PUBLIC
    assert "unknown key" in str(list(prove(copy, folder=None, heads=[outside], public_keys=[other]).faults))


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_or_make(tmp_path)
    assert load_or_make(tmp_path).private_bytes_raw() == load_or_make(tmp_path).private_bytes_raw()
    (tmp_path / PRIVATE).chmod(0o644)
    with pytest.raises(AuditKeyUnusable, match="chmod 600"):
        load_or_make(tmp_path)


def test_a_bench_keeps_heads_and_not_too_many(tmp_path: Path) -> None:
    path = file_of(tmp_path / "heads", "https://user@post.example:8480/x")
    assert path.name == "post.example_8480.jsonl"
    for answer in (None, {}, {"head": 1}, {"head": {"seq": "1"}}, {"head": {"seq": 1, "x": "y" * 20_000}}):
        assert not keep_head(path, answer)
    path.parent.mkdir()
    path.write_text("".join(f'{{"seq": {seq}}}\n' for seq in range(1, MOST + 1)) + '{"seq"')
    assert not keep_head(path, {"head": {"seq": MOST}}), "the same once"
    assert keep_head(path, {"head": {"seq": MOST + 1}})
    kept = [json.loads(line)["seq"] for line in path.read_text().splitlines()]
    assert (kept[0], kept[-1], len(kept)) == (1, MOST + 1, MOST * 3 // 4 + 1)


# What is found --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "event", "where"),
    [
        ("UPDATE tokens SET name = 'x' WHERE rowid = 1", 1, "row tokens/"),
        ("UPDATE parcels SET salt = 'text' WHERE row = 2", 8, "row parcels/2"),
        ("UPDATE parcels SET sandbox = 2 WHERE row = 2", 8, "row parcels/2"),
        ("UPDATE parcels SET item_id = CAST(x'ff' AS TEXT) WHERE row = 3", 9, "row parcels/3"),
        ("DELETE FROM parcels WHERE row = 1", 7, "row parcels/1"),
        ("UPDATE parcels SET row = 77 WHERE row = 1", 7, "row parcels/1"),
        ("UPDATE legal_holds SET why = 'b'", 11, "row legal_holds/1"),
        ("UPDATE events SET actor = 'x' WHERE seq = 4", 4, "event 4"),
        ("UPDATE events SET prev_hash = 'x' WHERE seq = 5", 5, "event 5"),
        ("UPDATE events SET hash = 'x' WHERE seq = 5", 5, "event 5"),
        ("UPDATE events SET data = x'ff' WHERE seq = 5", 5, "event 5"),
        ("DELETE FROM events WHERE seq = 5", 5, "event 5"),
        ("UPDATE chain_head SET counts = '{}'", None, "head"),
    ],
)
def test_every_edit_is_found_and_its_first_event_named(
    copy: Path, statement: str, event: int | None, where: str
) -> None:
    edit(copy, statement)
    proof = prove(copy)
    assert not proof.sound
    assert proof.faults.first_event == event
    assert any(one.where.startswith(where) for one in proof.faults), list(proof.faults)


def test_rows_that_no_sum_can_be_made_of_break_no_proof(tmp_path: Path) -> None:
    path, label = tmp_path / "opioscan.sqlite3", {"item_id": uuid.uuid4().hex, "item_id_type": "carrier"}
    with Database(path) as database, database.write("bench") as change:
        body = ScreeningBody.model_validate({**label, "bench": "bench-1"})
        open_screening(change, str(uuid.uuid4()), body)
    edit(path, "UPDATE screenings SET opened_at = ''")
    proof = prove(path, folder=None)
    assert any(one.where.startswith("row screenings/") for one in proof.faults)
    assert any("cannot be made again" in one.what for one in proof.faults)
    with read_only(path) as connection:
        opened = connection.exec_driver_sql("SELECT min(seq) FROM events WHERE type = 'screening.opened'")
        assert proof.faults.first_event == opened.scalar_one()


def test_what_cannot_be_read_is_said_so(copy: Path, tmp_path: Path) -> None:
    edit(copy, "UPDATE alembic_version SET version_num = '0003'")
    for path in (copy, tmp_path / "none", copy.parent / PUBLIC):
        with pytest.raises(StoreUnreadable):
            prove(path, folder=None)


def test_the_command_tells_by_its_exit_code(copy: Path, tmp_path: Path) -> None:
    assert audit.PARTS
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPIOSCAN_HOME": str(tmp_path)}
    edit(copy, "UPDATE parcels SET item_id = 'other' WHERE row = 1")
    line = [sys.executable, "-m", "service.cli.start", "audit", "verify", "--db", str(copy), "--json"]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False, timeout=60)
    said = json.loads(done.stdout)
    assert (done.returncode, said["sound"], said["first_bad_event"], said["heads"]) == (1, False, 7, 3)


# Before there were seals ----------------------------------------------------------------------


def test_an_upgrade_seals_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    engine.dispose()
    record = '{"a":1}'
    link = chain.next_link(
        (0, chain.FIRST),
        kind="calibration.stored",
        at=utc_now(),
        actor="t",
        subject=f"calibrations/{bytes_digest(record.encode())}",
        data={},
    )
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO tokens VALUES ('t', 'bench', '', 'd', 'now', NULL, NULL)")
        for row in range(1, 602):
            raw.execute(f"INSERT INTO parcels VALUES ({row}, 'p{row}', 'X', 'X', 'carrier', '', x'00', 't')")
        name = bytes_digest(record.encode())
        raw.execute("INSERT INTO calibrations VALUES (1, ?, 'axis', 's', ?, 't', 'now')", (name, record))
        marks = ", ".join("?" * 8)
        raw.execute(f"INSERT INTO events ({', '.join(link)}) VALUES ({marks})", list(link.values()))
        raw.execute("UPDATE chain_head SET seq = 1, hash = ?", (link["hash"],))
    Database(path).close()
    proof = prove(path, folder=None)
    assert proof.sound, list(proof.faults)
    assert (proof.events, proof.rows) == (1 + 1 + 2 + 1, 603)
    edit(path, "UPDATE parcels SET item_id = 'Y' WHERE row = 600")
    with closing(sqlite3.connect(path)) as raw:
        query = "SELECT seq FROM events WHERE data LIKE '%\"parcels/600\"%'"
        (event,) = raw.execute(query).fetchone()
    assert prove(path, folder=None).faults.first_event == event


# Personal data --------------------------------------------------------------------------------


def test_personal_data_go_and_the_chain_stays_sound(
    serve_at: Any, scan_file: Any, new_identification: Any, tmp_path: Path
) -> None:
    from .conftest import Bench

    with serve_at(tmp_path) as served:
        bench = Bench(served, scan_file, iter(range(9)))
        screenings = [bench.open(f"X{number}", "carrier") for number in range(5)]
        results = [bench.result(one) for one in screenings]
        for one in (*screenings[:2], *screenings[3:]):
            bench.complete(one)
        parcels = [bench.screening(one)["parcel_id"] for one in screenings]
        # One result came for a parcel and was linked to another: a hold on either of them keeps it.
        for number, (came, held) in enumerate(((3, "after"), (4, "before"))):
            label = {"item_id": f"L{number}", "item_id_type": "carrier"}
            other = served.api("POST", "/parcels", json=label).json()["parcel_id"]
            link = {"screening_id": screenings[came], "parcel_id": other, "why": "swapped"}
            assert served.api("POST", "/links", Role.TECHNICIAN, json=link).status_code == 201
            parcels[came] = other if held == "after" else parcels[came]
        for held in (parcels[1], *parcels[3:]):
            placed = served.api("PUT", f"/parcels/{held}/hold", Role.ADMIN, json={"why": "Case 7"})
            assert placed.status_code == 201
    path = served.settings.db_path
    with Database(path) as database:
        with database.read() as session:
            assert set(count_purgeable(session, "2020-01-01").rows.values()) == {0}
            assert count_purgeable(session, utc_now()).rows["result_people"] == 1
        done = purge(database, "test", utc_now())
        assert ({name: many for name, many in done.rows.items() if many}, done.holds_kept) == (
            {"result_people": 1, "links": 1},
            3,
        )
        with database.read() as session:
            left = {one.result_id for one in session.query(ResultPerson)}
            assert left == set(results[1:]), "what is held or still open stays"
            assert session.query(Parcel).count() == 7
    assert prove(path).sound
    # The operator's name stands in those that stay, and nowhere else: neither in free pages nor in the log.
    files = [path, path.with_name(f"{path.name}-wal")]
    assert sum(one.read_bytes().count(b"A. Jansen") for one in files if one.exists()) == 4
