"""Backup and restore: everything comes back, on either kind of database; what was damaged or made up is refused."""

import errno
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.api.database import Database
from service.api.errors import BackupRefused, StoreUnreachable
from service.api.events import chain
from service.api.events.verification import verify_chain
from service.api.permissions import Role
from service.api.scans.repository import note_scan
from service.api.settings import ServerSettings
from service.api.tables import Base
from service.api.tokens.repository import create_token
from service.archive.journal import Archive
from service.backup.form import LEFT_OUT
from service.backup.placing import take_name, whole
from service.backup.restoring import restore_backup
from service.backup.writing import write_backup
from service.cli import start
from service.errors import UsageError
from tests.service.api.conftest import make_scan
from tests.service.api.postgres import new_database

ROOT = Path(__file__).resolve().parents[3]


def settings_at(folder: Path, url: str = "") -> ServerSettings:
    return ServerSettings(folder / "opioscan.sqlite3", folder / "scans", database_url=url)


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[ServerSettings, Path]:
    """Return a server's places, and a backup of it."""
    folder = tmp_path_factory.mktemp("backed-up")
    settings = settings_at(folder / "server")
    archive = Archive(settings.scans_path)
    with Database(settings.place) as database:
        with database.write("test") as change:
            create_token(change, Role.ADMIN, name='Zoë / "quoted" \u2028')
        for seed in range(3):
            kept = archive.put(make_scan(seed=seed))
            with database.write("test") as change:
                note_scan(change, kept.scan_id, kept.path.stat().st_size, kept.scan)
    out = folder / "out.tar"
    made = write_backup(settings, out)
    assert (made.files, made.lacking) == (3, [])
    assert out.stat().st_mode & 0o077 == 0
    return settings, out


def contents(settings: ServerSettings) -> dict[str, list[Any]]:
    with Database(settings.place) as database, database.read() as session:
        assert verify_chain(session) == []
        tables = [one for one in Base.metadata.sorted_tables if one.name not in LEFT_OUT]
        return {
            one.name: [
                tuple(row) for row in session.connection().execute(one.select().order_by(*one.primary_key))
            ]
            for one in tables
        }


def files(settings: ServerSettings) -> dict[str, bytes]:
    archive = Archive(settings.scans_path)
    return {scan_id: archive.read_bytes(scan_id) for scan_id in archive.scan_ids()}


def test_everything_comes_back(backed_up: tuple[ServerSettings, Path], tmp_path: Path) -> None:
    settings, out = backed_up
    again = settings_at(tmp_path / "again")
    done = restore_backup(again, out)
    assert (done.files, done.events, done.lacking) == (3, 4, 0)
    assert contents(again) == contents(settings)
    assert files(again) == files(settings)
    assert again.db_path.stat().st_mode & 0o077 == 0
    with pytest.raises(BackupRefused, match="records already"):
        restore_backup(again, out)


def test_records_move_to_postgresql_and_back(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path, postgres_url: str
) -> None:
    settings, out = backed_up
    moved = settings_at(tmp_path / "moved", new_database(postgres_url) or "")
    restore_backup(moved, out)
    assert contents(moved) == contents(settings)
    with Database(moved.place) as database, database.write("test") as change:
        kept = Archive(moved.scans_path).put(make_scan(seed=9))
        note_scan(change, kept.scan_id, 1, kept.scan)
    with pytest.raises(BackupRefused, match="records already"):
        restore_backup(moved, out)
    back = tmp_path / "back.tar"
    write_backup(moved, back)
    home = settings_at(tmp_path / "home")
    assert restore_backup(home, back).events == 5
    assert contents(home) == contents(moved)


def test_records_alone(backed_up: tuple[ServerSettings, Path], tmp_path: Path) -> None:
    settings, _ = backed_up
    out = tmp_path / "records.tar"
    assert write_backup(settings, out, files=False).files == 0
    done = restore_backup(settings_at(tmp_path / "again"), out)
    assert (done.files, done.lacking) == (0, 3)


def test_a_file_that_was_altered_is_replaced(backed_up: tuple[ServerSettings, Path], tmp_path: Path) -> None:
    settings, out = backed_up
    again = settings_at(tmp_path / "again")
    place = Archive(again.scans_path).path_of(next(iter(files(settings))))
    place.parent.mkdir()
    place.write_bytes(b"altered")
    assert restore_backup(again, out).files == 3
    assert files(again) == files(settings)


