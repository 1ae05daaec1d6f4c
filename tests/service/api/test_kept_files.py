"""``audit verify --files``: scans and method files that are missing, altered, or that nobody recorded."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from service.api.database import Database
from service.api.permissions import Role
from service.api.scans.repository import note_scan
from service.api.settings import ServerSettings
from service.api.tables import MethodFile
from service.api.tokens.repository import create_token
from service.archive.journal import Archive
from service.archive.whole import write_whole
from service.cli.app import dispatch
from spectra.digest import bytes_digest

from .conftest import make_scan

METHOD = b"as good as a method"


@pytest.fixture
def kept(place: Path | str, tmp_path: Path) -> tuple[ServerSettings, list[Path]]:
    """Return a server's places with three scans and a method file, and these files."""
    url = place if isinstance(place, str) else ""
    settings = ServerSettings(tmp_path / "db.sqlite3", tmp_path / "scans", database_url=url)
    archive, files = Archive(settings.scans_path), []
    name = bytes_digest(METHOD)
    with Database(settings.place) as database, database.write("test") as change:
        _, token = create_token(change, Role.ADMIN)
        for seed in range(3):
            one = archive.put(make_scan(seed=seed))
            note_scan(change, one.scan_id, one.path.stat().st_size, one.scan)
            files.append(one.path)
        told = {"name": "m", "version": 1, "method_digest": "d", "library_digest": "l"}
        row = MethodFile(file_id=name, size=len(METHOD), token_id=token.token_id, received_at="now", **told)
        change.session.add(row)
        change.record("method.stored", f"methods/{name}", {"file_id": name, **told})
    settings.methods_path.mkdir()
    write_whole(settings.methods_path / f"{name}.zip", METHOD)
    return settings, [*files, settings.methods_path / f"{name}.zip"]


def look(settings: ServerSettings, capsys: Any) -> tuple[int, dict[str, Any]]:
    places = ["--db", str(settings.place), "--scans", str(settings.scans_path)]
    code = dispatch(["audit", "verify", *places, "--files", "--json"])
    return code, json.loads(capsys.readouterr().out)["files"]


def test_every_kind_of_fault_is_told_apart(kept: tuple[ServerSettings, list[Path]], capsys: Any) -> None:
    settings, files = kept
    before = sorted(settings.scans_path.rglob("*"))
    code, said = look(settings, capsys)
    assert (code, said["sound"], said["scans"], said["methods"], said["faults"]) == (0, True, 3, 1, [])
    assert said["bytes"] == sum(one.stat().st_size for one in files)
    assert sorted(settings.scans_path.rglob("*")) == before, "nothing was written"
    files[0].unlink()
    for one in (files[1], files[3]):
        data = bytearray(one.read_bytes())
        data[-1] ^= 1
        one.unlink()
        one.write_bytes(data)
    strays = [settings.scans_path / "stray", settings.methods_path / f"{'0' * 64}.zip"]
    strays.append(files[2].parent / f"{'f' * 64}.h5")
    for one in strays:
        one.write_bytes(b"x")
    code, said = look(settings, capsys)
    assert (code, said["unlisted"]) == (1, 0), "what is this young may still wait for its row"
    for one in strays:
        os.utime(one, (1e9, 1e9))
    code, said = look(settings, capsys)
    assert [said[kind] for kind in ("missing", "altered", "unlisted", "unreadable")] == [1, 2, 3, 0]
    assert (code, said["sound"], said["scans"], said["methods"]) == (1, False, 1, 0)
    assert {(one["kind"], one["file"]) for one in said["faults"]} == {
        ("missing", str(files[0])),
        *(("altered", str(one)) for one in (files[1], files[3])),
        *(("unlisted", str(one)) for one in strays),
    }


def test_pipes_and_links_are_not_followed(tmp_path: Path, capsys: Any) -> None:
    settings = ServerSettings(tmp_path / "db.sqlite3", tmp_path / "scans")
    archive = Archive(settings.scans_path)
    kept = [archive.put(make_scan(seed=seed)) for seed in range(3)]
    with Database(settings.place) as database, database.write("test") as change:
        for one in kept:
            note_scan(change, one.scan_id, one.path.stat().st_size, one.scan)
    kept[0].path.unlink()
    os.mkfifo(kept[0].path)
    kept[1].path.rename(tmp_path / "elsewhere")
    kept[1].path.symlink_to(tmp_path / "elsewhere")
    code, said = look(settings, capsys)
    assert (code, said["altered"], said["scans"]) == (1, 2, 1)


def test_people_are_told_in_words(kept: tuple[ServerSettings, list[Path]], capsys: Any) -> None:
    settings, files = kept
    line = ["audit", "verify", "--db", str(settings.place), "--scans", str(settings.scans_path), "--files"]
    assert dispatch(line) == 0
    assert "3 scans and 1 method files" in capsys.readouterr().out
    files[0].unlink()
    assert dispatch(line) == 1
    assert f"missing: {files[0]}" in capsys.readouterr().out
