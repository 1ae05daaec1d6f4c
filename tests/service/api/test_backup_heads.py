"""Signed heads in backups: a restored server proves its tail, and goes on signing with a key of its own."""

import io
import json
import os
import resource
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.api.audit.models import HeadView
from service.api.benches.models import _EXAMPLE
from service.api.clock import utc_now
from service.api.database import Database
from service.api.errors import BackupRefused
from service.api.events.read_only import read_only
from service.api.events.verification import Proof, verify
from service.api.evidence.bundles import _heads
from service.api.heads_keeper import HeadKeeper, _append, _end_last_line
from service.api.heads_key import PRIVATE, PUBLIC, read_public, server_folder
from service.api.heads_signed import KEPT, LATEST, SUCCEEDING, read_head, read_heads
from service.api.permissions import Role
from service.api.settings import ServerSettings
from service.api.tokens.repository import create_token
from service.api.witness import gather
from service.backup.restoring import restore_backup
from service.backup.writing import write_backup
from service.cli.app import dispatch
from tests.service.api.postgres import new_database


def settings_at(folder: Path, url: str = "") -> ServerSettings:
    return ServerSettings(folder / "opioscan.sqlite3", folder / "scans", database_url=url)


def at_work(settings: ServerSettings, tokens: int) -> None:
    """Let a server sign while a few things happen."""
    with Database(settings.place) as database, HeadKeeper(database, server_folder(settings)):
        for number in range(tokens):
            with database.write("test") as change:
                create_token(change, Role.ADMIN, name=f"token {number}")


def prove(settings: ServerSettings) -> Proof:
    witness = gather(server_folder(settings))
    with read_only(settings.place) as connection:
        return verify(connection, witness)


def cut(settings: ServerSettings, to: int) -> None:
    """Cut the tail off as somebody would who can write the database."""
    counts, last = json.dumps({"token.created": to}), f"(SELECT hash FROM events WHERE seq = {to})"
    statements = (
        f"DELETE FROM tokens WHERE token_id NOT IN (SELECT substr(subject, 8) FROM events WHERE seq <= {to})",
        f"DELETE FROM events WHERE seq > {to}",
        f"UPDATE chain_head SET seq = {to}, counts = '{counts}', hash = {last}",
    )
    with Database(settings.place) as database:
        engine = database._writing
        with engine.begin() as connection:
            postgres = connection.dialect.name == "postgresql"
            if postgres:
                connection.exec_driver_sql("ALTER TABLE events DISABLE TRIGGER USER")
            else:
                wanted = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                for (name,) in connection.exec_driver_sql(wanted).fetchall():
                    connection.exec_driver_sql(f"DROP TRIGGER {name}")
            for statement in statements:
                assert connection.exec_driver_sql(statement).rowcount > 0, statement


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[ServerSettings, Path]:
    folder = tmp_path_factory.mktemp("heads")
    settings = settings_at(folder / "server")
    at_work(settings, 4)
    out = folder / "out.tar"
    made = write_backup(settings, out)
    assert (made.heads, made.lacking) == (3, [])
    return settings, out


def test_a_restored_server_proves_its_tail(
    backed_up: tuple[ServerSettings, Path], place: Path | str, tmp_path: Path
) -> None:
    again = settings_at(tmp_path / "again", place if isinstance(place, str) else "")
    done = restore_backup(again, backed_up[1])
    assert (done.heads, done.events, done.signed_to, done.new_key, done.aside) == (3, 4, 4, True, None)
    proof = prove(again)
    assert (proof.sound, proof.signed_to, proof.heads) == (True, 4, 3)
    at_work(again, 2)
    proof = prove(again)
    assert (proof.sound, proof.signed_to) == (True, 6)
    cut(again, 3)
    proof = prove(again)
    assert (proof.sound, proof.faults.first_event) == (False, 4)