def test_a_damaged_scan_is_named_and_left_out(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "server")
    kept = Archive(settings.scans_path).put(make_scan())
    with Database(settings.place) as database, database.write("test") as change:
        note_scan(change, kept.scan_id, 1, kept.scan)
    kept.path.chmod(0o600)
    kept.path.write_bytes(b"damaged")
    made = write_backup(settings, tmp_path / "out.tar")
    assert (made.files, len(made.lacking)) == (0, 1)
    assert kept.scan_id in made.lacking[0]


def test_nothing_is_overwritten(backed_up: tuple[ServerSettings, Path], tmp_path: Path) -> None:
    settings, out = backed_up
    before = out.read_bytes()
    with pytest.raises(UsageError, match="there already"):
        write_backup(settings, out)
    assert out.read_bytes() == before
    with pytest.raises(UsageError, match="cannot be written"):
        write_backup(settings, tmp_path / "no" / "folder.tar")
    assert [path.name for path in out.parent.glob(".*")] == []


def test_a_stick_without_links_takes_a_backup_too(tmp_path: Path) -> None:
    def refused(_source: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    draft, out = tmp_path / "draft", tmp_path / "out"
    draft.write_bytes(b"x")
    take_name(draft, out, refused)
    assert (out.read_bytes(), draft.exists()) == (b"x", False)
    draft.write_bytes(b"y")
    for link in (refused, os.link):
        with pytest.raises(OSError, match="exists|no links"):
            take_name(draft, out, link)
    assert out.read_bytes() == b"x"


def test_a_database_that_went_away_is_no_fault_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable), whole(tmp_path / "out.tar"):
        raise StoreUnreachable("gone")
    with pytest.raises(UsageError, match="cannot be written"), whole(tmp_path / "out.tar"):
        raise OSError(errno.EIO, "Input/output error")
    assert list(tmp_path.iterdir()) == []


Members = list[tuple[tarfile.TarInfo, bytes]]