def test_a_tail_that_was_cut_before_the_first_start_is_found(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path
) -> None:
    again = settings_at(tmp_path / "again")
    restore_backup(again, backed_up[1])
    cut(again, 2)
    assert prove(again).faults.first_event == 3


def test_the_key_stays_behind_and_the_next_one_says_so(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path
) -> None:
    settings, out = backed_up
    folder = server_folder(settings)
    private = (folder / PRIVATE).read_text().splitlines()[1].encode()
    assert private not in out.read_bytes()
    again = settings_at(tmp_path / "again")
    restore_backup(again, out)
    there = server_folder(again)
    assert not (there / PRIVATE).exists()
    assert (there / "heads" / KEPT).stat().st_mode & 0o077 == 0
    at_work(again, 1)
    before, now = read_public(folder / PUBLIC), read_public(there / PUBLIC)
    (head,) = read_heads(there / "heads" / LATEST)
    assert (head.schema, head.succeeds, head.signed_by(now)) == (SUCCEEDING, (before.key_id,), True)
    assert not read_head({**head.told(), "succeeds": []}).signed_by(now), "it is signed too"
    onward = tmp_path / "onward.tar"
    assert write_backup(again, onward).lacking == []
    third = settings_at(tmp_path / "third")
    restore_backup(third, onward)
    at_work(third, 1)
    (head,) = read_heads(server_folder(third) / "heads" / LATEST)
    assert set(head.succeeds) == {before.key_id, now.key_id}
    assert prove(third).sound


def test_a_key_that_was_carried_along_goes_on(backed_up: tuple[ServerSettings, Path], tmp_path: Path) -> None:
    again = settings_at(tmp_path / "again")
    folder = server_folder(again)
    folder.mkdir()
    shutil.copy2(server_folder(backed_up[0]) / PRIVATE, folder / PRIVATE)
    assert not restore_backup(again, backed_up[1]).new_key
    at_work(again, 1)
    (head,) = read_heads(folder / "heads" / LATEST)
    assert head.succeeds == ()
    assert prove(again).sound


def test_heads_of_another_chain_are_moved_aside(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path, postgres_url: str
) -> None:
    again = settings_at(tmp_path / "again", new_database(postgres_url) or "")
    folder = server_folder(again)
    with (
        Database(again.place) as database,
        HeadKeeper(database, folder),
        pytest.raises(BackupRefused, match="stop it first"),
    ):
        restore_backup(again, backed_up[1])
    done = restore_backup(again, backed_up[1])
    assert done.aside is not None
    assert (done.aside / KEPT).exists()
    at_work(again, 1)
    assert prove(again).sound