def unpacked(out: Path) -> Members:
    with tarfile.open(out) as tar:
        return [(info, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]


def packed(members: Members, out: Path) -> Path:
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in members:
            if info.isreg():
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return out


def _swap(text: bytes, other: bytes, where: str) -> Callable[[Members], Members]:
    return lambda members: [
        (info, data.replace(text, other) if info.name.startswith(where) else data) for info, data in members
    ]


def _named(name: str, kind: bytes = tarfile.REGTYPE, at: int = 1) -> Callable[[Members], Members]:
    def change(members: Members) -> Members:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd" if kind != tarfile.REGTYPE else ""
        return [*members[:at], (info, b"x"), *members[at:]]

    return change


HOSTILE: dict[str, tuple[Callable[[Members], Members], str]] = {
    "a row altered": (_swap(b'"admin"', b'"bench"', "tables/tokens"), "tokens in the backup is not what"),
    "an event altered": (_swap(b'"test"', b'"fest"', "tables/events"), "events in the backup is not what"),
    "a scan damaged": (_swap(b"HDF", b"HDX", "scans/"), "damaged"),
    "a scan missing": (lambda m: [one for one in m if one is not m[-2]], "scans/ in the backup is not what"),
    "a table missing": (lambda m: [o for o in m if "tokens" not in o[0].name], "tokens in the backup is not"),
    "no manifest": (lambda m: m[:-1], "cut off"),
    "no head": (lambda m: m[1:], "out of order"),
    "two heads": (lambda m: [m[0], *m], "out of order"),
    "something after the end": (lambda m: [*m, m[1]], "out of order"),
    "tables in another order": (lambda m: [m[0], *m[1:-5][::-1], *m[-5:]], "out of order|do not fit"),
    "another format": (_swap(b"opioscan.backup/2", b"opioscan.backup/9", "backup.json"), "no backup of"),
    "a later version": (lambda m: [(m[0][0], _later(m[0][1])), *m[1:]], "update the software"),
    "a way out": (_named("../../etc/passwd"), "belongs in none"),
    "an absolute way out": (_named("/etc/passwd"), "belongs in none"),
    "a link": (_named("scans/" + "0" * 64, tarfile.SYMTYPE), "no plain file"),
    "a device": (_named("tables/events/000001.jsonl", tarfile.CHRTYPE), "no plain file"),
    "an unknown table": (_named("tables/pg_authid/000001.jsonl"), "does not know"),
    "rows that are none": (_swap(b"{", b"[", "tables/tokens"), "cannot be read"),
    "a row with another column": (_swap(b'"size":', b'"sizes":', "tables/scans"), "cannot be read"),
    "rows of different columns": (lambda m: _first_row(m, "tables/scans", "spot"), "different columns"),
    "no number of a row": (
        _swap(b'"spot":', b'"spot":1e400,"x":', "tables/scans"),
        "cannot be read|do not fit",
    ),
    "a number that is none": (_swap(b'"spot":', b'"spot":NaN,"attempt":', "tables/scans"), "cannot be read"),
    "a number too large": (
        _swap(b'"size":', b'"size":9', "tables/scans"),
        "do not fit|cannot be|is not what",
    ),
    "a number far too large": (_swap(b'"size":', b'"size":' + b"9" * 30, "tables/scans"), "cannot be read"),
    "half of a surrogate pair": (_swap(b'"test"', b'"\\ud800"', "tables/events"), "cannot be read"),
    "a step in words": (_swap(b'"revision": "0', b'"revision": "h', "backup.json"), "no backup of"),
}


def _first_row(members: Members, where: str, column: str) -> Members:
    """Leave a column out of the first row of a table."""
    changed = []
    for info, data in members:
        if info.name.startswith(where):
            first, _, rest = data.partition(b"\n")
            row = {name: value for name, value in json.loads(first).items() if name != column}
            data = json.dumps(row).encode() + b"\n" + rest
        changed.append((info, data))
    return changed


def _later(head: bytes) -> bytes:
    return json.dumps({**json.loads(head), "revision": "9999"}).encode()


@pytest.mark.parametrize("case", HOSTILE)
def test_what_was_altered_or_made_up_is_refused(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path, case: str
) -> None:
    change, words = HOSTILE[case]
    source = packed(change(unpacked(backed_up[1])), tmp_path / "hostile.tar")
    place = settings_at(tmp_path / "place")
    with pytest.raises(BackupRefused, match=words):
        restore_backup(place, source)
    assert not place.db_path.exists()


def test_a_file_that_is_too_large_is_refused_by_its_header(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path
) -> None:
    info = tarfile.TarInfo("scans/" + "0" * 64)
    info.size = 2**32
    source = tmp_path / "large.tar"
    head = backed_up[1].read_bytes()[:1024]
    source.write_bytes(head + info.tobuf(tarfile.USTAR_FORMAT))
    with pytest.raises(BackupRefused, match="more than it may have"):
        restore_backup(settings_at(tmp_path / "place"), source)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_backup_that_was_cut_off_is_refused(
    backed_up: tuple[ServerSettings, Path], tmp_path: Path, share: float
) -> None:
    whole = backed_up[1].read_bytes()
    source = tmp_path / "cut.tar"
    source.write_bytes(whole[: int(len(whole.rstrip(b"\0")) * share)])
    with pytest.raises(BackupRefused, match="cut off|no backup"):
        restore_backup(settings_at(tmp_path / "place"), source)


def test_a_broken_chain_is_not_restored(backed_up: tuple[ServerSettings, Path], tmp_path: Path) -> None:
    """Whoever writes the manifest anew as well is found by the chain."""
    import hashlib

    members = _swap(b'"test"', b'"fest"', "tables/events")(unpacked(backed_up[1]))
    manifest = json.loads(members[-1][1])
    events = b"".join(data for info, data in members if info.name.startswith("tables/events"))
    manifest["tables"]["events"]["sha256"] = hashlib.sha256(events).hexdigest()
    members[-1] = (members[-1][0], json.dumps(manifest).encode())
    with pytest.raises(BackupRefused, match="not what they were"):
        restore_backup(settings_at(tmp_path / "place"), packed(members, tmp_path / "forged.tar"))


def test_on_the_command_line(backed_up: tuple[ServerSettings, Path], tmp_path: Path) -> None:
    from service.cli.app import dispatch

    settings, _ = backed_up
    out = tmp_path / "out.tar"
    assert dispatch(["backup", str(out), "--db", str(settings.db_path), "--json"]) == 0
    again = tmp_path / "again" / "db.sqlite3"
    assert dispatch(["restore", str(out), "--db", str(again), "--json"]) == 0
    with Database(again) as database, database.read() as session:
        assert chain.head(session)[0] == 4
    command = [sys.executable, "-m", "service.cli.start", "restore", str(out), "--db", str(again)]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (4, 1)
    assert "records already" in refused.stderr


def test_nothing_is_not_backed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / "home"))
    assert start.run(["backup", str(tmp_path / "out.tar")]) == 5
    assert "is not there" in capsys.readouterr().err
    assert not any(tmp_path.rglob("*.*")), "neither a database nor a backup was made"