def test_a_backup_of_a_chain_that_was_cut_says_so(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(server_folder(backed_up[0]), tmp_path / "server")
    settings, out = settings_at(tmp_path / "server"), tmp_path / "out.tar"
    cut(settings, 3)
    assert dispatch(["backup", str(out), "--db", str(settings.db_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["lacking"] == ["events 4 to 4: a head of them was signed, and they are gone"]
    again = settings_at(tmp_path / "again")
    with pytest.raises(BackupRefused, match="--despite-heads"):
        restore_backup(again, out)
    assert not (server_folder(again) / "heads").exists()
    line = ["restore", str(out), "--db", str(again.db_path), "--despite-heads", "--json"]
    assert dispatch(line) == 0
    assert json.loads(capsys.readouterr().out)["heads"] == 3
    assert prove(again).faults.first_event == 4


def changed(out: Path, target: Path, change: Any) -> Path:
    with tarfile.open(out) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in change(members):
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return target


def _edit(where: str, old: bytes, new: bytes) -> Any:
    return lambda members: [
        (info, data.replace(old, new) if info.name.startswith(where) else data) for info, data in members
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_edit("heads/", b'"seq": 4', b'"seq": 3'), "altered after it was signed|not what its manifest"),
        (_edit("heads/", b"{", b"["), "cannot be read|not what its manifest"),
        (_edit("keys/", b"-----BEGIN", b"-----WEGIN"), "no public key"),
        (lambda m: [one for one in m if not one[0].name.startswith("heads/")], "heads/ in the backup is not"),
        (lambda m: [one for one in m if not one[0].name.startswith("keys/")], "keys/ in the backup is not"),
    ],
)
def test_heads_that_were_altered_are_refused(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path, change: Any, words: str
) -> None:
    again = settings_at(tmp_path / "again")
    source = changed(backed_up[1], tmp_path / "altered.tar", change)
    with pytest.raises(BackupRefused, match=words):
        restore_backup(again, source)
    assert [
        one.name for one in server_folder(again).iterdir() if one.name.startswith((".heads", "heads"))
    ] == []


def test_heads_that_cannot_be_read_are_named_and_the_rest_is_kept(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path
) -> None:
    shutil.copytree(server_folder(backed_up[0]), tmp_path / "server")
    settings = settings_at(tmp_path / "server")
    with (server_folder(settings) / "heads" / KEPT).open("a") as file:
        file.write("no head\n")
    made = write_backup(settings, tmp_path / "out.tar")
    assert "signed heads" in made.lacking[0]
    with closing(sqlite3.connect(settings.db_path)) as raw:
        assert raw.execute("SELECT count(*) FROM events").fetchone() == (4,)
    assert restore_backup(settings_at(tmp_path / "again"), tmp_path / "out.tar").events == 4


def test_drafts_of_heads_are_no_heads(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that is running has a half-written one beside the newest, a few times a second."""
    shutil.copytree(server_folder(backed_up[0]), tmp_path / "server")
    settings = settings_at(tmp_path / "server")
    (tmp_path / "server" / "heads" / f".{LATEST}").write_text('{"schema"')
    assert prove(settings).sound
    assert write_backup(settings, tmp_path / "out.tar").lacking == []
    assert dispatch(["audit", "head", "--db", str(settings.db_path)]) == 0
    assert "event 4" in capsys.readouterr().out
    assert [name for name in _heads(tmp_path / "server") if "latest" in name] == [f"chain/{LATEST}"]
    assert json.loads(_heads(tmp_path / "server")[f"chain/{LATEST}"])["seq"] == 4


def test_a_full_disk_leaves_no_half_of_a_head(tmp_path: Path) -> None:
    path = tmp_path / KEPT
    path.write_bytes(b"first\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        with pytest.raises(OSError, match="no room|large"):
            _append(descriptor, b"second\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        os.close(descriptor)
    assert path.read_bytes() == b"first\n"


def test_a_half_line_at_the_end_of_many_heads_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / KEPT
    for data in (b"x" * 100 + b"\n" + b"half", b"half", b""):
        for before in (b"", b"a line\n" * 100_000):
            path.write_bytes(before + data)
            _end_last_line(path)
            due = (before + data)[: (before + data).rfind(b"\n") + 1]
            assert path.read_bytes() == due


def test_heads_over_the_wire_are_what_was_signed(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path, serve_at: Any
) -> None:
    for name in ("first", "restored"):
        folder = tmp_path / name
        if name == "restored":
            restore_backup(settings_at(folder / "server"), backed_up[1])
        with serve_at(folder) as served:
            head = read_head(served.api("GET", "/audit/head", Role.AUDITOR).json())
            told = served.api("PUT", "/benches/bench-1", json={**_EXAMPLE, "sent_at": utc_now()})
            assert told.status_code == 201, told.text
            also = read_head(told.json()["head"])
            key = read_public(folder / "server" / PUBLIC)
            assert [one.signed_by(key) for one in (head, also)] == [True, True]
            assert bool(head.succeeds) == bool(also.succeeds) == (name == "restored")
    schema = HeadView.model_json_schema(mode="serialization", by_alias=True)
    assert {"seq", "hash", "succeeds"} <= schema["properties"].keys(), "the document tells of them"
